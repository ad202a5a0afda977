"""AV-Master's template update over all seconds as one autograd function with an explicit backward pass.

Equals calling `FocusCapture.step` once per second (see `focus.py`) with the same dropout masks. Autograd would add a
gradient as large as the weights for every second and keep every intermediate. Here gradients of weights are accumulated
in place, and norms, GELU and dropout are recomputed from tensors that the matrix products need anyway. Rows are
(modality clip template). Not differentiable twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from lookhear.nets.av_master.steps import Masks, Weights

EPS = 1e-5


class Second(NamedTuple):
    """Tensors of one second for the backward pass; the input of each norm is kept with its mean and 1/deviation."""

    t: Tensor
    inner: Tensor
    query: Tensor  # (row-and-head, template, head dim); the same for key and value
    key: Tensor
    value: Tensor
    weight: Tensor
    taken: Tensor
    u: Tensor
    high: Tensor
    norms: tuple[tuple[Tensor, Tensor, Tensor], ...]
    masks: Masks | None

    def flat(self) -> list[Tensor]:
        """All tensors as a flat list, in which form autograd saves and frees them."""
        return [*self[:9], *(x for norm in self.norms for x in norm), *(self.masks or ())]

    @staticmethod
    def of(flat: Sequence[Tensor]) -> Second:
        """The inverse of `flat`."""
        norms = tuple((flat[i], flat[i + 1], flat[i + 2]) for i in range(9, 21, 3))
        t, inner, query, key, value, weight, taken, u, high = flat[:9]
        masks = Masks._make(flat[21:]) if len(flat) > 21 else None
        return Second(t, inner, query, key, value, weight, taken, u, high, norms, masks)


class CarriedTemplates(torch.autograd.Function):
    """templates (modality, clip, template, dim) after the last second.

    `t` are the templates before the first second. `add` (modality, clip, time, inner) and `cross` (modality, clip,
    time, head, dim) are the contributions of each second. `masks` has one `Masks` per second or is None, and `flat` are
    the tensors of `Weights`.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        t: Tensor,
        add: Tensor,
        cross: Tensor,
        heads: int,
        dropout: float,
        masks: list[Masks] | None,
        *flat: Tensor,
    ) -> Tensor:
        """See the class."""
        w = Weights._make([*flat[:11], tuple(flat[11:])])
        ctx.size, ctx.heads, ctx.scale = t.shape, heads, 1 / (1 - dropout)
        t, seconds = t.flatten(0, 2), []
        for j in range(add.shape[2]):
            t, second = _forward(ctx, t, add[:, :, j], cross[:, :, j], w, masks[j] if masks else None)
            seconds.append(second)
        ctx.time, ctx.weights = add.shape[2], len(flat)
        ctx.save_for_backward(cross, *flat, *(x for second in seconds for x in second.flat()))
        return t.view(ctx.size)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Gradients of the differentiable inputs, None for the others."""
        cross, *kept = ctx.saved_tensors
        flat, kept = kept[: ctx.weights], kept[ctx.weights :]
        each = len(kept) // ctx.time
        w = Weights._make([*flat[:11], tuple(flat[11:])])
        grads = [torch.zeros_like(x) for x in flat]
        dw = Weights._make([*grads[:11], tuple(grads[11:])])
        modality, clips, _, _ = ctx.size
        dadd = w.old.new_empty(modality, clips, ctx.time, len(w.old))
        dcross = torch.empty_like(cross)
        d = gradient.flatten(0, 2)
        for j in reversed(range(ctx.time)):
            second = Second.of(kept[j * each : (j + 1) * each])
            d = _backward(ctx, d, cross[:, :, j], w, dw, second, dadd[:, :, j], dcross[:, :, j])
        return (d.view(ctx.size), dadd, dcross, None, None, None, *grads)


def _norm(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    out, mean, deviation = torch.native_layer_norm(x, x.shape[-1:], weight, bias, EPS)
    return out, (x, mean, deviation)


def _norm_back(d: Tensor, kept: tuple[Tensor, Tensor, Tensor], w: Weights, dw: Weights, place: int) -> Tensor:
    weight, bias = w.norms[2 * place : 2 * place + 2]
    x, mean, deviation = kept
    dx, dweight, dbias = torch.ops.aten.native_layer_norm_backward(
        d.contiguous(), x, x.shape[-1:], mean, deviation, weight, bias, [True, True, True]
    )
    dw.norms[2 * place].add_(dweight)
    dw.norms[2 * place + 1].add_(dbias)
    return dx


def _dropped(x: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """`x` with dropout applied, in place where possible."""
    return x if mask is None else mask.view(x.shape).to(x.dtype).mul_(x).mul_(scale)


def _forward(ctx: Any, t: Tensor, add: Tensor, cross: Tensor, w: Weights, masks: Masks | None) -> tuple[Tensor, Second]:
    modality, clips, n, dim = ctx.size
    heads, scale = ctx.heads, ctx.scale
    inner = torch.mm(t, w.old.T).view(modality, clips, n, -1).add_(add.unsqueeze(2)).flatten(0, 2)
    e, qk, v = torch.addmm(w.spread_bias, inner, w.spread.T).split([dim, 2 * dim, dim], dim=-1)
    q, k = (qk.unflatten(0, (modality, clips, n)) + w.table).chunk(2, dim=-1)
    v = v.unflatten(0, (modality, clips, n))
    q, k, v = (rearrange(x, "m c n (head d) -> (m c head) n d", head=heads) for x in (q, k, v))
    weight = torch.bmm(k, q.transpose(1, 2)).softmax(dim=1)  # keys first
    kept = _dropped(weight, masks and masks.weights, scale)
    taken = rearrange(torch.bmm(kept.transpose(1, 2), v), "(mc head) n d -> (mc n) (head d)", head=heads)
    out = _dropped(torch.addmm(w.out_bias, taken, w.out.T), masks and masks.self_out, scale)
    u, first = _norm(out.add_(e), *w.norms[:2])
    if masks:
        back = torch.bmm(masks.cross.flatten(0, 1), cross.flatten(0, 1)).flatten(0, 1)
    else:
        back = cross.sum(dim=2, keepdim=True).expand(-1, -1, n, -1).flatten(0, 2)
    back = _dropped(back + w.cross_bias, masks and masks.cross_out, scale)
    u, second = _norm(back.add_(u), *w.norms[2:4])
    high = torch.addmm(w.up_bias, u, w.up.T)
    wide = torch.addmm(w.down_bias, _dropped(torch.nn.functional.gelu(high), masks and masks.inner, scale), w.down.T)
    x, third = _norm(_dropped(wide, masks and masks.out, scale).add_(u), *w.norms[4:6])
    after, fourth = _norm(x, *w.norms[6:])
    return after, Second(t, inner, q, k, v, weight, taken, u, high, (first, second, third, fourth), masks)


def _linear_back(d: Tensor, x: Tensor, weight: Tensor, dweight: Tensor, dbias: Tensor) -> Tensor:
    """Gradient of a linear layer's input; gradients of its weight and bias are accumulated in `dweight` and `dbias`."""
    torch.addmm(dweight, d.T, x, out=dweight)
    dbias.add_(d.sum(dim=0))
    return torch.mm(d, weight)


