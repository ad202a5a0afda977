"""ResNet-18 to ResNet-152 of ImageNet, one vector per frame or a 14x14 feature map. 512-d (18, 34) or 2048-d.

    frame ─ shorter side to 256, middle 224 ─ ResNet ─ mean over the map ─▶ frames (time, dim)
    frame ─ squashed to 224 ─ ResNet, last stage unstrided ─────────────▶ patches (time, 196, dim), output="map14"

`output="pooled"` is MUSIC-AVQA's `res18`. `output="map14"` is its `res18_14x14`: the last stage keeps its resolution,
and frames are squashed instead of cropped and normalised by the means of Kinetics, as released. AVQA's appearance
features are `weights="resnet101-63fe2227.pth"`, `resize="squash"`. Weights: torchvision's (BSD-3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import ModelError, RecipeError
from lookhear.frontends import images
from lookhear.media.sampling import Sampling
from lookhear.types import Media

ADDRESS = "https://download.pytorch.org/models/"
SIZE = 224
NORMS = {
    "imagenet": (images.IMAGENET_MEAN, images.IMAGENET_STD),
    "kinetics": (images.KINETICS_MEAN, images.KINETICS_STD),
}


@dataclass(frozen=True)
class Config:
    """Weights, output and preprocessing."""

    weights: str = "resnet18-f37072fd.pth"
    """torchvision's file name, a path, or a folder"""
    output: str = "pooled"
    """pooled gives `frames`; map14 gives `patches`, 14 x 14 in row-major order"""
    resize: str = ""
    """crop or squash; empty means as published: crop for pooled, squash for map14"""
    norm: str = ""
    """imagenet or kinetics; empty means as published: imagenet for pooled, kinetics for map14"""
    jpeg: int | None = None
    """store each frame as JPEG of this quality first, as the published features did"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 32
    """frames in a batch"""


class Residual(nn.Module):
    """Residual block of two 3x3 convolutions or a bottleneck; the shortcut is projected if shapes differ."""

    def __init__(self, before: int, width: int, stride: int, bottleneck: bool):
        super().__init__()
        out = 4 * width if bottleneck else width
        kernels = [(before, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        if not bottleneck:
            kernels = [(before, width, 3, stride), (width, width, 3, 1)]
        for i, (a, b, kernel, step) in enumerate(kernels, 1):
            self.add_module(f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(b))
        self.count = len(kernels)
        self.downsample = None
        if stride != 1 or before != out:
            self.downsample = nn.Sequential(nn.Conv2d(before, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        added = x if self.downsample is None else self.downsample(x)
        for i in range(1, self.count + 1):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            x = F.relu(x) if i < self.count else x
        return F.relu(x + added)


class ResNet(nn.Module):
    """The network with torchvision's names, without its classifier: pictures -> map of the last stage, after ReLU."""

    def __init__(self, depths: Sequence[int], bottleneck: bool, last_stride: int = 2):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        before = 64
        for i, depth in enumerate(depths):
            width, stride = 64 * 2**i, (1, 2, 2, last_stride)[i]
            blocks = []
            for j in range(depth):
                blocks.append(Residual(before, width, stride if j == 0 else 1, bottleneck))
                before = 4 * width if bottleneck else width
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.width = before

    def forward(self, pictures: Float[Tensor, "frame 3 224 224"]) -> Float[Tensor, "frame dim row column"]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(pictures))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def of_names(state: Mapping[str, Tensor], last_stride: int = 2) -> ResNet:
    """An uninitialised network with the depth found in the names of `state`."""
    depths = [len({k.split(".")[1] for k in state if k.startswith(f"layer{i}.")}) for i in range(1, 5)]
    if not all(depths) or "conv1.weight" not in state:
        raise ModelError("Not a ResNet by torchvision's names: conv1, layer1 … layer4 are missing.")
    return ResNet(depths, "layer1.0.conv3.weight" in state, last_stride)


class ResNetEncoder(_frozen.Frozen):
    """Media in, `frames` (time, dim) or `patches` (time, 196, dim) out."""

    name = "resnet"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config, net: ResNet):
        super().__init__(net, config)
        self.streams = {"frames" if config.output == "pooled" else "patches": net.width}
        self.sampling = Sampling()
        pooled = config.output == "pooled"
        self.crops = (config.resize or ("crop" if pooled else "squash")) == "crop"
        self.norm = NORMS[config.norm or ("imagenet" if pooled else "kinetics")]

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            frames, jpeg = self.frames_of(media), self.config.jpeg
            if self.crops:
                pictures = images.cropped(frames, SIZE, 256, jpeg, images.BILINEAR)
            else:
                pictures = images.squashed(frames, SIZE, jpeg)
            rows = torch.cat([self.take(p) for p in self.batches(images.normalised(pictures, *self.norm))])
            out.append({next(iter(self.streams)): rows})
        return out

    def take(self, pictures: Tensor) -> Tensor:
        """The output stream, computed from the last map."""
        maps = self.net(pictures)
        if self.config.output == "pooled":
            return maps.mean((2, 3)).float().cpu()
        return rearrange(maps, "frame dim row column -> frame (row column) dim").float().cpu()


def build(config: Config) -> ResNetEncoder:
    """The encoder. Raises RecipeError or ModelError."""
    for key, known in (("output", ("pooled", "map14")), ("resize", ("", "crop", "squash")), ("norm", ("", *NORMS))):
        if getattr(config, key) not in known:
            raise RecipeError(f"resnet {key}={getattr(config, key)!r}: there are {', '.join(k for k in known if k)}.")
    path = checkpoints.locate(config.weights, ("resnet*.pth", "*.safetensors", "*.pth"), ADDRESS + config.weights)
    state = checkpoints.tensors(checkpoints.read(path))
    net = of_names(state, last_stride=2 if config.output == "pooled" else 1)
    return ResNetEncoder(
        config, checkpoints.load(net, state, path, ignore=("fc.", "conv1_a."))
    )  # unused in the released 14x14 features
