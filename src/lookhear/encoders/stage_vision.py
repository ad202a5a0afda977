"""Soundstage vision encoder, one vector per second: which instruments, where, how many, who moves. Built in, 128 px.

    frame ─ 4 convolutions ─ 16 columns, left to right ─ one shared reading of each ─ all columns in order ─▶ heads, z

Features are not averaged over the width, so the vector keeps positions. The 256 numbers of `frames` (time, 256), before
standardisation and in this order, with 22 instruments each, are:

    0    number visible, divided by 3                22   number making playing movements, divided by 3
    44   the leftmost player has it, 0..1            66   the middle one of three players has it
    88   the rightmost player has it                 110  the second from the left     132  the third
    154  moves, first to fourth from the left · 158  number visible / 5 · 159  number of types / 5 · 160  indoor
    161  z, further features (95), standardised

A frame of any size is scaled to the square without keeping its aspect ratio; left stays left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.encoders._stage import INSTRUMENTS, Stage
from lookhear.errors import FeatureError
from lookhear.media.sampling import Sampling
from lookhear.types import Media

SIZE, COLUMNS = 128, 16
RANKS, COUNTS, SEEN, MOODS = 4, 4, 7, 5  # ranks from the left; 0-3 of a type; 0-6 players; moods
NONE = INSTRUMENTS  # the class "nobody"
Z = 95


@dataclass(frozen=True)
class Config:
    """Weights."""

    weights: str = ""
    """safetensors file of the same architecture; empty means the shipped weights"""


class Viewer(nn.Module):
    """The network: pictures (batch, 3, 128, 128) in 0..1 -> heads (batch, ...)."""

    def __init__(self) -> None:
        super().__init__()

        def block(i: int, o: int, kernel: int, stride: int | tuple[int, int]) -> nn.Sequential:
            conv = nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU(inplace=True))

        self.body = nn.Sequential(block(3, 64, 7, 4), block(64, 96, 3, 2), block(96, 128, 3, (2, 1)))
        self.deep = block(128, 128, 3, 1)
        self.read = nn.Linear(256, 160)
        self.beside = nn.Conv1d(160, 160, 3, padding=1)
        self.column = nn.Linear(160, INSTRUMENTS + 2)  # player in this column, or nobody; whether it moves
        self.short = nn.Linear(160, 56)
        self.join = nn.Sequential(nn.Dropout(0.1), nn.Linear(56 * COLUMNS, 384))
        n = INSTRUMENTS
        self.sizes = {
            "count": n * COUNTS,
            "moving": n * COUNTS,
            "rank": RANKS * (n + 1),
            "middle": n + 1,
            "right": n + 1,
        }
        self.sizes |= {"pose": RANKS, "seen": SEEN, "types": SEEN, "indoor": 1}
        self.heads = nn.Linear(384, sum(self.sizes.values()))
        self.z = nn.Linear(384, Z)
        self.again = nn.Linear(Z, n + 2 * (n + 1) + MOODS)  # auxiliary targets of z: x of each, fifth and sixth, mood

    def columns(self, pictures: Float[Tensor, "batch 3 128 128"]) -> Float[Tensor, "batch 16 160"]:
        """Features of each column of the picture, left to right."""
        grid = self.body((pictures - 0.5) * 4)  # batch channel row column
        grid = grid + self.deep(grid)
        pooled = torch.cat([grid.mean(2), grid.amax(2)], 1).transpose(1, 2).float()
        columns = F.relu(self.read(pooled))
        return columns + F.relu(self.beside(columns.transpose(1, 2)).transpose(1, 2))

    def forward(self, pictures: Float[Tensor, "batch 3 128 128"]) -> dict[str, Tensor]:
        columns = self.columns(pictures)
        joined = F.relu(self.join(F.relu(self.short(columns)).flatten(1)))
        heads = dict(zip(self.sizes, self.heads(joined).split(list(self.sizes.values()), -1), strict=True))
        heads |= {k: heads[k].unflatten(-1, (INSTRUMENTS, COUNTS)) for k in ("count", "moving")}
        heads["rank"] = heads["rank"].unflatten(-1, (RANKS, INSTRUMENTS + 1))
        z = F.layer_norm(self.z(joined), (Z,))
        return heads | {"column": self.column(columns), "z": z, "again": self.again(z)}


def vector(heads: dict[str, Tensor]) -> Float[Tensor, "batch 256"]:
    """The heads as the 256 output numbers."""

    def expected(logits: Tensor, scale: float) -> Tensor:
        return (logits.softmax(-1) * torch.arange(float(logits.shape[-1]))).sum(-1) / scale

    rank = heads["rank"].softmax(-1)[..., :NONE]
    parts = [expected(heads["count"], 3), expected(heads["moving"], 3), rank[:, 0]]
    parts += [heads[k].softmax(-1)[:, :NONE] for k in ("middle", "right")] + [rank[:, 1], rank[:, 2]]
    there = 1 - heads["rank"].softmax(-1)[..., NONE]
    parts += [
        heads["pose"].sigmoid() * there,
        expected(heads["seen"], 5)[:, None],
        expected(heads["types"], 5)[:, None],
    ]
    return torch.cat([*parts, heads["indoor"].sigmoid(), heads["z"]], -1)


class StageVision(Stage):
    """Media in, `frames` (time, 256) out, one row per frame."""

    name = "stage_vision"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config):
        super().__init__(Viewer(), config.weights)
        self.streams = {"frames": 7 * INSTRUMENTS + RANKS + 3 + Z}
        self.sampling = Sampling(fps=1.0, offset=0.5, size=(SIZE, SIZE))

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        seen = (torch.cat([vector(self.net(p)) for p in pictures(m).split(32)]) for m in items)
        return [{"frames": self.standard("frames", rows)} for rows in seen]


def pictures(media: Media) -> Float[Tensor, "time 3 128 128"]:
    """The frames of a clip as input of the network."""
    if media.frames is None or not len(media.frames):
        raise FeatureError("stage_vision was given a clip without a picture.")
    frames = media.frames
    if frames.shape[1:3] != (SIZE, SIZE):
        from PIL import Image  # frames decoded as `sampling` says need no scaling

        frames = np.stack([np.asarray(Image.fromarray(f).resize((SIZE, SIZE), Image.Resampling.BOX)) for f in frames])
    return scaled(torch.from_numpy(np.ascontiguousarray(frames)))


def scaled(frames: UInt8[Tensor, "time height width 3"]) -> Float[Tensor, "time 3 height width"]:
    """Bytes to 0..1, channels first."""
    return frames.permute(0, 3, 1, 2).float() / 255


def build(config: Config) -> StageVision:
    """The encoder with its shipped weights. Raises ModelError if the weights do not fit."""
    return StageVision(config)
