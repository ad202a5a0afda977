"""Parts of AV-Master after the focus capture: key fusion and answer decoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import Attention, drop, masked
from lookhear.nets.av_master.heads import SIDES, largest


def attend_in_parts(
    attn: Attention,
    queries: Sequence[Float[Tensor, "row _part wide"]],
    key: Float[Tensor, "row position wide"],
    values: Sequence[Float[Tensor, "row _part dim"]],
    padding_mask: Bool[Tensor, "row position"] | None,
) -> tuple[Float[Tensor, "row query dim"], Float[Tensor, "row query position"]]:
    """`Attention.attend_folded` for queries and values given in parts, which are not concatenated."""
    scores = torch.cat([query @ key.transpose(1, 2) for query in queries], dim=1)
    weight = masked(scores, padding_mask if padding_mask is None else padding_mask[:, None]).softmax(dim=-1)
    kept = drop(weight, attn.dropout, attn.training).split([value.shape[1] for value in values], dim=2)
    taken = sum(part @ value for part, value in zip(kept, values, strict=True))
    return taken + attn.out_proj.bias, weight


class KeyFusion(nn.Module):
    """Fuses the sequence F_c and the objects of both modalities into one vector F_fu by additive attention, as
    released.

        S_tk = F_c,t + U o_k + b,  o_t = sum_k softmax_k(v . tanh S_tk) S_tk,  F_fu = max_t L [F_c, o_seen, o_heard]_t

    The weights sum to 1, so o_t = F_c,t + sum_k w_tk (U o_k + b). The linear layer over three parts is therefore one
    product with F_c, and one with the few objects, which is computed once per clip.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.object = nn.ModuleDict({side: nn.Linear(dim, dim) for side in SIDES})
        self.weigh = nn.ModuleDict({side: nn.Linear(dim, 1) for side in SIDES})
        self.offset = nn.ParameterDict({side: nn.Parameter(torch.ones(dim)) for side in SIDES})
        self.out = nn.Linear(3 * dim, dim)

    def prepare(
        self, side: str, objects: Float[Tensor, "clip template dim"]
    ) -> tuple[Float[Tensor, "clip template dim"], Float[Tensor, "clip template dim"]]:
        """(U o + b, its contribution to the output of the linear layer); both depend on the clip alone."""
        added = F.linear(objects, self.object[side].weight, self.object[side].bias + self.offset[side])
        return added, F.linear(added, self.out.weight.chunk(3, dim=1)[1 + SIDES.index(side)])

    def scores(
        self, side: str, fused: Float[Tensor, "row position dim"], added: Tensor
    ) -> Float[Tensor, "row k position"]:
        """Logits of the additive attention, at least in float32."""
        wide = torch.promote_types(fused.dtype, torch.float32)
        return TanhScores.apply(fused.to(wide), added.to(wide), self.weigh[side].weight[0].to(wide))

    def forward(
        self,
        fused: Float[Tensor, "row position dim"],
        prepared: Mapping[str, tuple[Tensor, Tensor]],
        padding_mask: Bool[Tensor, "row position"] | None = None,
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row position"]]:
        """(F_fu, fraction of its features whose maximum lies at each position)."""
        total = F.linear(fused, sum(self.out.weight.chunk(3, dim=1)), self.out.bias)
        for side, (added, effect) in prepared.items():
            if added.shape[1] == 1:
                total = total.add_(effect)
            else:
                weight = self.scores(side, fused, added).softmax(dim=1)
                total = total + weight.transpose(1, 2).to(effect.dtype) @ effect
        return largest(total, padding_mask)


PIECE = 1 << 18  # elements computed at a time, 1 MB


class TanhScores(torch.autograd.Function):
    """scores[b, k, t] = sum_d v_d tanh(x[b, t, d] + y[b, k, d]), without keeping a tensor over (b, t, k, d).

    tanh(x + y) = 1 - 2 / (1 + exp(2x) exp(2y)): two exponentials of small tensors and one reciprocal per element.
    Beyond |40| tanh is 1 in float32, so arguments are clamped there and no product is 0 times infinity.
    """

    @staticmethod
    def _pieces(x: Tensor, y: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """Yields (rows, objects, piece), where piece is 1 / (1 + exp(2x) exp(2y)), (row object time dim), and fits
        a cache."""
        ex, ey = (half.clamp(-40, 40).mul_(2).exp_() for half in (x, y))
        room = max(1, PIECE // (x.shape[1] * x.shape[2]))  # pairs of a row and an object
        objects = min(room, y.shape[1])
        rows = max(1, room // objects)
        for b in range(0, len(x), rows):
            for k in range(0, y.shape[1], objects):
                where = slice(b, b + rows), slice(k, k + objects)
                yield *where, (ex[where[0], None] * ey[where][:, :, None]).add_(1).reciprocal_()

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor, v: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, y, v)
        scores = x.new_empty(y.shape[0], y.shape[1], x.shape[1])
        for b, k, half in TanhScores._pieces(x, y):
            scores[b, k] = half @ v
        return v.sum() - 2 * scores

    @staticmethod
    def backward(ctx, gradient: Tensor):  # type: ignore[no-untyped-def]
        x, y, v = ctx.saved_tensors
        dx, dy, dv = torch.zeros_like(x), torch.empty_like(y), torch.zeros_like(v)
        for b, k, half in TanhScores._pieces(x, y):  # tanh = 1 - 2 half, its slope is 4 half (1 - half)
            g = gradient[b, k]
            dv += g.sum() - 2 * (g.flatten() @ half.flatten(0, 2))
            slope = half.addcmul_(half, half, value=-1)
            dy[b, k] = (g.unsqueeze(2) @ slope).squeeze(2)
            dx[b] += slope.mul_(g.unsqueeze(3)).sum(dim=1)
        return dx.mul_(4 * v), dy.mul_(4 * v), dv


class CrossLayer(nn.Module):
    """Cross-attention of a single query to a memory, then a feed-forward layer; post-norm with BERT's small epsilon."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.out, self.up, self.down = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-12), nn.LayerNorm(dim, eps=1e-12)

    def forward(
        self, x: Float[Tensor, "row dim"], memory: Float[Tensor, "row time dim"]
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row time"]]:
        """(x, attention weight of each row of the memory, averaged over heads).

        For a single query it is cheaper to multiply the query of each head with the key projection than to project all
        rows; scores and sums are then computed on the memory itself. The key's bias adds the same to all scores and
        cancels.
        """
        rate = self.dropout if self.training else 0.0
        if memory.shape[1] == 1:  # softmax over one row is 1, whatever query and key are
            weight = x.new_ones(len(x), self.heads, 1)
        else:
            query = self.query(x).unflatten(1, (self.heads, -1)).transpose(0, 1)
            query = (query @ self.key.weight.unflatten(0, (self.heads, -1))).transpose(0, 1)
            scores = query @ memory.transpose(1, 2)
            weight = (scores * (x.shape[1] // self.heads) ** -0.5).softmax(dim=-1)
        if memory.shape[1] == 1 and not rate:
            taken = self.value(memory[:, 0])
        else:
            kept = drop(weight, self.dropout, self.training)
            value = self.value.weight.unflatten(0, (self.heads, -1)).transpose(1, 2)
            bias = self.value.bias.unflatten(0, (self.heads, 1, -1))
            bias = kept.sum(dim=-1).T.unsqueeze(2) * bias if rate else bias
            taken = ((kept @ memory).transpose(0, 1) @ value + bias).transpose(0, 1).flatten(1)
        x = self.norm1(x + drop(self.out(taken), self.dropout, self.training))
        wide = self.down(F.gelu(self.up(x)))
        return self.norm2(x + drop(wide, self.dropout, self.training)), weight.mean(dim=1)


class AnswerDecoder(nn.Module):
    """Two cross-attention layers from the question to a memory, then answer logits; a skip path adds the question."""

    def __init__(self, dim: int, heads: int, answers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList([CrossLayer(dim, heads, dropout) for _ in range(2)])
        self.dense, self.norm = nn.Linear(dim, dim), nn.LayerNorm(dim, eps=1e-12)
        self.head = nn.Linear(dim, answers, bias=False)
        self.bias = nn.Parameter(torch.zeros(answers))

    def forward(
        self, question: Float[Tensor, "row dim"], memory: Float[Tensor, "row time dim"]
    ) -> tuple[Float[Tensor, "row answer"], Float[Tensor, "row time"]]:
        """(logits, attention weight of each row of the memory, averaged over layers and heads)."""
        weights = []
        for layer in self.layers:
            question, weight = layer(question, memory)
            weights.append(weight)
        return self.head(self.norm(F.gelu(self.dense(question)))) + self.bias, sum(weights) / len(weights)
