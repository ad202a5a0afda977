"""VGGish, one vector per second of sound: a VGG over log-mel spectrograms, trained on YouTube-8M. 16 kHz, 128-d.

    waveform ─ log-mel, 100 a second, 64 bands ─ 96 rows ─ 6 convolutions, 4 poolings ─ 4096 ─ 4096 ─ ReLU ─▶ audio

The features that MUSIC-AVQA and later datasets call `vggish`: first 0.975 s of each second, embedding after the last
ReLU (non-negative), no PCA, no quantisation. Options for other conventions:

- `hop="second"` as in MUSIC-AVQA; `hop="0.96"` as in torchvggish on a whole clip: 62 rows for 60 s, not aligned with
  seconds, a different feature.
- `audio="resampled"` applies a low-pass filter before resampling to 16 kHz; `audio="moviepy"` takes the nearest sample
  of the 44.1 kHz sound, which has aliasing and drift, as the published features do.
- `relu=False` gives the embedding before the last ReLU, as newer TensorFlow code does.

Weights: torchvggish `vggish-10086976.pth` (Apache-2.0), fetched on first use, or the TensorFlow variables as tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import RecipeError
from lookhear.frontends.moviepy import RATE_IN, decimate
from lookhear.media.sampling import Sampling
from lookhear.types import Media

RATE, WINDOW, STEP, FFT, BANDS = 16_000, 400, 160, 512, 64  # 25 ms every 10 ms
ROWS = 96  # log-mel rows per example
URL = "https://github.com/harritaylor/torchvggish/releases/download/v0.1/vggish-10086976.pth"


@dataclass(frozen=True)
class Config:
    """Weights and preprocessing of the sound."""

    weights: str = "vggish-10086976.pth"
    """published name, file, or folder"""
    hop: str = "second"
    """second, or 0.96 for non-overlapping examples of the whole clip"""
    audio: str = "resampled"
    """resampled, or moviepy for the decimated sound of the published features"""
    relu: bool = True
    """apply the last ReLU, as in all AVQA features"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 64
    """examples in a batch"""


class VGGish(nn.Module):
    """The network: log-mel (example, 96, 64) -> embedding (example, 128), before the last ReLU."""

    def __init__(self, dense: int = 4096) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in (64, None, 128, None, 256, 256, None, 512, 512, None):
            if width is None:
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
                before = width
        self.features = nn.Sequential(*layers)
        wide = [nn.Linear(512 * 6 * 4, dense), nn.ReLU(inplace=True), nn.Linear(dense, dense), nn.ReLU(inplace=True)]
        self.embeddings = nn.Sequential(*wide, nn.Linear(dense, 128))

    def forward(self, mel: Float[Tensor, "example 96 64"]) -> Float[Tensor, "example 128"]:
        maps = self.features(mel[:, None])  # example channel time band
        return self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))  # channels last, as in TensorFlow


class VGGishEncoder(_frozen.Frozen):
    """Media in, `audio` (time, 128) out."""

    name = "vggish"
    reads = "waveform"

    def __init__(self, config: Config, net: VGGish):
        super().__init__(net, config)
        self.streams = {"audio": 128}
        self.sampling = Sampling(sample_rate=RATE_IN if config.audio == "moviepy" else RATE)
        self.reach = 0 if config.hop == "second" and config.audio == "resampled" else None  # moviepy's samples drift

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        examples = [self.examples(media) for media in items]
        if not examples:
            return []
        hidden = torch.cat([self.net(piece).float().cpu() for piece in self.batches(torch.cat(examples))])
        hidden = F.relu(hidden) if self.config.relu else hidden
        return [{"audio": rows.clone()} for rows in hidden.split([len(e) for e in examples])]

    def examples(self, media: Media) -> Float[Tensor, "example 96 64"]:
        """Log-mel examples of a clip, one per second; a last half second is padded with silence."""
        wave = self.sound_of(media).astype(np.float64)
        if self.config.audio == "moviepy":
            wave = decimate(wave, media.duration)
        if self.config.hop == "second":
            seconds = max(1, int(media.duration + 0.5 + 1e-9))
            whole = np.zeros(seconds * RATE)
            whole[: min(len(wave), len(whole))] = wave[: len(whole)]
            mel = log_mel(whole.reshape(seconds, RATE))[:, :ROWS]
        else:
            mel = log_mel(wave if len(wave) >= least() else np.pad(wave, (0, least() - len(wave))))
            mel = mel[: len(mel) // ROWS * ROWS].reshape(-1, ROWS, BANDS)
        return torch.from_numpy(mel.astype(np.float32))


def least() -> int:
    """Number of samples of one example."""
    return WINDOW + (ROWS - 1) * STEP


def log_mel(wave: Float[np.ndarray, "... sample"]) -> Float[np.ndarray, "... frame 64"]:
    """ln(mel magnitude + 0.01), 100 rows a second, no padding at the ends; in double precision as the original."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW, axis=-1)[..., ::STEP, :]
    periodic = 0.5 - 0.5 * np.cos(2 * np.pi / WINDOW * np.arange(WINDOW))
    return np.log(np.abs(np.fft.rfft(frames * periodic, FFT)) @ mel_matrix() + 0.01)


@lru_cache(maxsize=1)
def mel_matrix() -> Float[np.ndarray, "257 64"]:
    """Triangular filters, linear in HTK mel from 125 to 7500 Hz, not normalised, without the constant bin."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(125.0), mel(7500.0), BANDS + 2)
    bins = mel(np.linspace(0.0, RATE / 2, FFT // 2 + 1))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    matrix = np.maximum(0.0, np.minimum(rising, falling))
    matrix[0] = 0.0
    return matrix


def from_tensorflow(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename TF-slim variables `vggish/conv1/weights` … to this network's. Convolution kernels have height first."""
    convolutions = ("conv1", "conv2", "conv3/conv3_1", "conv3/conv3_2", "conv4/conv4_1", "conv4/conv4_2")
    names = dict(zip((f"features.{i}" for i in (0, 3, 6, 8, 11, 13)), convolutions, strict=True))
    names |= {"embeddings.0": "fc1/fc1_1", "embeddings.2": "fc1/fc1_2", "embeddings.4": "fc2"}
    out = {}
    for ours, theirs in names.items():
        weight = state[f"vggish/{theirs}/weights"]
        out[f"{ours}.weight"] = weight.permute(3, 2, 0, 1) if weight.ndim == 4 else weight.T
        out[f"{ours}.bias"] = state[f"vggish/{theirs}/biases"]
    return out


def build(config: Config) -> VGGishEncoder:
    """The encoder with published or given weights. Raises RecipeError or ModelError."""
    for key, value, known in (
        ("hop", config.hop, ("second", "0.96")),
        ("audio", config.audio, ("resampled", "moviepy")),
    ):
        if value not in known:
            raise RecipeError(f"vggish {key}={value!r}: there are {' and '.join(known)}.")
    path = checkpoints.locate(config.weights, ("vggish*.pth", "*.safetensors", "*.pt"), URL)
    state = checkpoints.tensors(checkpoints.read(path))
    if "vggish/fc2/weights" in state:
        state = from_tensorflow(state)
    dense = len(state["embeddings.0.bias"]) if "embeddings.0.bias" in state else 4096
    return VGGishEncoder(config, checkpoints.load(VGGish(dense), state, path, ignore=("pproc.",)))
