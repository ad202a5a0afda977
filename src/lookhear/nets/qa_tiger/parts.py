"""The parts of QA-TIGER: early attention to the words, attention to patches, the experts, the grounding."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import Attention, Folding, drop, masked
from lookhear.layers.one_query import attended, one_query
from lookhear.layers.texts import of_one_clip


def kaiming(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with the network's Kaiming initialisation."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def narrow(dim: int) -> nn.Sequential:
    """Two linear layers with half the width in between."""
    return nn.Sequential(kaiming(dim, dim // 2), nn.ReLU(), kaiming(dim // 2, dim))


class EarlyAttention(nn.Module):
    """Attention of a stream to itself, to the other stream and to the words. The first two depend on the clip alone."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.slf_attn, self.crs_attn, self.qst_attn = (Attention(dim, heads, dropout) for _ in range(3))
        self.linear1, self.linear2 = kaiming(dim, dim), kaiming(dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def alone(
        self, x: Float[Tensor, "row time dim"], y: Float[Tensor, "row time dim"]
    ) -> Float[Tensor, "row time dim"]:
        """x plus its attention to itself and to y."""
        taken = (
            drop(attn(x, to)[0], self.dropout, self.training) for attn, to in ((self.slf_attn, x), (self.crs_attn, y))
        )
        return x + sum(taken)

    def forward(
        self,
        own: Float[Tensor, "row time dim"],
        query: Float[Tensor, "row time dim"],
        keys: Float[Tensor, "row word twice_dim"],
        padding_mask: Bool[Tensor, "row word"] | None,
    ) -> Float[Tensor, "row time dim"]:
        """The layer's output from `own = alone(x, y)`, the projected x, and the words' keys and values.

        Both streams may be concatenated over time.
        """
        k, v = keys.chunk(2, dim=-1)
        taken = self.qst_attn.out_proj(attended(self.qst_attn, query, k, v, padding_mask))
        u = self.norm1(own + drop(taken, self.dropout, self.training))
        inner = drop(self.linear1(u).relu(), self.dropout, self.training)
        return self.norm2(u + drop(self.linear2(inner), self.dropout, self.training))

    def read(
        self,
        query: Float[Tensor, "row time dim"],
        keys: Float[Tensor, "row word twice_dim"],
        padding_mask: Bool[Tensor, "row word"] | None,
    ) -> Float[Tensor, "row time word"]:
        """The weights of the words in `forward`, averaged over heads; one head at a time, to save memory."""
        heads, mask = self.qst_attn.heads, padding_mask if padding_mask is None else padding_mask[:, None]
        parts = zip(query.chunk(heads, dim=-1), keys.chunk(2, dim=-1)[0].chunk(heads, dim=-1), strict=True)
        scores = (q @ k.transpose(1, 2) * q.shape[-1] ** -0.5 for q, k in parts)
        return torch.stack([masked(score, mask).softmax(dim=-1) for score in scores]).mean(dim=0)


class Patches(Folding):
    """Attention of picture and sound to the patches of each second."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.slf_attn, self.crs_attn = Attention(dim, heads, dropout), Attention(dim, heads, dropout)
        self.mlp = narrow(dim)
        self.anorm, self.vnorm = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def keys(self, patches: Float[Tensor, "clip time patch dim"]) -> Float[Tensor, "clip time patch twice_dim"]:
        """Keys and values of patches after self-attention within their second."""
        flat = patches.flatten(0, 1)
        q, k, v = self.slf_attn.project(flat, "qkv").chunk(3, dim=-1)
        flat = flat + self.slf_attn.out_proj(attended(self.slf_attn, q, k, v))
        return self.crs_attn.project(flat, "kv").unflatten(0, patches.shape[:2])

    def forward(
        self,
        seen: Float[Tensor, "row time dim"],
        heard: Float[Tensor, "row time dim"],
        keys: Float[Tensor, "row time patch twice_dim"],
    ) -> tuple[Float[Tensor, "row time dim"], Float[Tensor, "row time dim"]]:
        """(patch features attended by the sound, patch features attended by the picture)."""
        q = self.crs_attn.project(torch.stack([seen, heard], dim=2), "q")
        if of_one_clip(keys):  # all questions attend to the patches of a second in one product
            flat = rearrange(q, "row time two dim -> time (row two) dim")
            taken = attended(self.crs_attn, flat, *keys[0].chunk(2, dim=-1))
            taken = rearrange(taken, "time (row two) dim -> row time two dim", two=2)
        else:
            taken = attended(self.crs_attn, q.flatten(0, 1), *keys.flatten(0, 1).chunk(2, dim=-1)).view(q.shape)
        if self.training:
            taken = self.mlp(drop(self.crs_attn.out_proj(taken), self.dropout, True))
        else:  # without dropout in between, two linear maps are one
            taken = self.mlp[2](F.linear(taken, *self.folded("narrow", self._narrow)).relu_())
        return self.anorm(taken[:, :, 1]), self.vnorm(taken[:, :, 0])

    def _narrow(self) -> tuple[Tensor, Tensor]:
        out, first = self.crs_attn.out_proj, self.mlp[0]
        return first.weight @ out.weight, F.linear(out.bias, first.weight, first.bias)


class Experts(nn.Module):
    """Experts chosen by the question, each with a Gaussian over time."""

    def __init__(
        self, dim: int, heads: int, dropout: float, experts: int, top_k: int, mixes: bool, norms: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.count, self.top_k, self.mixes = experts, top_k, mixes
        self.qst_attn = Attention(dim, heads, dropout)
        self.router, self.gauss = nn.Linear(dim, experts), nn.Linear(dim, 2 * experts)
        self.experts = nn.ModuleList([narrow(dim) for _ in range(experts)])
        self.norms = nn.ModuleDict({name: nn.LayerNorm(dim) for name in norms})

    def choose(self, question: Float[Tensor, "row dim"], stream: Float[Tensor, "row time dim"]) -> dict[str, Tensor]:
        """Gates, chosen experts and their Gaussians (row, choice, time), from the question's attention to the
        stream."""
        wanted = one_query(self.qst_attn, question, stream)
        scores, raw = self.router(wanted), self.gauss(wanted)
        gates, places = scores.softmax(dim=-1).topk(self.top_k, dim=-1)
        count = self.count
        margin = 1 / (2 * count)
        shift, width = rearrange(raw, "row (expert two) -> two row expert", two=2)
        centre = torch.linspace(margin, 1 - margin, count, device=raw.device) + margin * shift.tanh()
        centre = centre.gather(1, places).clamp(0, 1).unsqueeze(-1)
        width = width.sigmoid().gather(1, places).clamp(min=0.09).unsqueeze(-1) / 9
        time = torch.linspace(0, 1, stream.shape[1], device=raw.device)
        height = -((time - centre) ** 2) / (2 * width**2)
        bell = torch.exp(height - height.amax(dim=-1, keepdim=True))  # 1 at the nearest second, however far that is
        found = {"qattn": wanted, "router_logits": scores, "gauss_raw": raw, "gauss_weight": bell}
        return found | {"topk_probs": gates / gates.sum(dim=-1, keepdim=True), "topk_inds": places}

    def coefficients(self, choice: Mapping[str, Tensor]) -> Float[Tensor, "row expert time"]:
        """Gates times Gaussians, added up for each expert."""
        weight, places = choice["topk_probs"].unsqueeze(-1) * choice["gauss_weight"], choice["topk_inds"]
        rows, _, time = weight.shape
        if self.mixes:  # the published code reads the batch-major choices time-major
            other = torch.arange(rows * time, device=places.device).view(rows, time) % rows
            where = rearrange(places[other], "row time choice -> row choice time")
        else:
            where = places.unsqueeze(-1).expand_as(weight)
        return weight.new_zeros(rows, self.count, time).scatter_add(1, where, weight)

    def forward(
        self, choice: Mapping[str, Tensor], streams: Mapping[str, Float[Tensor, "row time dim"]]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(each stream summed by the experts and normed, the same before the norm)."""
        share = self.coefficients(choice)
        first, second = [e[0] for e in self.experts], [e[2] for e in self.experts]
        x = torch.stack(list(streams.values()), dim=1).flatten(0, 1)  # (row stream) time dim
        inner = F.linear(x, torch.cat([f.weight for f in first]), torch.cat([f.bias for f in first])).relu_()
        weight = share.repeat_interleave(len(streams), dim=0).to(inner.dtype)
        parts = zip(weight.split(1, dim=1), inner.chunk(len(first), dim=-1), strict=True)
        summed = torch.stack([(w @ part).squeeze(1) for w, part in parts])  # expert (row stream) d
        out = (summed @ torch.stack([s.weight.T for s in second])).sum(dim=0).unflatten(0, (-1, len(streams)))
        out = out + (share.sum(dim=-1) @ torch.stack([s.bias for s in second])).unsqueeze(1)
        raw = dict(zip(streams, out.unbind(1), strict=True))
        return {name: self.norms[name](one) for name, one in raw.items()}, raw


class Ground(nn.Module):
    """Attention of the question to two vectors, added to their mean."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attn, self.mlp, self.norm = Attention(dim, heads, dropout), narrow(dim), nn.LayerNorm(dim)
        self.dropout = dropout

    def forward(self, q: Float[Tensor, "row dim"], x: Float[Tensor, "row dim"], y: Float[Tensor, "row dim"]) -> Tensor:
        """LN(mean(x, y) + mlp(attention(q, [x, y])))."""
        taken = self.mlp(self.attn(q.unsqueeze(1), torch.stack([x, y], dim=1))[0].squeeze(1))
        return self.norm((x + y) / 2 + drop(taken, self.dropout, self.training))
