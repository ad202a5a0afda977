"""Shared attention layers: dropout, multi-head attention, single-head attention with folded projections.

Two identities save half of the projections of a single-head layer. Attention scores are bilinear, so one matrix
`W_k^T W_q` replaces the query and key projections. The output projection commutes with the weighted sum, so one matrix
`W_o W_v` replaces the value and output projections. Both are exact, with or without dropout.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def keep_mask(shape: tuple[int, ...], dropout: float, device: torch.device | str = "cpu") -> Tensor:
    """A dropout mask of `shape`, uint8: 0 with probability `dropout`, otherwise 1.

    It uses 16 random bits per element, which on a CPU is several times faster than torch's Bernoulli; the probability
    is exact to 1/65536.
    """
    size = prod(shape)
    bits = torch.empty((size + 3) // 4, dtype=torch.int64, device=device).random_(-(2**63), None)
    return (bits.view(torch.int16)[:size] >= round(dropout * 65536) - 32768).view(torch.uint8).view(shape)


class MaskedDropout(torch.autograd.Function):
    """x * mask / (1 - dropout); only the mask (one byte per element) is saved for the backward pass."""

    @staticmethod
    def forward(ctx, x: Tensor, mask: Tensor, dropout: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(mask)
        ctx.scale = 1 / (1 - dropout)
        return mask.to(x.dtype).mul_(x).mul_(ctx.scale)

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        return ctx.saved_tensors[0].to(gradient.dtype).mul_(gradient).mul_(ctx.scale), None, None


def drop(x: Tensor, dropout: float, training: bool) -> Tensor:
    """Dropout."""
    return MaskedDropout.apply(x, keep_mask(tuple(x.shape), dropout, x.device), dropout) if training and dropout else x


def trim_padding(
    words: Float[Tensor, "row word dim"],
) -> tuple[Float[Tensor, "row longest dim"], Bool[Tensor, "row longest"] | None]:
    """Cut `words` to the longest text of the batch; returns (words, padding mask), with None if there is no padding.

    All-zero vectors are padding, because no text encoder outputs zeros for a word. A text of padding only is not
    masked.
    """
    padding_mask = (words == 0).all(dim=-1)
    if words.is_meta or not padding_mask.any():  # meta tensors have no values
        return words, None
    padding_mask = padding_mask & ~padding_mask.all(dim=1, keepdim=True)
    longest = int((~padding_mask).any(dim=0).nonzero().max()) + 1
    return words[:, :longest], padding_mask[:, :longest]


def masked(scores: Tensor, padding_mask: Tensor | None) -> Tensor:
    """Attention scores with -inf where `padding_mask` (broadcast to their shape) is True; None masks nothing."""
    return scores if padding_mask is None else scores.masked_fill(padding_mask, -torch.inf)


class Folding(nn.Module):
    """A module that caches products of its own weights when gradients are disabled.

    With gradients enabled, products are computed in the graph. Otherwise they are cached until a parameter changes its
    storage or version (as with optimizers and `load_state_dict`) or `train()` or `eval()` is called. Only writes
    through `.data` are not noticed.
    """

    _kept: dict[str, tuple[Any, Any]] | None = None

    def folded(self, name: str, make: Callable[[], Any]) -> Any:
        """The value of `make()` for the current weights, cached if possible."""
        if torch.is_grad_enabled():
            return make()
        state = weights_state(self)
        self._kept = self._kept or {}
        if name not in self._kept or self._kept[name][0] != state:
            with torch.autocast(state_device(self), enabled=False):
                self._kept[name] = (state, make())
        return self._kept[name][1]

    def train(self, mode: bool = True) -> Folding:
        """As in torch; also clears the cache."""
        self._kept = None
        return super().train(mode)


def weights_state(net: nn.Module) -> tuple[tuple[int, int], ...]:
    """Storage and version of every parameter: changes where a weight, a parameter or a module is changed or replaced.

    `net.parameters()` takes four times as long, most of it for names and for parameters that are shared.
    """
    todo, found = [net], list[nn.Parameter | None]()
    while todo:
        module = todo.pop()
        found += module._parameters.values()
        todo += (part for part in module._modules.values() if part is not None)
    return tuple((p.data_ptr(), p._version) for p in found if p is not None)


def state_device(net: nn.Module) -> str:
    """Device type of the parameters: cpu, cuda, ..."""
    return next(net.parameters()).device.type


class Attention(Folding):
    """Multi-head attention with the parameters (and their names) of `nn.MultiheadAttention`, batch first.

    `project` and `attend` are separate, so that projections that depend on one input only can be computed once.
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dim, self.heads, self.dropout = dim, heads, dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def project(self, x: Float[Tensor, "*rows dim"], which: str) -> Float[Tensor, "*rows parts_dim"]:
        """Projections of `x` named in `which`, a substring of "qkv", concatenated."""
        start = "qkv".index(which) * self.dim
        part = slice(start, start + len(which) * self.dim)
        return F.linear(x, self.in_proj_weight[part], self.in_proj_bias[part])

    def attend(
        self,
        q: Float[Tensor, "row query dim"],
        k: Float[Tensor, "row key dim"],
        v: Float[Tensor, "row key dim"],
        padding_mask: Bool[Tensor, "row key"] | None = None,
    ) -> tuple[Float[Tensor, "row query dim"], Float[Tensor, "row query key"]]:
        """(output, attention weights averaged over heads) for projected queries, keys and values.

        Keys where `padding_mask` is True get no weight.
        """
        q, k, v = (rearrange(x, "row n (head dim) -> row head n dim", head=self.heads) for x in (q, k, v))
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        weight = masked(scores, padding_mask if padding_mask is None else padding_mask[:, None, None]).softmax(dim=-1)
        taken = drop(weight, self.dropout, self.training) @ v
        return self.out_proj(rearrange(taken, "row head n dim -> row n (head dim)")), weight.mean(dim=1)

    def forward(
        self, x: Float[Tensor, "row query dim"], y: Float[Tensor, "row key dim"], padding_mask: Tensor | None = None
    ) -> tuple[Float[Tensor, "row query dim"], Float[Tensor, "row query key"]]:
        """(output of `x` attending to `y`, attention weights before dropout, averaged over heads)."""
        k, v = self.project(y, "kv").chunk(2, dim=-1)
        return self.attend(self.project(x, "q"), k, v, padding_mask)

    def fold_query(self, x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """One head only: queries of `x` with the key projection folded in.

        Their dot products with unprojected keys are the attention scores.
        """
        return F.linear(x, *self.folded("query", self.query_weight))

    def fold_value(self, y: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """One head only: values of `y` with the output projection folded in, without `out_proj.bias`."""
        return F.linear(y, *self.folded("value", self.value_weight))

    def query_weight(self) -> tuple[Tensor, Tensor]:
        """One head only: matrix and bias of `fold_query`."""
        wq, wk, _ = self.in_proj_weight.chunk(3)
        scale = self.dim**-0.5  # the key bias adds a constant to each row of scores, which softmax ignores
        return scale * (wk.T @ wq), scale * (wk.T @ self.in_proj_bias[: self.dim])

    def value_weight(self) -> tuple[Tensor, Tensor]:
        """One head only: matrix and bias of `fold_value`."""
        wo, wv = self.out_proj.weight, self.in_proj_weight[2 * self.dim :]
        return wo @ wv, wo @ self.in_proj_bias[2 * self.dim :]

    def attend_folded(
        self,
        query: Float[Tensor, "row query dim"],
        key: Float[Tensor, "row key dim"],
        value: Float[Tensor, "row key dim"],
        padding_mask: Bool[Tensor, "row key"] | None = None,
    ) -> tuple[Float[Tensor, "row query dim"], Float[Tensor, "row query key"]]:
        """One head only: (output, weights) from `fold_query(x)`, unprojected keys `y`, and `fold_value(y)`."""
        scores = query @ key.transpose(1, 2)
        weight = masked(scores, padding_mask if padding_mask is None else padding_mask[:, None]).softmax(dim=-1)
        return drop(weight, self.dropout, self.training) @ value + self.out_proj.bias, weight


class HanLayer(nn.Module):
    """Self-attention and, if `cross`, cross-attention, then a feed-forward layer; one head, post-norm.

        u = LN1(x + self(x) + cross(x, y));   out = LN2(u + Lin2(relu(Lin1(u))))

    PSTP-Net, TSPM and AV-Master share this layer. `alone(x)` and `cm_attn.fold_query(x)` depend on `x` only and can be
    computed once per clip; `join` computes the rest per question.
    """

    def __init__(self, dim: int, dropout: float = 0.1, cross: bool = True) -> None:
        super().__init__()
        self.dropout = dropout
        self.self_attn = Attention(dim, 1, dropout)
        self.cm_attn = Attention(dim, 1, dropout) if cross else None
        self.linear1, self.linear2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def alone(self, x: Float[Tensor, "row time dim"]) -> tuple[Float[Tensor, "row time dim"], Tensor]:
        """(x + self-attention of x, its weights)."""
        taken, weight = self.self_attn.attend_folded(self.self_attn.fold_query(x), x, self.self_attn.fold_value(x))
        return x + drop(taken, self.dropout, self.training), weight

    def join(
        self,
        own: Float[Tensor, "row time dim"],
        query: Float[Tensor, "row time dim"],
        y: Float[Tensor, "row other dim"],
        value: Float[Tensor, "row other dim"],
        padding_mask: Bool[Tensor, "row other"] | None = None,
    ) -> tuple[Float[Tensor, "row time dim"], Float[Tensor, "row time other"]]:
        """(output from `own = alone(x)[0]`, `query` and `value` folded by `cm_attn`; weights of `y`)."""
        taken, weight = self.cm_attn.attend_folded(query, y, value, padding_mask)
        return self.feed(own + drop(taken, self.dropout, self.training)), weight

    def feed(self, total: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """The two norms and the feed-forward layer between them."""
        u = self.norm1(total)
        inner = drop(self.linear1(u).relu_(), self.dropout, self.training)
        return self.norm2(drop(self.linear2(inner), self.dropout, self.training).add_(u))

    def forward(self, x: Float[Tensor, "row time dim"], y: Tensor | None = None) -> Float[Tensor, "row time dim"]:
        """The whole layer."""
        own, _ = self.alone(x)
        if self.cm_attn is None:
            return self.feed(own)
        return self.join(own, self.cm_attn.fold_query(x), y, self.cm_attn.fold_value(y))[0]


class QueryBlock(nn.Module):
    """Cross-attention from one query to a sequence, then a feed-forward layer, without a residual of the query.

        a = attention(q, y);   out = LN(a + Lin2(relu(Lin1(a))))

    Shared by TSPM and PSTP-Net.
    """

    def __init__(self, dim: int, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = dropout
        self.attn = Attention(dim, heads, dropout)
        self.linear1, self.linear2, self.norm = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.LayerNorm(dim)

    def forward(
        self, q: Float[Tensor, "row dim"], y: Float[Tensor, "row key dim"]
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row key"]]:
        """(output, weight of each row of `y`, averaged over heads)."""
        return self.feed(*self.attn(q.unsqueeze(1), y))

    def feed(self, taken: Float[Tensor, "row 1 dim"], weight: Float[Tensor, "row 1 key"]) -> tuple[Tensor, Tensor]:
        """(output, weight) from the result of the attention."""
        taken = taken.squeeze(1)
        inner = drop(self.linear1(taken).relu(), self.dropout, self.training)
        return self.norm(taken + drop(self.linear2(inner), self.dropout, self.training)), weight.squeeze(1)


def query_names(old: str, new: str, word: str = "qst") -> dict[str, str]:
    """Published prefixes of a query block -> our prefixes."""
    names = {f"{old}.{word}_query_linear{n}": f"{new}.linear{n}" for n in (1, 2)}
    return names | {f"{old}.attn_{word}_query": f"{new}.attn", f"{old}.{word}_query_visual_norm": f"{new}.norm"}


def scatter_weights(
    weight: Float[Tensor, "row pick"], seconds: Int[Tensor, "row pick"], length: int
) -> Float[Tensor, "row time"]:
    """Weights of selected seconds scattered to their positions in the clip; all others are 0."""
    return weight.new_zeros(len(weight), length).scatter_add_(1, seconds, weight)


def largest_few(weight: Float[Tensor, "row time"], count: int) -> Int[Tensor, "row pick"]:
    """Indices of the `count` largest weights, in temporal order."""
    return weight.argsort(dim=1)[:, -count:].sort(dim=1).values


def normalized(weight: Float[Tensor, "row time"]) -> Float[Tensor, "row time"]:
    """Weights scaled to sum to 1; uniform where all are 0."""
    total = weight.sum(dim=1, keepdim=True)
    return torch.where(total > 0, weight / total.clamp(min=1e-12), torch.full_like(weight, 1 / weight.shape[1]))
