"""Swin transformers: version 2 for pictures, version 1 for spectrograms, with the parameter names of timm.

The attention and feed-forward branches of a block can be called separately, so that adapters can run in parallel to
each. The grid size of a stage is fixed at construction. `from_transformers` renames the weights of transformers'
Swinv2Model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Sizes:
    """Sizes of a Swin backbone. Defaults are those of Swin-V2-L at 192 x 192."""

    image: int = 192
    patch: int = 4
    window: int = 12
    width: int = 192
    depths: list[int] = field(default_factory=lambda: [2, 2, 18, 2])
    heads: list[int] = field(default_factory=lambda: [6, 12, 24, 48])
    path: float = 0.1
    """stochastic depth rate of the last block; it grows linearly from 0"""

    def stages(self) -> list[tuple[int, int]]:
        """(tokens, width) of each stage."""
        grid = self.image // self.patch
        return [((grid // 2**i) ** 2, self.width * 2**i) for i in range(len(self.depths))]


class Window(nn.Module):
    """Window attention on a grid that is rolled by `shift`; subclasses define the scores."""

    def __init__(self, dim: int, heads: int, grid: int, window: int, shift: bool) -> None:
        super().__init__()
        self.heads, self.grid, self.window = heads, grid, min(window, grid)
        self.shift = window // 2 if shift and grid > window else 0
        self.proj = nn.Linear(dim, dim)
        w = self.window
        place = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
        offset = place[:, :, None] - place[:, None] + w - 1  # query minus key
        self.register_buffer("index", offset[0] * (2 * w - 1) + offset[1], persistent=False)
        self.register_buffer("mask", self.regions(), persistent=False)

    def regions(self) -> Float[Tensor, "window place place2"] | None:
        """Attention mask: -100 between positions that are adjacent only because of the roll, 0 elsewhere."""
        if not self.shift:
            return None
        edges = torch.tensor([self.grid - self.window, self.grid - self.shift])
        side = torch.bucketize(torch.arange(self.grid), edges, right=True)
        cut = self.cut((3 * side[:, None] + side).flatten()[None, :, None].float()).squeeze(-1)
        return torch.where(cut[:, :, None] == cut[:, None], 0.0, -100.0)

    def cut(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "many place dim"]:
        """The windows of the grid, with the windows of a picture in sequence."""
        return rearrange(
            x,
            "m (a p b q) d -> (m a b) (p q) d",
            p=self.window,
            q=self.window,
            a=self.grid // self.window,
            b=self.grid // self.window,
        )

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape."""
        m, grid = len(x), self.grid
        if self.shift:
            x = x.unflatten(1, (grid, grid)).roll((-self.shift, -self.shift), (1, 2)).flatten(1, 2)
        parts = rearrange(self.map(self.cut(x)), "r n (three h d) -> three r h n d", three=3, h=self.heads)
        scores = self.scores(parts[0], parts[1]) + self.bias()
        if self.mask is not None:
            scores = (scores.unflatten(0, (m, -1)) + self.mask[:, None]).flatten(0, 1)
        x = self.proj(rearrange(scores.softmax(dim=-1) @ parts[2], "r h n d -> r n (h d)"))
        each = grid // self.window
        x = rearrange(x, "(m a b) (p q) d -> m (a p) (b q) d", a=each, b=each, p=self.window)
        return (x.roll((self.shift, self.shift), (1, 2)) if self.shift else x).flatten(1, 2)

    def map(self, x: Tensor) -> Tensor:
        """Queries, keys and values, concatenated."""
        raise NotImplementedError

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        """Scores of queries and keys."""
        raise NotImplementedError

    def bias(self) -> Float[Tensor, "head place place2"]:
        """Bias of relative positions."""
        raise NotImplementedError


class Window1(Window):
    """Version 1: scaled dot products, learned relative position bias table."""

    def __init__(self, dim: int, heads: int, grid: int, window: int, shift: bool) -> None:
        super().__init__(dim, heads, grid, window, shift)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * self.window - 1) ** 2, heads))

    def map(self, x: Tensor) -> Tensor:
        return self.qkv(x)

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        return q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5

    def bias(self) -> Tensor:
        return self.relative_position_bias_table[self.index].permute(2, 0, 1)


class Window2(Window):
    """Version 2: scaled cosine attention, log-spaced continuous relative position bias."""

    def __init__(self, dim: int, heads: int, grid: int, window: int, shift: bool) -> None:
        super().__init__(dim, heads, grid, window, shift)
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.q_bias, self.v_bias = (nn.Parameter(torch.zeros(dim)) for _ in range(2))
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10)))
        self.cpb_mlp = nn.Sequential(nn.Linear(2, 512), nn.ReLU(), nn.Linear(512, heads, bias=False))
        step = torch.arange(1 - self.window, self.window).float() * 8 / max(self.window - 1, 1)
        near = step.sign() * (step.abs() + 1).log2() / 3
        table = torch.stack(torch.meshgrid(near, near, indexing="ij"), dim=-1).flatten(0, 1)
        self.register_buffer("places", table, persistent=False)

    def map(self, x: Tensor) -> Tensor:
        return F.linear(x, self.qkv.weight, torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias]))

    def scores(self, q: Tensor, k: Tensor) -> Tensor:
        scale = self.logit_scale.clamp(max=math.log(100)).exp()
        return F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-1, -2) * scale

    def bias(self) -> Tensor:
        return 16 * self.cpb_mlp(self.places).sigmoid()[self.index].permute(2, 0, 1)


