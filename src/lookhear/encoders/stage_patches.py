"""Soundstage vision encoder with 8 vertical strips per second, for nets that use patches. Built in.

Its weights are those of `stage_vision`.

    frame ─ `stage_vision` up to its 16 columns, left to right ─ the larger of every two ─ normalised ─┬─▶ patches
    which of the 8 strips it is ───────────────────────────────────────────────────────────────────────┘

`patches` (time, 8, 168): 160 features of the strip, normalised to mean 0 and standard deviation 1 over the 160, then a
one-hot position of the strip, standardised. Nothing is trained beyond `stage_vision`: the instrument in a strip is a
linear function of its features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders._stage import WEIGHTS, Stage
from lookhear.encoders.stage_vision import COLUMNS, SIZE, Config, Viewer, pictures
from lookhear.media.sampling import Sampling
from lookhear.types import Media

STRIPS, WIDTH = COLUMNS // 2, 160


class StagePatches(Stage):
    """Media in, `patches` (time, 8, 168) out, one row per frame."""

    name = "stage_patches"
    reads = "frames"

    def __init__(self, config: Config):
        super().__init__(Viewer(), config.weights or str(WEIGHTS / "stage_vision.safetensors"))
        self.streams = {"patches": WIDTH + STRIPS}
        self.sampling = Sampling(fps=1.0, offset=0.5, size=(SIZE, SIZE))
        share = 1 / STRIPS
        self.place = (torch.eye(STRIPS) - share) / (share * (1 - share)) ** 0.5

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        return [{"patches": torch.cat([self.strips(p) for p in pictures(m).split(32)])} for m in items]

    def strips(self, frames: Float[Tensor, "time 3 128 128"]) -> Float[Tensor, "time 8 168"]:
        """Features of each strip, and its position."""
        columns = self.net.columns(frames).unflatten(1, (STRIPS, -1)).amax(2)
        return torch.cat([F.layer_norm(columns, (WIDTH,)), self.place.expand(len(frames), -1, -1)], -1)


def build(config: Config) -> StagePatches:
    """The encoder with its shipped weights. Raises ModelError if the weights do not fit."""
    return StagePatches(config)
