"""LAVISH's adapter: cross-attention to the other stream through latent tokens, then a grouped bottleneck."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True)
class Options:
    """Options of an adapter."""

    tokens: int = 64
    """number of latent tokens; 0 disables attention to the other stream"""
    down: int = 8
    """ratio of the stream's width to the bottleneck's width"""
    groups: int = 4
    """groups of the 1 x 1 convolutions"""
    gate: bool = True
    """scale the output by a learned scalar that starts at 0"""
    norms: bool = True
    """layer norms before and after the bottleneck"""
    batch_norm: bool = False
    """batch norm in the bottleneck"""
    relu: bool = True
    """ReLU between the two convolutions"""
    random: bool = False
    """latent tokens start uniformly random; as released they start at 0 and stay equal to each other"""


class Grouped(nn.Module):
    """A grouped map of channels without bias: a 1 x 1 convolution, stored as one."""

    def __init__(self, inputs: int, outputs: int, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.weight = nn.Conv2d(inputs, outputs, 1, groups=groups, bias=False).weight

    def forward(self, x: Float[Tensor, "row n inputs"]) -> Float[Tensor, "row n outputs"]:
        """Each group of output channels depends on its own group of input channels only."""
        weight = rearrange(self.weight, "(group out) part 1 1 -> group out part", group=self.groups)
        parts = x.unflatten(-1, (self.groups, -1))
        return torch.einsum("mngp,gop->mngo", parts, weight).flatten(2)


def carried(x: Tensor, y: Tensor, tokens: Tensor, gate: Tensor) -> Float[Tensor, "row n dim"]:
    """x + gate * attention(x, attention(tokens, y)); attention logits are not scaled."""
    r = tokens + (tokens @ y.transpose(1, 2)).softmax(dim=-1) @ y
    return x + gate * (x @ r.transpose(1, 2)).softmax(dim=-1) @ r


class Bottleneck(nn.Module):
    """Layer norm, grouped down-projection, ReLU, grouped up-projection, layer norm, gate."""

    def __init__(self, dim: int, options: Options) -> None:
        super().__init__()
        inner = dim // options.down
        self.down_sampler, self.up_sampler = (Grouped(*pair, options.groups) for pair in ((dim, inner), (inner, dim)))
        self.ln_before, self.ln_post = (nn.LayerNorm(dim) if options.norms else None for _ in range(2))
        self.bn1, self.bn2 = (nn.BatchNorm1d(n) if options.batch_norm else None for n in (inner, dim))
        self.gate = nn.Parameter(torch.zeros(1)) if options.gate else None
        self.relu = options.relu

    def squeezed(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """The bottleneck's output before the gate."""
        z = self.down_sampler(x if self.ln_before is None else self.ln_before(x))
        z = z if self.bn1 is None else self.bn1(z.flatten(0, 1)).view_as(z)
        out = self.up_sampler(z.relu() if self.relu else z)
        out = out if self.bn2 is None else self.bn2(out.flatten(0, 1)).view_as(out)
        out = out if self.ln_post is None else self.ln_post(out)
        return out if self.gate is None else self.gate * out


class Latents(Bottleneck):
    """A bottleneck with optional latent tokens for the other stream."""

    def __init__(self, dim: int, options: Options) -> None:
        super().__init__(dim, options)
        if options.tokens:
            tokens = torch.rand(options.tokens, dim) if options.random else torch.zeros(options.tokens, dim)
            self.my_tokens, self.gate_av = nn.Parameter(tokens), nn.Parameter(torch.zeros(1))
        self.crosses = options.tokens > 0


class Adapter(Latents):
    """Latent tokens, then the bottleneck; the output is added to the backbone's."""

    def forward(self, x: Float[Tensor, "row n dim"], y: Float[Tensor, "row n2 dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape as x."""
        return self.squeezed(carried(x, y, self.my_tokens, self.gate_av) if self.crosses else x)
