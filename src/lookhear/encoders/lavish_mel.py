"""Spectrograms as square pictures, the sound input of LAVISH's shared backbone. It has no weights.

`spectrogram` (row, size, size): Kaldi's log-mel filter bank with as many bands as the picture has rows, Hann window,
10 ms step. There are `count` windows of size x 10 ms + 30 ms spread over the clip (10 of 1.95 s for size 192, as
published). Values are normalised by the mean 5.3853 and twice the standard deviation 3.5929. `count=0` gives one window
around the middle of every second. Axes are time and band. A clip that is too short is padded with zeros at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders import Encoder
from lookhear.errors import RecipeError
from lookhear.frontends import kaldi
from lookhear.media.sampling import Sampling
from lookhear.types import Media

LEVEL, DEVIATION = -5.3853, 3.5929
SLACK = 1600  # samples left at the end by the published window starts


@dataclass(frozen=True)
class Config:
    """Size and number of the spectrograms."""

    size: int = 192
    """side of the square picture in pixels"""
    count: int = 0
    """windows per clip: 10 as published; 0 takes one per second"""


class LavishMel(Encoder):
    """Media in, `spectrogram` (row, size, size) out."""

    name = "lavish_mel"
    reads = "waveform"

    def __init__(self, config: Config):
        if config.size < 1 or config.count < 0:
            raise RecipeError(f"lavish_mel needs size >= 1 and count >= 0, got {config.size} and {config.count}.")
        self.config = config
        self.streams = {"spectrogram": config.size}
        self.sampling = Sampling(sample_rate=kaldi.RATE)

    def signature(self) -> dict[str, Any]:
        """Name and settings; there are no weights."""
        return {"name": self.name, "sha256": "", "version": 1, "settings": asdict(self.config)}

    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        return [{"spectrogram": self.pictures(torch.from_numpy(media.waveform))} for media in items]

    def pictures(self, wave: Float[Tensor, " sample"]) -> Float[Tensor, "row size size2"]:
        """One spectrogram per window."""
        wave = wave - wave.mean()
        length = kaldi.STEP * (self.config.size + 3)
        if self.config.count:
            last = max(len(wave) - length - SLACK, 0)
            starts = torch.linspace(0, last, self.config.count).long()
        else:
            seconds = max(1, round(len(wave) / kaldi.RATE))
            starts = (torch.arange(seconds) * kaldi.RATE + kaldi.RATE // 2 - length // 2).clamp(min=0)
        rows = []
        for start in starts.tolist():
            part = wave[start : start + length]
            part = F.pad(part, (0, max(0, kaldi.WINDOW - len(part))))
            mel = (kaldi.fbank(part, self.config.size, "hanning") - LEVEL) / (2 * DEVIATION)
            mel = mel[: self.config.size]
            rows.append(F.pad(mel, (0, 0, 0, self.config.size - len(mel))))
        return torch.stack(rows)


def build(config: Config) -> LavishMel:
    """The encoder."""
    return LavishMel(config)
