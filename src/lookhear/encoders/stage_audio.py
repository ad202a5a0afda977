"""Soundstage audio encoder, one vector per second: who plays, how loud, how fast, who speaks. Built in, 16 kHz.

    waveform ─ log-mel, 50 a second ─ 4 convolutions ─ 5 columns a second ─ a second ─▶ heads, z

The 128 numbers of `audio` (time, 128), before standardisation and in this order, with 22 instruments each, are:

    0   probability that it plays in this second, 0..1 (fractional if it plays in a part of the second)
    22  its level: 0 silent, 0.5 at -6 dB, 1 at the reference level, 1.5 at +6 dB
    44  its note rate: 0 silent, else 1 + log2(notes per second) / 4; a doubled rate adds a quarter
    66  a voice speaks · 67 indoor · 68 number of players / 5 · 69-73 mood · 74-127 z, further features, standardised

A row depends on one second before and after its own, to count notes. No gain is applied to the sound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.encoders._stage import INSTRUMENTS, Stage, rows
from lookhear.errors import FeatureError
from lookhear.media.sampling import Sampling
from lookhear.types import Media

RATE = 16_000
HOP, WINDOW, BANDS = 320, 1024, 64  # 20 ms, 64 ms
PIECE = 120  # seconds per forward pass, so that memory does not grow with the clip
MOODS = 5
Z = 54
LEVEL = 12.0  # dB in one unit of the level head


@dataclass(frozen=True)
class Config:
    """Weights."""

    weights: str = ""
    """safetensors file of the same architecture; empty means the shipped weights"""


class Listener(nn.Module):
    """The network: log-mel (batch, time * 50, 64) -> heads (batch, time, ...)."""

    def __init__(self, width: int = 32):
        super().__init__()
        w = width

        def block(i: int, o: int, kernel: tuple[int, int], stride: tuple[int, int]) -> nn.Sequential:
            pad = (kernel[0] // 2, kernel[1] // 2)
            return nn.Sequential(
                nn.Conv2d(i, o, kernel, stride, pad, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)
            )

        self.body = nn.Sequential(
            block(1, w, (3, 5), (1, 2)),
            block(w, 2 * w, (3, 3), (2, 2)),
            block(2 * w, 3 * w, (3, 3), (1, 2)),
            block(3 * w, 4 * w, (5, 3), (5, 2)),
        )
        self.bands = nn.Linear(4 * w * BANDS // 16, 256)
        self.time = nn.Conv1d(256, 256, 3, padding=1)
        self.column = nn.Linear(256, 2 * INSTRUMENTS)  # per fifth of a second: who is heard, who starts a note
        self.join = nn.Linear(512, 256)
        self.heads = nn.Linear(256 + 2 * INSTRUMENTS, 3 * INSTRUMENTS + 2 + 6 + MOODS)
        self.z = nn.Linear(256, Z)
        self.again = nn.Linear(Z, 2 * INSTRUMENTS)  # auxiliary training targets of z: registers and presence

    def forward(self, mel: Float[Tensor, "batch frames 64"]) -> dict[str, Tensor]:
        hidden = self.body(mel[:, None])  # batch channel column band
        columns = F.relu(self.bands(hidden.permute(0, 2, 1, 3).flatten(2)))
        columns = columns + F.relu(self.time(columns.transpose(1, 2)).transpose(1, 2))
        seconds = columns.unflatten(1, (-1, 5))
        joined = F.relu(self.join(torch.cat([seconds.mean(2), seconds.amax(2)], -1)))
        column = self.column(columns)
        around = F.avg_pool1d(
            column.sigmoid().transpose(1, 2), 11, 5, 3, count_include_pad=False
        )  # 2.2 s: counts notes
        sizes = [INSTRUMENTS] * 3 + [1, 1, 6, MOODS]
        names = ("present", "level", "rate", "voice", "indoor", "number", "mood")
        heads = dict(
            zip(names, self.heads(torch.cat([joined, 4 * around.transpose(1, 2)], -1)).split(sizes, -1), strict=True)
        )
        z = F.layer_norm(self.z(joined), (Z,))
        return heads | {"column": column, "z": z, "again": self.again(z)}


def vector(heads: dict[str, Tensor]) -> Float[Tensor, "batch time 128"]:
    """The heads as the 128 output numbers; `level` is in 12 dB, `rate` in octaves over four."""
    present = heads["present"].sigmoid()
    count = (heads["number"].softmax(-1) * torch.arange(6.0)).sum(-1, keepdim=True) / 5
    parts = [present, present * (1 + heads["level"]), present * (1 + heads["rate"]), heads["voice"].sigmoid()]
    return torch.cat([*parts, heads["indoor"].sigmoid(), count, heads["mood"].softmax(-1), heads["z"]], -1)


class StageAudio(Stage):
    """Media in, `audio` (time, 128) out, one row per second."""

    name = "stage_audio"
    reads = "waveform"
    reach = 2

    def __init__(self, config: Config):
        super().__init__(Listener(), config.weights)
        self.streams = {"audio": 3 * INSTRUMENTS + 3 + MOODS + Z}
        self.sampling = Sampling(sample_rate=RATE)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        return [{"audio": self.standard("audio", self.listen(self.whole_seconds(m)))} for m in items]

    def listen(self, wave: Float[Tensor, " sample"]) -> Float[Tensor, "time 128"]:
        """Encode whole seconds of sound, one row each; long sound in pieces that overlap by the receptive field."""
        parts, length = [], len(wave) // RATE
        for start in range(0, length, PIECE):
            before, after = max(0, start - 2), min(length, start + PIECE + 2)
            heard = vector(self.net(log_mel(wave[before * RATE : after * RATE])[None]))[0]
            parts.append(heard[start - before :][:PIECE])
        return torch.cat(parts)

    def whole_seconds(self, media: Media) -> Tensor:
        """The sound of a clip, cut or padded with silence to as many whole seconds as it has rows."""
        if media.waveform is None:
            raise FeatureError("stage_audio was given a clip without a sound track.")
        if media.sample_rate != RATE:
            raise FeatureError(f"stage_audio hears at {RATE} Hz, was given {media.sample_rate} Hz.")
        wave = np.zeros(rows(media.duration) * RATE, np.float32)
        heard = media.waveform[: len(wave)]
        wave[: len(heard)] = heard
        return torch.from_numpy(wave)


def log_mel(wave: Float[Tensor, "... sample"]) -> Float[Tensor, "... frame 64"]:
    """Log-mel energies, 50 frames a second, around 0 for music at the reference level; silence is near -2."""
    pad = (WINDOW - HOP) // 2
    frames = F.pad(wave, (pad, WINDOW - HOP - pad)).unfold(-1, WINDOW, HOP)
    power = torch.fft.rfft(frames * torch.hann_window(WINDOW)).abs().square()
    return (torch.log(power @ _filters() + 1e-4) + 1.0) / 4.0


@lru_cache(maxsize=1)
def _filters() -> Tensor:
    """Triangular filters on the mel scale, 40 to 7800 Hz: (513, 64)."""

    def mel(hz: np.ndarray | float) -> np.ndarray:
        return 2595 * np.log10(1 + np.asarray(hz) / 700)

    edges = np.linspace(mel(40.0), mel(7800.0), BANDS + 2)
    bins = mel(np.arange(WINDOW // 2 + 1) * RATE / WINDOW)[:, None]
    up, down = ((bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:])
    return torch.from_numpy(np.maximum(0, np.minimum(up, down)).astype(np.float32))


def build(config: Config) -> StageAudio:
    """The encoder with its shipped weights. Raises ModelError if the weights do not fit."""
    return StageAudio(config)


assert 3 * INSTRUMENTS + 3 + MOODS + Z == 128 and math.isclose(RATE / HOP, 50)
