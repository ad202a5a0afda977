"""ImageBind's audio tower, one vector per two seconds of sound, in the joint space with pictures. 16 kHz, 1024-d.

    2 s ─ log-mel 198 x 128, filled to 204 ─ patches of 16 x 16 every 10 ─ ViT-B ─ class token ─ projection ─▶ audio

Vectors have length 20, as released. `seconds=0` gives one vector per clip as released: the mean over three windows of
2 s at its beginning, middle and end. `seconds=1` is aligned with seconds; half of the input is then padding. Weights:
`imagebind_huge.pth` (4.8 GB, CC-BY-NC-SA 4.0: not for commercial use), fetched on first use. Not used by the AVQA
papers here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders import _frozen
from lookhear.encoders.imagebind import towers
from lookhear.errors import RecipeError
from lookhear.frontends import kaldi
from lookhear.media.sampling import Sampling
from lookhear.types import Media

MEAN, STD = -4.268, 9.138  # of AudioSet
LENGTH, ROWS = 2, 204  # seconds of training windows, and rows of the input
STRETCHES = 3  # windows per clip with seconds=0


@dataclass(frozen=True)
class Config:
    """Weights, and length of sound per row."""

    weights: str = towers.FILE
    """published name, file, or folder"""
    heads: int = 0
    """attention heads; 0 means the published 12"""
    seconds: float = 2.0
    """length of sound per row, at most 2 s; 0 gives one row for the clip, as released"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 16
    """rows in a batch"""


class ImageBindAudio(_frozen.Frozen):
    """Media in, `audio` (time, 1024) out."""

    name = "imagebind_audio"
    reads = "waveform"

    def __init__(self, config: Config, net: towers.Tower):
        super().__init__(net, config)
        self.streams = {"audio": net.head.out_features}
        self.sampling = Sampling(sample_rate=kaldi.RATE)
        self.reach = self.apart(config.seconds)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            whole = not self.config.seconds
            rows = front_end(stretches(self.pieces(media, 0)[0]) if whole else self.pieces(media, self.config.seconds))
            made = torch.cat([self.net(piece).float().cpu() for piece in self.batches(rows)])
            out.append({"audio": made.mean(0, keepdim=True) if whole else made})
        return out


def stretches(wave: Float[Tensor, " sample"]) -> Float[Tensor, "3 32000"]:
    """Three windows of 2 s at the beginning, middle and end of the sound; shorter sound is padded first."""
    length = LENGTH * kaldi.RATE
    wave = F.pad(wave, (0, max(0, length - len(wave))))
    starts = [round(i * (len(wave) - length) / (STRETCHES - 1)) for i in range(STRETCHES)]
    return torch.stack([wave[start : start + length] for start in starts])


def front_end(wave: Float[Tensor, "batch sample"]) -> Float[Tensor, "batch 1 128 204"]:
    """Log-mel of sound after removal of its mean, padded with zeros, then normalised; bands first."""
    rows = kaldi.fbank(wave - wave.mean(-1, keepdim=True), 128, "hanning")[:, :ROWS]
    rows = (F.pad(rows, (0, 0, 0, ROWS - rows.shape[1])) - MEAN) / STD
    return rows.transpose(1, 2)[:, None]


def build(config: Config) -> ImageBindAudio:
    """The encoder. Raises RecipeError or ModelError."""
    if config.seconds and not 0.1 <= config.seconds <= LENGTH:
        raise RecipeError(
            f"imagebind_audio seconds={config.seconds}: a row is of 0.1 to 2 s of sound, or 0: all of it."
        )
    return ImageBindAudio(config, towers.tower(config.weights, "audio", config.heads))
