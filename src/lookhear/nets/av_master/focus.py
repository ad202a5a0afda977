"""AV-Master's focus capture as released: eight templates updated second by second, for both modalities together.

At every second j, with the frame h_j and templates t (all eight start as h_0):

    e = Lin3(Lin1 t + Lin2 h_j + b)                            "encoder": exactly linear, see below
    u = LN1(e + self(q = e + bias, k = e + bias, v = e))
    u = LN2(u + cross(q = u + bias, k = h_j, v = h_j))
    t = LN(LN3(u + Lin2'(gelu(Lin1' u))))

and at the end t <- tanh(cosines of the templates) t. The released code repeats h_j once per template before attending.
With equal keys every softmax is uniform, so the additive attention of its encoder is the linear map above, and the
cross attention returns its one value. Here both are computed for all seconds at once. In training, dropout on the eight
equal probabilities becomes a factor (kept / 8) / (1 - p) on the output of each head.

Without dropout the templates stay equal, because the biases enter only queries and keys. Then one vector per clip and
modality is enough (`collapsed`), and products of consecutive weight matrices are computed beforehand.
"""

from __future__ import annotations

from math import prod

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import Attention, Folding, MaskedDropout, keep_mask
from lookhear.nets.av_master.carry import CarriedTemplates
from lookhear.nets.av_master.steps import Masks, Weights


