"""Cheaper variants of `layers.attention.Attention`: output without weights, or a single query per row."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from lookhear.layers.attention import Attention, drop


def attended(
    attn: Attention,
    query: Float[Tensor, "row query dim"],
    key: Float[Tensor, "row key dim"],
    value: Float[Tensor, "row key dim"],
    padding_mask: Bool[Tensor, "row key"] | None = None,
) -> Float[Tensor, "row query dim"]:
    """Outputs of the heads of `attn`, concatenated, before its output projection and without attention weights.

    Query, key and value are already projected. Without dropout, no tensor of queries times keys is kept.
    """
    q, k, v = (rearrange(x, "row n (head dim) -> row head n dim", head=attn.heads) for x in (query, key, value))
    keep = None if padding_mask is None else ~padding_mask[:, None, None]
    if attn.training and attn.dropout:
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        scores = scores if keep is None else scores.masked_fill(~keep, float("-inf"))
        taken = drop(scores.softmax(dim=-1), attn.dropout, True) @ v
    else:
        taken = F.scaled_dot_product_attention(q, k, v, keep)
    return rearrange(taken, "row head n dim -> row n (head dim)")


def one_query(
    attn: Attention, x: Float[Tensor, "row dim"], memory: Float[Tensor, "row time dim"]
) -> Float[Tensor, "row dim"]:
    """The output of `attn` for one query per row, without projecting the memory.

    The query of each head is multiplied with the key projection, and the attended memory with the value projection,
    which saves a factor of the length. The key's bias adds the same to every score of a head and cancels in the
    softmax.
    """
    wq, wk, wv = rearrange(attn.in_proj_weight, "(part d) dim -> part d dim", part=3)
    bq, _, bv = attn.in_proj_bias.chunk(3)
    query = rearrange(F.linear(x, wq, bq), "row (head d) -> head row d", head=attn.heads)
    query = query @ rearrange(wk, "(head d) dim -> head d dim", head=attn.heads)
    scores = query.transpose(0, 1) @ memory.transpose(1, 2) * (attn.dim // attn.heads) ** -0.5
    weight = drop(scores.softmax(dim=-1), attn.dropout, attn.training)
    taken = (weight @ memory).transpose(0, 1) @ rearrange(wv, "(head d) dim -> head dim d", head=attn.heads)
    taken = taken + weight.sum(dim=-1).T.unsqueeze(-1) * rearrange(bv, "(head d) -> head 1 d", head=attn.heads)
    return attn.out_proj(rearrange(taken, "head row d -> row (head d)"))
