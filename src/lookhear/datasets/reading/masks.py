"""Read masks from PNG files (class numbers in grey or PASCAL colours), and derive boxes and points from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.errors import DatasetError
from lookhear.types import Region

POINTS = 3  # points per object in Crab+


def palette(classes: int = 256) -> np.ndarray:
    """uint8 (class, 3): PASCAL VOC's colours, class 0 black.

    Bit b of a channel's 8 bits is bit 3 (7 - b) + channel of the class number.
    """
    numbers = np.arange(classes)
    colours = np.zeros((classes, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((numbers >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colours


def read_mask(path: Path | str, classes: int = 71) -> np.ndarray:
    """uint8 (height, width) class numbers, background 0, of a grey or coloured PNG.

    Grey values are class numbers; 255, as used in binary masks, is 1. Colours must be in the palette.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB") if image.mode not in ("L", "P", "1") else image)
    except (OSError, UnidentifiedImageError) as error:
        raise DatasetError(f"{path}: not readable as a mask: {str(error).splitlines()[0]}.") from None
    if pixels.ndim == 2:
        pixels = pixels.astype(np.uint8)
        return np.where(pixels == 255, 1, pixels).astype(np.uint8)
    weights = np.array([1 << 16, 1 << 8, 1])
    codes, colours = pixels.astype(np.int64) @ weights, palette(classes).astype(np.int64) @ weights
    order = np.argsort(colours)
    place = np.searchsorted(colours[order], codes).clip(max=classes - 1)
    found = order[place]
    if (colours[found] != codes).any():
        strange = pixels[colours[found] != codes][0].tolist()
        raise DatasetError(f"{path}: colour {strange} stands for none of {classes} classes.")
    return found.astype(np.uint8)


def box_of(mask: np.ndarray) -> tuple[float, float, float, float] | None:
    """The bounding box (0..1) of the mask's foreground, including its border pixels; None without foreground."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    height, width = mask.shape
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def regions_of(mask: np.ndarray, labels: Sequence[str] | str, time: float | None = None) -> tuple[Region, ...]:
    """Regions of a mask: one for the whole foreground if `labels` is a text, else one per class in the mask."""
    if isinstance(labels, str):
        masks = {labels: mask > 0} if mask.any() else {}
    else:
        masks = {labels[n]: mask == n for n in np.unique(mask).tolist() if n}
    return tuple(Region(label, box_of(one), one, time) for label, one in masks.items())


def inscribed(mask: np.ndarray, overlap: float = 0.3) -> list[tuple[int, int]]:
    """(x, y) of the centres of the three largest circles inside a mask (Crab+, equation 1).

    Circles may overlap up to an IoU of `overlap`, which the paper does not state. If fewer than three fit, the limit is
    raised step by step; a mask of fewer than three pixels gives the same centre again. Raises ValueError for an empty
    mask.
    """
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask > 0, 1))[1:-1, 1:-1]
    order = np.argsort(-depth, axis=None, kind="stable")[: int((depth > 0).sum())]
    if not len(order):
        raise ValueError("an empty mask has no points")
    y, x = np.divmod(order, mask.shape[1])
    circles, shared = np.stack([x, y, depth.ravel()[order]]), np.zeros(len(order))
    chosen: list[tuple[int, int]] = []
    for allowed in (overlap, 0.5, 0.7, 0.9, 0.999):
        while len(chosen) < POINTS and len(fit := np.flatnonzero(shared <= allowed)):
            chosen.append((int(x[fit[0]]), int(y[fit[0]])))
            shared = np.maximum(shared, circle_iou(circles, circles[:, fit[0]]))
    return (chosen * POINTS)[:POINTS]


def circle_iou(a: Sequence[Any] | np.ndarray, b: Sequence[Any] | np.ndarray) -> np.ndarray:
    """IoU (0..1) of two circles (x, y, radius); each number may be an array."""
    apart = np.hypot(a[0] - b[0], a[1] - b[1])
    small, large = np.minimum(a[2], b[2]), np.maximum(a[2], b[2])
    lens = (apart > large - small) & (apart < small + large)
    gap = np.where(lens, apart, 1.0)
    alpha, beta = (
        np.arccos(np.clip((gap**2 + r**2 - q**2) / (2 * gap * np.maximum(r, 1e-9)), -1, 1))
        for r, q in ((small, large), (large, small))
    )
    shared = small**2 * (alpha - np.sin(2 * alpha) / 2) + large**2 * (beta - np.sin(2 * beta) / 2)
    inside = (small / np.maximum(large, 1e-9)) ** 2 * (apart <= large - small)
    return np.where(lens, shared / (np.pi * (small**2 + large**2) - shared), inside)
