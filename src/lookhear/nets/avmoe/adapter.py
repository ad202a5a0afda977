"""The adapter of AVMoE: a router weights cross-modal experts (those of LAVISH) and single-modal experts."""

from __future__ import annotations

from dataclasses import replace

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.layers.attention import Attention
from lookhear.nets.dg_sct.adapter import mapped
from lookhear.nets.lavish.adapter import Adapter as Cross
from lookhear.nets.lavish.adapter import Bottleneck, Options


class Single(Bottleneck):
    """A single-modal expert: a bottleneck without ReLU, hence one affine map per token.

    `mixes` adds self-attention before it, as released: over the frames of the batch, at each position.
    """

    def __init__(self, dim: int, options: Options, mixes: bool) -> None:
        super().__init__(dim, replace(options, relu=False))
        self.self_attention = Attention(dim, 4) if mixes else None

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape."""
        if self.self_attention is not None:
            x = rearrange(x, "row n dim -> n row dim")
            x = rearrange(self.self_attention(x, x)[0], "n row dim -> row n dim")
        return self.squeezed(x)


class Adapter(nn.Module):
    """Maps the other stream once, and sums the experts' outputs with the router's softmax weights."""

    def __init__(
        self,
        dim: int,
        tokens: int,
        other: int,
        other_tokens: int,
        options: Options,
        crosses: int = 1,
        singles: int = 2,
        mixes: bool = False,
    ) -> None:
        super().__init__()
        self.conv_adapter, self.fc = nn.Conv2d(other_tokens, tokens, 1), nn.Linear(other, dim)
        self.multimodal_experts = nn.ModuleList(Cross(dim, options) for _ in range(crosses))
        self.singlemodal_experts = nn.ModuleList(Single(dim, options, mixes) for _ in range(singles))
        layers = (nn.Linear(2 * dim, 128), nn.ReLU(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, crosses + singles))
        self.router = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "row n dim"], y: Float[Tensor, "row n2 other"]) -> tuple[Tensor, Tensor]:
        """(same shape as x, the experts' weights (row, 1, expert))."""
        y = mapped(y, self.conv_adapter, self.fc)
        gates = self.router(torch.cat([x.mean(dim=1), y.mean(dim=1)], dim=-1)).softmax(dim=-1)
        said = [expert(x, y) for expert in self.multimodal_experts] + [expert(x) for expert in self.singlemodal_experts]
        return sum(g[:, None, None] * out for g, out in zip(gates.unbind(1), said, strict=True)), gates[:, None]
