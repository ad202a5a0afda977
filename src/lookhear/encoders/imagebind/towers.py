"""ImageBind's image and audio towers (arXiv 2305.05665), with the parameter names of the published file.

    picture twice ─ patches 14 x 14 ─ class token, places ─ norm ─ blocks ─ norm ─ class token ─ linear ─ length 1
    2 s of log-mel ─ patches 16 x 16 every 10 ─ norm ─ class token, places ─ blocks ─ … ─ length 1, times 20

Blocks are pre-norm transformer blocks; those of the audio tower have one additional learned key and value. Written from
the paper and its formulas. Code and weights of the original are CC-BY-NC-SA 4.0, which also applies to features made
with these weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import ModelError

FILE = "imagebind_huge.pth"
URL = "https://dl.fbaipublicfiles.com/imagebind/imagebind_huge.pth"
HEADS = {1280: 16, 768: 12}  # heads by published width; not stored in the file


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, width: int, heads: int, extra: bool):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.MultiheadAttention(width, heads, add_bias_kv=extra, batch_first=True)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        y = self.norm_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm_2(x))))


class Tower(nn.Module):
    """One of the two towers: pictures or spectrograms -> vectors (batch, dim), of length 1, or 20 for sound."""

    def __init__(self, side: str, width: int, depth: int, heads: int, tokens: int, out: int):
        super().__init__()
        self.side = side
        sees = side == "vision"
        stem = nn.Conv3d(3, width, (2, 14, 14), (2, 14, 14), bias=False) if sees else None
        self.stem = stem or nn.Conv2d(1, width, 16, 10, bias=False)
        self.stem_norm = nn.Identity() if sees else nn.LayerNorm(width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.before = nn.LayerNorm(width, eps=1e-6) if sees else nn.Identity()
        self.blocks = nn.ModuleList(Block(width, heads, extra=not sees) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, out, bias=False)
        if not sees:
            self.log_logit_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Float[Tensor, "batch channel *size"]) -> Float[Tensor, "batch dim"]:
        if self.side == "vision":
            x = x[:, :, None].expand(-1, -1, 2, -1, -1)  # a picture is a video of two equal frames
        x = self.stem_norm(self.stem(x).flatten(2).transpose(1, 2))
        x = self.before(torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed)
        for block in self.blocks:
            x = block(x)
        x = F.normalize(self.head(self.norm(x[:, 0])), dim=-1)
        return x if self.side == "vision" else x * self.log_logit_scale.exp().clamp(max=100)


def renamed(state: Mapping[str, Tensor], side: str) -> dict[str, Tensor]:
    """The tensors of one tower, renamed from the published names to ours."""
    before, trunk = f"modality_preprocessors.{side}.", f"modality_trunks.{side}."
    new = {f"{before}cls_token": "cls_token", f"{before}pos_embedding_helper.pos_embed": "pos_embed"}
    new[f"{before}rgbt_stem.proj.{'1.' if side == 'vision' else ''}weight"] = "stem.weight"
    for kind in ("weight", "bias"):
        new[f"{before}rgbt_stem.norm_layer.{kind}"] = f"stem_norm.{kind}"
        new[f"{trunk}pre_transformer_layer.0.{kind}"] = f"before.{kind}"
        new[f"modality_heads.{side}.0.{kind}"] = f"norm.{kind}"
    new[f"modality_heads.{side}.2.weight"] = "head.weight"
    new[f"modality_postprocessors.{side}.1.log_logit_scale"] = "log_logit_scale"
    out = {ours: state[theirs] for theirs, ours in new.items() if theirs in state}
    return out | {k.removeprefix(trunk): v for k, v in state.items() if k.startswith(f"{trunk}blocks.")}


def of_shapes(state: Mapping[str, Tensor], side: str, heads: int = 0) -> Tower:
    """An uninitialised tower with the sizes of `state`, which is already renamed. Raises ModelError."""
    try:
        (tokens, width), out = state["pos_embed"].shape[1:], state["head.weight"].shape[0]
    except KeyError as error:
        raise ModelError(f"Not a checkpoint with ImageBind's {side} tower: {error} is missing.") from None
    depth = len({k.split(".")[1] for k in state if k.startswith("blocks.")})
    return Tower(side, width, depth, heads or HEADS.get(width, max(1, width // 64)), tokens, out)


def tower(weights: str, side: str, heads: int = 0) -> Tower:
    """The `vision` or `audio` tower of a published file. Raises ModelError."""
    path: Path = checkpoints.locate(weights, ("imagebind*.pth", "*.pth", "*.safetensors"), URL)
    state = renamed(checkpoints.tensors(checkpoints.read(path)), side)
    return checkpoints.load(of_shapes(state, side, heads), state, path)  # type: ignore[return-value]
