"""Encoders small enough to check by hand: mean colour, mean loudness, letters of a text."""

import time
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from lookhear.encoders import Encoder
from lookhear.media.sampling import Sampling

SMALL, SMALLER = Sampling(size=(8, 8)), Sampling(size=(16, 16))


@dataclass
class Colour(Encoder):
    reads = "frames"
    name: str = "toy_colour"
    settings: dict = field(default_factory=lambda: {"scale": 255})
    sampling: Sampling = SMALL
    delay: float = 0.0
    spoil: str = ""  # nan, wide or die: what a broken encoder does

    streams: ClassVar = {"frames": 3, "patches": 3}

    def signature(self):
        return {"name": self.name, "sha256": "0" * 64, "version": 1, "settings": self.settings}

    def __call__(self, items):
        time.sleep(self.delay)
        return [self.one(m) for m in items]

    def one(self, media):
        if self.spoil == "die" and media.frames.mean() > 200:
            import os

            os._exit(9)
        mean = media.frames.astype(np.float32).mean((1, 2)) / 255
        if self.spoil == "nan":
            mean[0, 0] = np.nan
        if self.spoil == "wide":
            mean = np.concatenate([mean, mean], 1)
        return {"frames": torch.from_numpy(mean), "patches": torch.from_numpy(mean)[:, None].repeat(1, 2, 1)}


@dataclass
class Loudness(Encoder):
    reads = "waveform"
    sampling: Sampling = SMALLER
    streams: ClassVar = {"audio": 1}

    def signature(self):
        return {"name": "toy_loudness", "sha256": "1" * 64, "version": 1, "settings": {}}

    def __call__(self, items):
        found = []
        for media in items:
            steps = max(1, round(len(media.waveform) / media.sample_rate))
            wave = np.resize(media.waveform, steps * media.sample_rate) if len(media.waveform) else np.zeros(16000)
            rms = np.sqrt((wave.reshape(steps, -1).astype(np.float32) ** 2).mean(1, keepdims=True))
            found.append({"audio": torch.from_numpy(rms.astype(np.float32))})
        return found


class Letters(Encoder):
    reads = "text"
    streams: ClassVar = {"question": 26, "words": 26}

    def signature(self):
        return {"name": "toy_letters", "sha256": "2" * 64, "version": 1, "settings": {}}

    def __call__(self, items):
        rows = torch.tensor([[t.lower().count(chr(97 + i)) for i in range(26)] for t in items], dtype=torch.float32)
        return [{"question": r, "words": r.repeat(5, 1)} for r in rows]
