"""Frames scaled to a square, for nets with their own backbones. It has no weights.

`pixels` (row, 3, size, size) bytes: `count` evenly spaced frames from the first to the last, or with `count=0` one per
second. Frames are scaled to the square without keeping their aspect ratio, bicubic, as LAVISH, DG-SCT and AVMoE read
them. The nets normalise them with ImageNet's statistics. A row of 192 x 192 takes 110 kB on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lookhear.encoders import Encoder
from lookhear.errors import RecipeError
from lookhear.media.sampling import Sampling
from lookhear.types import Media


@dataclass(frozen=True)
class Config:
    """Size and number of the frames."""

    size: int = 192
    """side of the square picture in pixels"""
    count: int = 0
    """frames per clip, evenly spaced from the first to the last: 10 as published; 0 takes one per second"""


class Pixels(Encoder):
    """Media in, `pixels` (row, 3, size, size) bytes out."""

    name = "pixels"
    reads = "frames"

    def __init__(self, config: Config):
        if config.size < 1 or config.count < 0:
            raise RecipeError(f"pixels needs size >= 1 and count >= 0, got {config.size} and {config.count}.")
        self.config = config
        self.streams = {"pixels": config.size}
        spread = {"rule": "crab_plus_linspace", "count": config.count} if config.count else {"offset": 0.5}
        self.sampling = Sampling(**spread)

    def signature(self) -> dict[str, Any]:
        """Name and settings; there are no weights."""
        return {"name": self.name, "sha256": "", "version": 1, "settings": asdict(self.config)}

    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        size = (self.config.size, self.config.size)
        found = []
        for media in items:
            rows = [np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BICUBIC)) for f in media.frames]
            found.append({"pixels": torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).contiguous()})
        return found


def build(config: Config) -> Pixels:
    """The encoder."""
    return Pixels(config)
