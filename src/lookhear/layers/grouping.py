"""Grouping by class tokens, as in GroupViT: a transformer trunk, and tokens that group the elements of a sequence.

SaSR-Net and CIGN share these modules; parameters have the names of their published checkpoints.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """Two linear layers with a GELU in between."""

    def __init__(self, inputs: int, inner: int, outputs: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, inner), nn.Linear(inner, outputs)

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """Same shape except for the last axis."""
        return self.fc2(F.gelu(self.fc1(x)))


class Take(nn.Module):
    """Multi-head attention with separate projections for queries, keys and values."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, x: Float[Tensor, "row n dim"], y: Float[Tensor, "row key dim"]) -> Float[Tensor, "row n dim"]:
        """Attention of x to y."""
        parts = (self.q_proj(x), self.k_proj(y), self.v_proj(y))
        q, k, v = (rearrange(z, "row n (head dim) -> row head n dim", head=self.heads) for z in parts)
        weight = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.proj(rearrange(weight @ v, "row head n dim -> row n (head dim)"))


class SelfTake(nn.Module):
    """Multi-head self-attention with one projection for queries, keys and values."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Self-attention of x."""
        q, k, v = rearrange(self.qkv(x), "row n (three head dim) -> three row head n dim", three=3, head=self.heads)
        weight = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.proj(rearrange(weight @ v, "row head n dim -> row n (head dim)"))


class Block(nn.Module):
    """A pre-norm transformer block with stochastic depth (probability `path`, per row)."""

    def __init__(self, dim: int, heads: int, path: float = 0.1) -> None:
        super().__init__()
        self.path = path
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), SelfTake(dim, heads), nn.LayerNorm(dim)
        self.mlp = Mlp(dim, 4 * dim, dim)

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape."""
        x = x + self.sometimes(self.attn(self.norm1(x)))
        return x + self.sometimes(self.mlp(self.norm2(x)))

    def sometimes(self, change: Tensor) -> Tensor:
        """Stochastic depth: in training, drop the residual of random rows and scale the others up."""
        if not self.training:
            return change
        keep = torch.rand(len(change), 1, 1, device=change.device) >= self.path
        return change * keep / (1 - self.path)


class CrossBlock(nn.Module):
    """x + attention(LN x; LN y), then + MLP(LN)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm_q, self.norm_k, self.norm2 = (nn.LayerNorm(dim) for _ in range(3))
        self.attn, self.mlp = Take(dim, heads), Mlp(dim, 4 * dim, dim)

    def forward(self, x: Float[Tensor, "row n dim"], y: Float[Tensor, "row key dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape as x."""
        x = x + self.attn(self.norm_q(x), self.norm_k(y))
        return x + self.mlp(self.norm2(x))


class After(nn.Module):
    """x + attention(x; y), then + MLP(LN), then LN."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attn, self.norm2, self.mlp = Take(dim, heads), nn.LayerNorm(dim), Mlp(dim, 4 * dim, dim)
        self.norm_post = nn.LayerNorm(dim)

    def forward(self, x: Float[Tensor, "row n dim"], y: Float[Tensor, "row key dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape as x."""
        x = x + self.attn(x, y)
        return self.norm_post(x + self.mlp(self.norm2(x)))


class Assign(nn.Module):
    """Assign each element of a sequence to one group (`hard`) or softly to all; a group sums its elements."""

    def __init__(self, dim: int, hard: bool) -> None:
        super().__init__()
        self.hard = hard
        self.q_proj, self.k_proj, self.v_proj, self.proj = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, groups: Tensor, x: Tensor) -> tuple[Float[Tensor, "row group dim"], Tensor]:
        """(group vectors, assignment (row, group, n)); a hard assignment has straight-through gradients."""
        scores = self.q_proj(groups) @ self.k_proj(x).transpose(1, 2) * groups.shape[-1] ** -0.5
        if self.hard and self.training:
            scores = scores - torch.empty_like(scores).exponential_().log()  # Gumbel noise
        share = scores.softmax(dim=1)
        if self.hard:
            chosen = F.one_hot(share.argmax(dim=1), share.shape[1]).transpose(1, 2).to(share.dtype)
            share = chosen - share.detach() + share
        return self.proj(share / (share.sum(dim=-1, keepdim=True) + 1) @ self.v_proj(x)), share


class Group(nn.Module):
    """Cross-attention of group tokens to the sequence, then assignment of its elements to the groups."""

    def __init__(self, dim: int, tokens: int, heads: int, hard: bool) -> None:
        super().__init__()
        self.norm_tokens, self.norm_x, self.norm_post_tokens, self.norm_new_x = (nn.LayerNorm(dim) for _ in range(4))
        self.mlp_inter = Mlp(tokens, dim // 2, tokens)
        self.pre_assign_attn, self.assign = After(dim, heads), Assign(dim, hard)
        self.mlp_channels = Mlp(dim, 4 * dim, dim)

    def forward(self, x: Float[Tensor, "row n dim"], groups: Float[Tensor, "row group dim"]) -> tuple[Tensor, Tensor]:
        """(one vector per group, the assignment)."""
        x = self.norm_x(x)
        mixed = self.mlp_inter(self.norm_tokens(groups).transpose(1, 2)).transpose(1, 2)
        groups = self.pre_assign_attn(self.norm_post_tokens(mixed), x)
        got, share = self.assign(groups, x)
        z = got + groups
        return z + self.mlp_channels(self.norm_new_x(z)), share


class Grouped(nn.Module):
    """Transformer trunk over sequence and class tokens, then grouping, with an optional soft grouping by `other`."""

    def __init__(self, dim: int, tokens: int, heads: int, depth: int, hard: bool, other: int = 0, close: bool = False):
        super().__init__()
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.han_encoder = Group(dim, other, heads, hard=False) if other else None
        self.grouping = Group(dim, tokens, heads, hard)
        self.cross_attn = nn.ModuleList([CrossBlock(dim, heads)] if close else [])

    def forward(
        self, x: Float[Tensor, "row n dim"], tokens: Float[Tensor, "class dim"], other: Tensor | None = None
    ) -> dict[str, Tensor]:
        """`groups` (row, class, dim), `assign`, and `out`, the sequence after attention to its groups."""
        length, both = x.shape[1], torch.cat([x, tokens.expand(len(x), -1, -1)], dim=1)
        for block in self.blocks:
            both = block(both)
        x, tokens = both.split([length, both.shape[1] - length], dim=1)
        if self.han_encoder is not None:
            x, _ = self.han_encoder(x, other)
        groups, share = self.grouping(x, tokens)
        out = x
        for into in self.cross_attn:
            out = out + into(x, groups)
        return {"groups": groups, "assign": share, "out": out, "trunk": both}
