"""R(2+1)D-18 of Kinetics-400, one vector per second: alternating convolutions in space and time. 512-d.

    frames ─ squashed to 112 ─ 3-D ResNet, each 3x3x3 split in 1x3x3 and 3x1x1 ─ mean over the map ─▶ frames (time, 512)

MUSIC-AVQA's `r2plus1d_18`, which MCCD uses. As released, every frame is a clip of one frame (`clip=1`), so motion is
not visible. `clip=8` uses eight frames of each second. Weights: torchvision's (BSD-3).
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
from lookhear.frontends import images
from lookhear.media.sampling import Sampling
from lookhear.types import Media

ADDRESS = "https://download.pytorch.org/models/"
SIZE = 112


@dataclass(frozen=True)
class Config:
    """Weights and number of frames per row."""

    weights: str = "r2plus1d_18-91a641e6.pth"
    """torchvision's file name, a path, or a folder"""
    clip: int = 1
    """frames per row, taken from each second; 1 as published"""
    jpeg: int | None = None
    """store each frame as JPEG of this quality first, as the published features did"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 32
    """rows in a batch"""


def split(before: int, middle: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 3x3x3 convolution split into one over space and one over time, with norm and ReLU in between."""
    return nn.Sequential(
        nn.Conv3d(before, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(inplace=True),
        nn.Conv3d(middle, after, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )


class Residual(nn.Module):
    """Residual block of two split convolutions; their middle width keeps the parameter count of 3-D convolutions."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        middle = before * width * 27 // (before * 9 + 3 * width)
        relu = nn.ReLU(inplace=True)
        self.conv1 = nn.Sequential(split(before, middle, width, stride), nn.BatchNorm3d(width), relu)
        self.conv2 = nn.Sequential(split(width, middle, width), nn.BatchNorm3d(width))
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv3d(before, width, 1, stride, bias=False), nn.BatchNorm3d(width))

    def forward(self, x: Tensor) -> Tensor:
        added = x if self.downsample is None else self.downsample(x)
        return F.relu(self.conv2(self.conv1(x)) + added)


class R2Plus1D(nn.Module):
    """The network with torchvision's names, without its classifier: clips -> vectors."""

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512), depth: int = 2):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 45, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(45),
            nn.ReLU(inplace=True),
            nn.Conv3d(45, widths[0], (3, 1, 1), (1, 1, 1), (1, 0, 0), bias=False),
            nn.BatchNorm3d(widths[0]),
            nn.ReLU(inplace=True),
        )
        before = widths[0]
        for i, width in enumerate(widths):
            blocks = []
            for j in range(depth):
                blocks.append(Residual(before, width, 2 if i and j == 0 else 1))
                before = width
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))

    def forward(self, clips: Float[Tensor, "clip 3 time row column"]) -> Float[Tensor, "clip dim"]:
        return self.layer4(self.layer3(self.layer2(self.layer1(self.stem(clips))))).mean((2, 3, 4))


class R2Plus1DEncoder(_frozen.Frozen):
    """Media in, `frames` (time, 512) out."""

    name = "r2plus1d"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config, net: R2Plus1D):
        super().__init__(net, config)
        self.streams = {"frames": net.layer4[0].conv2[1].num_features}
        self.sampling = Sampling(fps=float(config.clip))

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            pictures = images.squashed(self.frames_of(media), SIZE, self.config.jpeg)
            rows = images.normalised(pictures, images.KINETICS_MEAN, images.KINETICS_STD)
            clips = self.clips(rows)
            out.append({"frames": torch.cat([self.net(piece).float().cpu() for piece in self.batches(clips)])})
        return out

    def clips(self, rows: Float[Tensor, "frame 3 row column"]) -> Float[Tensor, "second 3 time row column"]:
        """Groups of `clip` frames; a last group of at least half repeats its last frame, a shorter one is dropped."""
        length = self.config.clip
        count = max(1, int(len(rows) / length + 0.5))
        missing = max(0, count * length - len(rows))
        rows = torch.cat([rows, rows[-1:].expand(missing, -1, -1, -1)])[: count * length]
        return rows.unflatten(0, (count, length)).transpose(1, 2)


def build(config: Config) -> R2Plus1DEncoder:
    """The encoder. Raises RecipeError or ModelError."""
    if config.clip < 1:
        raise RecipeError(f"r2plus1d clip={config.clip}: a clip has 1 frame or more.")
    path = checkpoints.locate(config.weights, ("r2plus1d*.pth", "*.safetensors", "*.pth"), ADDRESS + config.weights)
    state = checkpoints.tensors(checkpoints.read(path))
    widths = [len(state[k]) for i in range(1, 5) if (k := f"layer{i}.0.conv2.1.weight") in state]
    net = R2Plus1D(widths) if len(widths) == 4 else R2Plus1D()
    return R2Plus1DEncoder(config, checkpoints.load(net, state, path, ignore=("fc.",)))
