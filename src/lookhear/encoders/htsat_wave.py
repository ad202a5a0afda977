"""Waveform cut into seconds at 32 kHz, for nets with their own HTS-AT. It has no weights.

`waveform` (second, rate): one second per row, the last padded with zeros. DG-SCT and AVMoE repeat each second ten times
themselves, as released.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders import Encoder
from lookhear.errors import RecipeError
from lookhear.media.sampling import Sampling
from lookhear.types import Media


@dataclass(frozen=True)
class Config:
    """Sample rate and number of seconds."""

    rate: int = 32_000
    """samples per second"""
    count: int = 0
    """seconds per clip, evenly spaced: 10 as published; 0 takes all"""


class HtsatWave(Encoder):
    """Media in, `waveform` (second, rate) out."""

    name = "htsat_wave"
    reads = "waveform"

    def __init__(self, config: Config):
        if config.rate < 1 or config.count < 0:
            raise RecipeError(f"htsat_wave needs rate >= 1 and count >= 0, got {config.rate} and {config.count}.")
        self.config = config
        self.streams = {"waveform": config.rate}
        self.sampling = Sampling(sample_rate=config.rate)

    def signature(self) -> dict[str, Any]:
        """Name and settings; there are no weights."""
        return {"name": self.name, "sha256": "", "version": 1, "settings": asdict(self.config)}

    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        rate, waves = self.config.rate, []
        for media in items:
            seconds = max(1, round(len(media.waveform) / rate))
            wave = torch.from_numpy(media.waveform)[: seconds * rate]
            rows = F.pad(wave, (0, seconds * rate - len(wave))).view(seconds, rate)
            if self.config.count:
                rows = rows[torch.linspace(0, seconds - 1, self.config.count).round().long()]
            waves.append({"waveform": rows.contiguous()})
        return waves


def build(config: Config) -> HtsatWave:
    """The encoder."""
    return HtsatWave(config)
