"""PANNs Cnn14 of AudioSet, one vector per second of sound or one per clip. 32 kHz, 2048-d.

    sound ─ log-mel, 100 a second, 64 bands ─ 6 pairs of convolutions ─ mean over bands ─ max + mean in time ─ FC, ReLU

The audio features of AVQA (THU), with one vector for the whole clip: `seconds=0`. Weights: `Cnn14_mAP=0.431.pth` of the
authors (MIT). The Fourier transform and filters stored in it are computed here instead, with equal values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import RecipeError
from lookhear.frontends import decibel
from lookhear.media.sampling import Sampling
from lookhear.types import Media

RATE, STEP = 32_000, 320
URL = "https://zenodo.org/records/3987831/files/Cnn14_mAP=0.431.pth"
CHANNELS = (64, 128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class Config:
    """Weights, and length of sound per row."""

    weights: str = "Cnn14_mAP=0.431.pth"
    """published name, file, or folder"""
    seconds: float = 1.0
    """length of sound per row; 0 makes one row of the whole clip, as published"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 16
    """rows in a batch"""


class Pair(nn.Module):
    """Two 3x3 convolutions with norm and ReLU."""

    def __init__(self, before: int, width: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Cnn14(nn.Module):
    """The network with its published names: log-mel (batch, row, 64) in dB -> vectors (batch, dim)."""

    def __init__(self, channels: Sequence[int] = CHANNELS):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(decibel.BANDS)
        before = 1
        for i, width in enumerate(channels, 1):
            self.add_module(f"conv_block{i}", Pair(before, width))
            before = width
        self.fc1 = nn.Linear(before, before)

    def forward(self, mel: Float[Tensor, "batch row 64"]) -> Float[Tensor, "batch dim"]:
        x = self.bn0(mel.transpose(1, 2)[..., None]).permute(0, 3, 2, 1)  # batch channel row band
        for i in range(1, 7):
            x = getattr(self, f"conv_block{i}")(x)
            x = F.avg_pool2d(x, 2) if i < 6 else x
        x = x.mean(3)
        return F.relu(self.fc1(x.amax(2) + x.mean(2)))


class PannsEncoder(_frozen.Frozen):
    """Media in, `audio` (time, 2048) out."""

    name = "panns"
    reads = "waveform"

    def __init__(self, config: Config, net: Cnn14):
        super().__init__(net, config)
        self.streams = {"audio": net.fc1.out_features}
        self.sampling = Sampling(sample_rate=RATE)
        self.reach = self.apart(config.seconds)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            mel = decibel.log_mel(self.pieces(media, self.config.seconds), RATE, STEP)
            out.append({"audio": torch.cat([self.net(piece).float().cpu() for piece in self.batches(mel)])})
        return out


def build(config: Config) -> PannsEncoder:
    """The encoder. Raises RecipeError or ModelError."""
    if config.seconds and config.seconds < 0.4:
        raise RecipeError(f"panns seconds={config.seconds}: five poolings need 0.4 s or more, or 0 for the whole clip.")
    path = checkpoints.locate(config.weights, ("Cnn14*.pth", "*.safetensors", "*.pth"), URL)
    state = checkpoints.tensors(checkpoints.read(path))
    widths = [len(state[k]) for i in range(1, 7) if (k := f"conv_block{i}.bn1.weight") in state]
    net = Cnn14(widths if len(widths) == 6 else CHANNELS)
    made_anew = ("spectrogram_extractor.", "logmel_extractor.", "fc_audioset.")
    return PannsEncoder(config, checkpoints.load(net, state, path, ignore=made_anew))
