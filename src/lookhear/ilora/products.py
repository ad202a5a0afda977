"""The products of an I-LoRA layer as autograd functions that keep little for the backward pass.

Ordinary autograd would keep the joined weights [A; W_r] (at Qwen2.5-7B's q_proj half as much as x of 256 tokens) and
the weighed codes [s_1 z | ... | s_n z]. Both are made again in the backward pass. Under autocast products are computed
in its type, as `torch.nn.functional.linear` computes them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class Codes(torch.autograd.Function):
    """(`linear(x, down)`, `linear(x, router)`) by one product; keeps x (..., wide)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, down: Tensor, router: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (..., r) and logits (..., head)."""
        ctx.given = x.dtype
        x = x.to(_dtype(x))
        ctx.save_for_backward(x, down, router)
        z, logits = F.linear(x, _joined(down, router, x)).split([len(down), len(router)], dim=-1)
        return z, logits

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """One product for x, and one for both weights."""
        x, down, router = ctx.saved_tensors
        grad = torch.cat(grads, dim=-1)
        over_x = over_down = over_router = None
        if ctx.needs_input_grad[0]:
            over_x = (grad @ _joined(down, router, grad)).to(ctx.given)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            over = grad.flatten(0, -2).T @ x.flatten(0, -2)
            over_down, over_router = over.to(down.dtype).split([len(down), len(router)])
        return over_x, over_down, over_router


class Heads(torch.autograd.Function):
    """`linear([s_1 z | ... | s_n z], [B_1 ... B_n])`; keeps the codes and the weights s."""

    @staticmethod
    def forward(ctx: Any, codes: Tensor, route: Tensor, up: Tensor) -> Tensor:
        """The output (..., out) of codes (..., head or 1, r), weights (..., head) and heads B (out, head, r)."""
        ctx.save_for_backward(codes, route, up)
        return F.linear(_weighed(codes, route), up.flatten(1))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of codes and weights by one product with B, that of B by another."""
        codes, route, up = ctx.saved_tensors
        over_codes = over_route = over_up = None
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            over = (grad @ up.flatten(1).to(grad.dtype)).unflatten(-1, up.shape[1:])
            over_route = (over * codes).sum(-1)
            over_codes = over * route.unsqueeze(-1)
            if codes.shape[-2] == 1:
                over_codes = over_codes.sum(-2, keepdim=True)
        if ctx.needs_input_grad[2]:
            weighed = _weighed(codes, route).to(grad.dtype)
            over_up = (grad.flatten(0, -2).T @ weighed.flatten(0, -2)).to(up.dtype).view_as(up)
        return over_codes, over_route, over_up


class DroppedLinear(torch.autograd.Function):
    """`linear(dropout(x))` that saves x and a byte mask for the backward pass instead of two copies of x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dropout: float) -> Tensor:
        """Apply a new mask; kept elements are scaled by 1 / (1 - dropout)."""
        mask = torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(1 - dropout)
        ctx.save_for_backward(x, weight, mask)
        ctx.scale = 1 / (1 - dropout)
        return F.linear(x * mask * ctx.scale, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """The same mask again."""
        x, weight, mask = ctx.saved_tensors
        grad = grad.to(weight.dtype)
        over_x = over_weight = None
        if ctx.needs_input_grad[0]:
            over_x = ((grad @ weight) * mask * ctx.scale).to(x.dtype)
        if ctx.needs_input_grad[1]:
            dropped = (x * mask * ctx.scale).to(weight.dtype)
            over_weight = grad.flatten(0, -2).T @ dropped.flatten(0, -2)
        return over_x, over_weight, None


def _joined(down: Tensor, router: Tensor, like: Tensor) -> Tensor:
    return torch.cat([down, router]).to(like.dtype)


def _weighed(codes: Tensor, route: Tensor) -> Tensor:
    return (route.unsqueeze(-1) * codes).flatten(-2)


def _dtype(x: Tensor) -> torch.dtype:
    """The type that products with `x` are computed in."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