class FocusCapture(Folding):
    """Maps the streams of both modalities to `templates` vectors each."""

    def __init__(self, dim: int, inner: int, templates: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dim, self.inner, self.templates, self.heads, self.dropout = dim, inner, templates, heads, dropout
        self.embed = nn.Linear(dim, dim)
        self.old, self.new, self.blend = nn.Linear(dim, inner), nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.offset = nn.Parameter(torch.ones(inner))
        self.self_attn, self.cross_attn = Attention(dim, heads, dropout), Attention(dim, heads, dropout)
        self.up, self.down = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm1, self.norm2, self.norm3, self.norm = (nn.LayerNorm(dim) for _ in range(4))
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1 and not name.startswith("embed"):
                nn.init.xavier_uniform_(parameter)

    def forward(
        self, streams: list[Float[Tensor, "clip _time dim"]], biases: list[Float[Tensor, "template dim"]]
    ) -> list[Float[Tensor, "clip _kept dim"]]:
        """The templates of each stream after its last second; a single one if all of them would be equal."""
        if not self.training and not torch.is_grad_enabled():
            return self._together(streams, biases, self.collapsed)
        return self._together(streams, biases, lambda x, bias: self.mixed(self.carried(x, bias)))

    @staticmethod
    def _together(streams, biases, run) -> list[Tensor]:  # type: ignore[no-untyped-def]
        """Run streams of equal length as one batch, others one by one."""
        if len({x.shape for x in streams}) == 1:
            return list(run(torch.stack(streams), torch.stack(biases)))
        return [run(x[None], bias[None])[0] for x, bias in zip(streams, biases, strict=True)]

    @staticmethod
    def mixed(t: Float[Tensor, "*rows template dim"]) -> Float[Tensor, "*rows template dim"]:
        """tanh of the cosines between templates, times the templates."""
        unit = t / t.norm(dim=-1, keepdim=True)
        return torch.tanh(unit @ unit.transpose(-1, -2)) @ t

    def carried(
        self, x: Float[Tensor, "modality clip time dim"], bias: Float[Tensor, "modality template dim"]
    ) -> Float[Tensor, "modality clip template dim"]:
        """The templates after the last second, all of them computed separately."""
        new, cross, weights = self.frames(x, bias)
        t = self.embed(x[:, :, :1]).expand(-1, -1, bias.shape[1], -1)
        if torch.is_grad_enabled() and not torch.is_autocast_enabled(x.device.type):
            drops = self.training and self.dropout
            each = [self._masks(t) for _ in range(x.shape[2])] if drops else None
            flat = (*weights[:-1], *weights.norms)
            return CarriedTemplates.apply(t.contiguous(), new, cross, self.heads, self.dropout, each, *flat)
        for add, returned in zip(new.unbind(2), cross.unbind(2), strict=True):
            masks = self._masks(t) if self.training and self.dropout else None
            _, t = self.step(t, add, returned, weights, masks)
        return t

    def frames(self, x: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Weights]:
        """(contribution of each second to the encoder, output of each cross-attention head for each second,
        weights)."""
        h = self.embed(x)
        return self.added(h), self.returned(h), self._weights(bias)

    def added(self, h: Float[Tensor, "modality clip time dim"]) -> Float[Tensor, "modality clip time inner"]:
        """Contribution of each second to the encoder, including all constants."""
        return F.linear(h, self.new.weight, self.new.bias + self.old.bias + self.offset)

    def returned(self, h: Float[Tensor, "modality clip time dim"]) -> Float[Tensor, "modality clip time head dim"]:
        """Output of each cross-attention head for each second."""
        value = rearrange(self.cross_attn.project(h, "v"), "m c t (head d) -> head (m c t) d", head=self.heads)
        out = rearrange(self.cross_attn.out_proj.weight, "o (head d) -> head d o", head=self.heads)
        return rearrange(value @ out, "head (m c t) o -> m c t head o", m=h.shape[0], c=h.shape[1])

    def _weights(self, bias: Tensor) -> Weights:
        dim, attn = self.dim, self.self_attn
        scale = torch.ones(3 * dim, 1, device=bias.device)
        scale[:dim] = (dim // self.heads) ** -0.5
        w, b = attn.in_proj_weight * scale, attn.in_proj_bias * scale[:, 0]
        blend, blend_bias = self.blend.weight, self.blend.bias
        norms = (self.norm1, self.norm2, self.norm3, self.norm)
        return Weights(
            self.old.weight,
            torch.cat([blend, w @ blend]),
            torch.cat([blend_bias, w @ blend_bias + b]),
            (bias @ w[: 2 * dim].T).unsqueeze(1),
            *(attn.out_proj.weight, attn.out_proj.bias, self.cross_attn.out_proj.bias),
            *(self.up.weight, self.up.bias, self.down.weight, self.down.bias),
            tuple(p for norm in norms for p in (norm.weight, norm.bias)),
        )

    def _masks(self, t: Tensor) -> Masks:
        modality, clips, n, _ = t.shape
        weights = (modality * clips * self.heads, n, n)
        returned = (modality, clips, n, self.heads, n)
        sizes = (weights, t.shape, returned, t.shape, (*t.shape[:3], self.inner), t.shape)
        lengths = [prod(size) for size in sizes]
        drawn = keep_mask((sum(lengths),), self.dropout, t.device).split(lengths)
        masks = Masks(*(mask.view(size) for mask, size in zip(drawn, sizes, strict=True)))
        return masks._replace(cross=masks.cross.to(t.dtype).mean(dim=-1) / (1 - self.dropout))

    def step(self, t: Tensor, add: Tensor, cross: Tensor, w: Weights, masks: Masks | None) -> tuple[Tensor, Tensor]:
        """(encoded, templates) after one second."""
        size = (self.dim,)
        e, qk, v = F.linear(F.linear(t, w.old) + add.unsqueeze(2), w.spread, w.spread_bias).split(
            [self.dim, 2 * self.dim, self.dim], dim=-1
        )
        q, k = (qk + w.table).chunk(2, dim=-1)
        q, k, v = (rearrange(x, "m c n (head d) -> (m c head) n d", head=self.heads) for x in (q, k, v))
        weight = (k @ q.transpose(1, 2)).softmax(dim=1)  # keys first: softmax over a short last axis is slow
        weight = self._drop(weight, masks and masks.weights)
        taken = rearrange(weight.transpose(1, 2) @ v, "(m c head) n d -> m c n (head d)", c=e.shape[1], head=self.heads)
        taken = self._drop(F.linear(taken, w.out, w.out_bias), masks and masks.self_out)
        u = F.layer_norm(e + taken, size, *w.norms[:2])
        returned = masks.cross @ cross if masks else cross.sum(dim=-2, keepdim=True)
        returned = self._drop(returned + w.cross_bias, masks and masks.cross_out)
        u = F.layer_norm(u + returned, size, *w.norms[2:4])
        inner = self._drop(F.gelu(F.linear(u, w.up, w.up_bias)), masks and masks.inner)
        wide = self._drop(F.linear(inner, w.down, w.down_bias), masks and masks.out)
        u = F.layer_norm(u + wide, size, *w.norms[4:6])
        return e, F.layer_norm(u, size, *w.norms[6:])

    def _drop(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return x if mask is None else MaskedDropout.apply(x, mask, self.dropout)

    def collapsed(self, x: Tensor, bias: Tensor) -> Float[Tensor, "modality clip 1 dim"]:
        """The common value of all templates without dropout, which does not depend on the biases, so they get no
        gradient."""
        new, cross, first, blend, blend_bias = self.folded("collapsed", self._collapse)
        add, returned = F.linear(x, *new), F.linear(x, *cross)
        t = self.embed(x[:, :, 0])
        for j in range(x.shape[2]):
            u = self.norm1(F.linear(F.linear(t, first) + add[:, :, j], blend, blend_bias))
            u = self.norm2(u + returned[:, :, j])
            t = self.norm(self.norm3(u + self.down(F.gelu(self.up(u)))))
        return (self.templates * torch.tanh(torch.ones(())).item() * t).unsqueeze(2)  # rows of tanh(1): equal templates

    def _collapse(self) -> tuple:
        own, other, embed = self.self_attn.value_weight(), self.cross_attn.value_weight(), self.embed
        again = torch.eye(self.dim, device=own[0].device) + own[0]  # e + self(e) for equal templates
        new_bias = self.new.weight @ embed.bias + self.new.bias + self.old.bias + self.offset
        other_bias = other[0] @ embed.bias + other[1] + self.cross_attn.out_proj.bias
        blend_bias = again @ self.blend.bias + own[1] + self.self_attn.out_proj.bias
        return (
            (self.new.weight @ embed.weight, new_bias),
            (other[0] @ embed.weight, other_bias),
            self.old.weight,
            again @ self.blend.weight,
            blend_bias,
        )
