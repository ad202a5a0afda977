"""ImageBind's image tower, one vector per frame in the joint space with sound. 1024-d, length 1.

    frame ─ shorter side to 224, bicubic ─ middle square ─ ViT-H/14 ─ class token ─ projection ─▶ frames

Weights: `imagebind_huge.pth` (4.8 GB, CC-BY-NC-SA 4.0: not for commercial use), fetched on first use. Not used by the
AVQA papers here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookhear.encoders import _frozen
from lookhear.encoders.imagebind import towers
from lookhear.frontends import images
from lookhear.media.sampling import Sampling
from lookhear.types import Media

SIZE = 224


@dataclass(frozen=True)
class Config:
    """Weights and preprocessing."""

    weights: str = towers.FILE
    """published name, file, or folder"""
    heads: int = 0
    """attention heads; 0 means the published 16"""
    jpeg: int | None = None
    """store each frame as JPEG of this quality first"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 16
    """frames in a batch"""


class ImageBind(_frozen.Frozen):
    """Media in, `frames` (time, 1024) out."""

    name = "imagebind"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config, net: towers.Tower):
        super().__init__(net, config)
        self.streams = {"frames": net.head.out_features}
        self.sampling = Sampling()

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            pictures = images.cropped(self.frames_of(media), SIZE, jpeg=self.config.jpeg)
            rows = images.normalised(pictures, images.CLIP_MEAN, images.CLIP_STD)
            out.append({"frames": torch.cat([self.net(piece).float().cpu() for piece in self.batches(rows)])})
        return out


def build(config: Config) -> ImageBind:
    """The encoder. Raises ModelError."""
    return ImageBind(config, towers.tower(config.weights, "vision", config.heads))
