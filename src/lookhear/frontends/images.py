"""Image preprocessing of the encoders: resizing by Pillow, exact crops, normalisation.

Resizing uses Pillow, because torch differs from it by up to 3 grey levels, and by far more without antialiasing.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

BICUBIC, BILINEAR = Image.Resampling.BICUBIC, Image.Resampling.BILINEAR
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
KINETICS_MEAN, KINETICS_STD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)


def short_side(picture: Image.Image, size: int, resample: Image.Resampling = BICUBIC) -> Image.Image:
    """Resize so that the shorter side is `size`; the longer one is rounded down."""
    wide, high = picture.size
    if min(wide, high) == size:
        return picture
    if wide <= high:
        return picture.resize((size, int(size * high / wide)), resample)
    return picture.resize((int(size * wide / high), size), resample)


def centre(picture: Image.Image, size: int) -> Image.Image:
    """Centre crop to a square; an odd margin is split as torchvision does (round half to even)."""
    left, top = corner(*picture.size, size)
    return picture.crop((left, top, left + size, top + size))


def corner(wide: int, high: int, size: int) -> tuple[int, int]:
    """Left and top of the middle square of `size`."""
    return round((wide - size) / 2), round((high - size) / 2)


def cropped(
    frames: UInt8[np.ndarray, "time height width 3"],
    size: int,
    resize: int | None = None,
    jpeg: int | None = None,
    resample: Image.Resampling = BICUBIC,
) -> UInt8[np.ndarray, "time size size 3"]:
    """Resize the shorter side of each frame to `resize` (default `size`) and take the centre crop of `size`."""
    return np.stack([np.asarray(centre(short_side(p, resize or size, resample), size)) for p in _images(frames, jpeg)])


def squashed(
    frames: UInt8[np.ndarray, "time height width 3"], size: int, jpeg: int | None = None
) -> UInt8[np.ndarray, "time size size 3"]:
    """Resize each frame to a square by bilinear interpolation, without keeping the aspect ratio."""
    return np.stack([np.asarray(p.resize((size, size), BILINEAR)) for p in _images(frames, jpeg)])


def normalised(
    frames: UInt8[np.ndarray, "time height width 3"], mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "time 3 height width"]:
    """Bytes to 0..1, minus `mean`, over `std`, channels first."""
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]


def through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """Encode and decode a picture as JPEG, as published features come from JPEG files (quality 75)."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _images(frames: np.ndarray, jpeg: int | None) -> list[Image.Image]:
    pictures = [Image.fromarray(frame) for frame in frames]
    return [through_jpeg(p, jpeg) for p in pictures] if jpeg else pictures