def _backward(
    ctx: Any, d: Tensor, cross: Tensor, w: Weights, dw: Weights, s: Second, dadd: Tensor, dcross: Tensor
) -> Tensor:
    modality, clips, n, dim = ctx.size
    heads, scale, masks = ctx.heads, ctx.scale, s.masks
    d = _norm_back(_norm_back(d, s.norms[3], w, dw, 3), s.norms[2], w, dw, 2)
    active = _dropped(torch.nn.functional.gelu(s.high), masks and masks.inner, scale)
    wide = _linear_back(_dropped(d, masks and masks.out, scale), active, w.down, dw.down, dw.down_bias)
    wide = torch.ops.aten.gelu_backward(_dropped(wide, masks and masks.inner, scale), s.high)
    d = _norm_back(_linear_back(wide, s.u, w.up, dw.up, dw.up_bias).add_(d), s.norms[1], w, dw, 1)
    back = _dropped(d, masks and masks.cross_out, scale)
    dw.cross_bias.add_(back.sum(dim=0))
    back = back.view(modality * clips, n, dim)
    if masks:
        dcross.copy_(torch.bmm(masks.cross.flatten(0, 1).transpose(1, 2), back).view(cross.shape))
    else:
        dcross.copy_(back.sum(dim=1).view(modality, clips, 1, dim).expand(cross.shape))
    d = _norm_back(d, s.norms[0], w, dw, 0)
    taken = _linear_back(_dropped(d, masks and masks.self_out, scale), s.taken, w.out, dw.out, dw.out_bias)
    taken = rearrange(taken, "(mc n) (head d) -> (mc head) n d", n=n, head=heads)
    q, k, v = s.query, s.key, s.value
    kept = _dropped(s.weight, masks and masks.weights, scale)
    dv = torch.bmm(kept, taken)
    dweight = _dropped(torch.bmm(v, taken.transpose(1, 2)), masks and masks.weights, scale)
    dscores = s.weight * (dweight - (dweight * s.weight).sum(dim=1, keepdim=True))
    spread = torch.empty(len(d), 4, heads, dim // heads, dtype=d.dtype, device=d.device)
    spread[:, 0] = d.view(len(d), heads, -1)
    for place, part in enumerate((torch.bmm(dscores.transpose(1, 2), k), torch.bmm(dscores, q), dv), start=1):
        spread[:, place] = rearrange(part, "(mc head) n d -> (mc n) head d", head=heads)
    spread = spread.flatten(1)
    dw.table.add_(spread[:, dim : 3 * dim].view(modality, clips, n, -1).sum(dim=1, keepdim=True))
    inner = _linear_back(spread, s.inner, w.spread, dw.spread, dw.spread_bias)
    dadd.copy_(inner.view(modality, clips, n, -1).sum(dim=2))
    torch.addmm(dw.old, inner.T, s.t, out=dw.old)
    return torch.mm(inner, w.old)