class Mlp(nn.Module):
    """The feed-forward branch."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """Same shape."""
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """A Swin block whose residual branches are `attended(x)` and `fed(x)`."""

    def __init__(self, attn: Window, dim: int, path: float, after: bool) -> None:
        super().__init__()
        self.attn, self.mlp, self.path, self.after = attn, Mlp(dim), path, after
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def attended(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Residual branch of the attention: post-norm in version 2, pre-norm in version 1."""
        return self.sometimes(self.norm1(self.attn(x)) if self.after else self.attn(self.norm1(x)))

    def fed(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Residual branch of the feed-forward layer."""
        return self.sometimes(self.norm2(self.mlp(x)) if self.after else self.mlp(self.norm2(x)))

    def sometimes(self, change: Tensor) -> Tensor:
        """Stochastic depth by row, in training only."""
        if not self.training or not self.path:
            return change
        return change * (torch.rand(len(change), 1, 1, device=change.device) >= self.path) / (1 - self.path)

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """The whole block."""
        x = x + self.attended(x)
        return x + self.fed(x)


class Merge(nn.Module):
    """Patch merging: four neighbours to one token of twice the width; post-norm in version 2, pre-norm in version 1."""

    def __init__(self, dim: int, grid: int, after: bool) -> None:
        super().__init__()
        self.grid, self.after = grid, after
        self.reduction, self.norm = nn.Linear(4 * dim, 2 * dim, bias=False), nn.LayerNorm((2 if after else 4) * dim)

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row quarter twice"]:
        """Tokens are ordered with columns fastest, the four merged neighbours with rows fastest."""
        x = rearrange(x, "m (a r b c) d -> m (a b) (c r d)", r=2, c=2, b=self.grid // 2)
        return self.norm(self.reduction(x)) if self.after else self.reduction(self.norm(x))


class Patches(nn.Module):
    """A convolution over non-overlapping patches, and a norm."""

    def __init__(self, channels: int, dim: int, size: int) -> None:
        super().__init__()
        self.proj, self.norm = nn.Conv2d(channels, dim, size, size), nn.LayerNorm(dim)

    def forward(self, x: Float[Tensor, "row channel height width"]) -> Float[Tensor, "row n dim"]:
        """Tokens in row-major order."""
        return self.norm(self.proj(x).flatten(2).transpose(1, 2))


class Stage(nn.Module):
    """Blocks of one resolution, followed by the merge (none in the last stage)."""

    def __init__(self, blocks: Sequence[Block], downsample: Merge | None) -> None:
        super().__init__()
        self.blocks, self.downsample = nn.ModuleList(blocks), downsample

    def merged(self, x: Tensor) -> Tensor:
        """Tokens after the merge, for the next stage."""
        return x if self.downsample is None else self.downsample(x)


def stages(sizes: Sizes, version: int) -> nn.ModuleList:
    """The stages of a backbone."""
    kind, made = (Window1, Window2)[version - 1], []
    total, done, grid = sum(sizes.depths), 0, sizes.image // sizes.patch
    for level, (depth, heads) in enumerate(zip(sizes.depths, sizes.heads, strict=True)):
        dim, side = sizes.width * 2**level, grid // 2**level
        blocks = [
            Block(
                kind(dim, heads, side, sizes.window, bool(i % 2)),
                dim,
                sizes.path * (done + i) / max(total - 1, 1),
                version == 2,
            )
            for i in range(depth)
        ]
        done += depth
        last = level + 1 == len(sizes.depths)
        made.append(Stage(blocks, None if last else Merge(dim, side, version == 2)))
    return nn.ModuleList(made)


class SwinV2(nn.Module):
    """Swin-V2 without its classifier."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.patch_embed, self.layers = Patches(3, sizes.width, sizes.patch), stages(sizes, 2)
        self.norm = nn.LayerNorm(sizes.stages()[-1][1])

    def forward(self, pictures: Float[Tensor, "row 3 height width"]) -> Float[Tensor, "row n dim"]:
        """Normed tokens of the last stage."""
        x = self.patch_embed(pictures)
        for stage in self.layers:
            for block in stage.blocks:
                x = block(x)
            x = stage.merged(x)
        return self.norm(x)


HUGGING = {
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "embeddings.norm": "patch_embed.norm",
    "encoder.layers": "layers",
    "attention.self.continuous_position_bias_mlp": "attn.cpb_mlp",
    "attention.self.logit_scale": "attn.logit_scale",
    "attention.output.dense": "attn.proj",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
}


def from_transformers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of transformers' Swinv2Model under our names."""
    result = {}
    for name, tensor in state.items():
        name = name.removeprefix("swinv2.")
        for old, new in HUGGING.items():
            name = name.replace(old, new)
        name = "norm." + name.removeprefix("layernorm.") if name.startswith("layernorm.") else name
        result[name] = tensor
    for name in [n for n in result if n.endswith("attention.self.query.weight")]:
        block = name.removesuffix("attention.self.query.weight")
        parts = [result.pop(f"{block}attention.self.{part}.weight") for part in ("query", "key", "value")]
        result[f"{block}attn.qkv.weight"] = torch.cat(parts)
        for part in ("query", "value"):
            result[f"{block}attn.{part[0]}_bias"] = result.pop(f"{block}attention.self.{part}.bias")
    return result
