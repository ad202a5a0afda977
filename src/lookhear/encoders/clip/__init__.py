"""CLIP's image tower, one vector per frame and optionally its patches. ViT-B/32, L/14 or L/14@336, 512-d or 768-d.

    frame ─ shorter side to 224, bicubic ─ middle square ─ ViT ─ last norm ─ projection ─▶ frames (first token), patches

The frame features of TSPM, QA-TIGER and AV-Master (L/14@336) and the patch features of PSTP-Net (B/32, first token
included). They are not normalised to length 1. Published features were computed in half precision from JPEGs of
quality 75; `precision="fp16"` and `jpeg=75` do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookhear.encoders import _frozen
from lookhear.encoders.clip import towers
from lookhear.frontends import images
from lookhear.media.sampling import Sampling
from lookhear.types import Media


@dataclass(frozen=True)
class Config:
    """Weights, output streams and preprocessing."""

    weights: str = "openai/clip-vit-base-patch32"
    """hub name, folder, or one of OpenAI's own files"""
    patches: bool = False
    """also give the stream `patches` (time, patch, dim), first token first"""
    jpeg: int | None = None
    """store each frame as JPEG of this quality first, as the published features did"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 32
    """frames in a batch"""


class ClipEncoder(_frozen.Frozen):
    """Media in, `frames` (time, dim) out, and optionally `patches` (time, patch, dim)."""

    name = "clip"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config):
        super().__init__(towers.tower(config.weights, "vision"), config)
        self.size = self.net.config.image_size
        width = int(self.net.config.projection_dim)
        self.streams = {"frames": width} | ({"patches": width} if config.patches else {})
        self.sampling = Sampling()

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            pictures = images.cropped(self.frames_of(media), self.size, jpeg=self.config.jpeg)
            rows = images.normalised(pictures, images.CLIP_MEAN, images.CLIP_STD)
            tokens = torch.cat([self.project(piece) for piece in self.batches(rows)])
            out.append({"frames": tokens[:, 0].clone()} | ({"patches": tokens} if self.config.patches else {}))
        return out

    def project(self, pictures: Tensor) -> Tensor:
        """All tokens (frame, 1 + patch, dim), or only the class token if `patches` is off."""
        vision = self.net.vision_model
        hidden = vision(pixel_values=pictures).last_hidden_state
        hidden = hidden if self.config.patches else hidden[:, :1]
        return self.net.visual_projection(vision.post_layernorm(hidden)).float().cpu()


def build(config: Config) -> ClipEncoder:
    """The encoder. Raises ModelError if the weights are not available, DependencyError without transformers."""
    return ClipEncoder(config)
