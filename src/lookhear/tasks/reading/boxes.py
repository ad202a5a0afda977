"""Parse boxes and points in a reply: pixels of a 224 x 224 picture, as in both Crab papers.

A point is a region whose box has no extent. `released` parses exactly what the published scripts of Crab+ parse (digits
and commas, no blanks); `regions` is more tolerant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lookhear.datasets.reading import replies
from lookhear.datasets.reading.masks import POINTS, inscribed
from lookhear.types import Region

SIZE = 224
STRICT = re.compile(r"\[(\d{1,18}),(\d{1,18})(?:,(\d{1,18}),(\d{1,18}))?\]")
Pixels = tuple[float, ...]


def regions(text: str, label: str, corners: bool = False) -> tuple[tuple[Region, ...], tuple[str, ...]]:
    """The first box of `text` and its last three points as regions, and the problems of unusable coordinates.

    With `corners`, two points without a box are the top-left and bottom-right corners of the box.
    """
    boxes, points = replies.coordinates(text)
    if corners and not boxes and len(points) >= 2:
        boxes, points = [(*points[0], *points[1])], []
    problems = []
    parsed = []
    for box in boxes[:1]:
        if _inside(box) and box[0] < box[2] and box[1] < box[3]:
            parsed.append(Region(label, unit(box)))
        else:
            problems.append(f"{_listed(box)} is no box inside {SIZE} x {SIZE} pixels")
    for point in points[-POINTS:]:
        if _inside(point):
            parsed.append(Region(label, unit((*point, *point))))
        else:
            problems.append(f"{_listed(point)} is no point inside {SIZE} x {SIZE} pixels")
    return tuple(parsed), tuple(problems)


def written(some: Sequence[Region], points: bool) -> str:
    """The box of regions `some` as target text, with `points` also three points; missing ones come from the mask."""
    box = next((r.box for r in some if r.box and r.box[:2] != r.box[2:]), None)
    marks = [r.box[:2] for r in some if r.box and r.box[:2] == r.box[2:]]
    mask = next((np.asarray(r.mask) for r in some if r.mask is not None), None)
    if points and not marks and mask is not None and mask.any():
        marks = [(x / SIZE, y / SIZE) for x, y in inscribed(resized(mask))]
    parts = [_listed(pixels(box))] if box else []
    parts += [_listed(pixels(mark)) for mark in marks[:POINTS]] if points else []
    return ", ".join(parts)


def pixels(edges: Sequence[float]) -> tuple[int, ...]:
    """0..1 to whole pixels, 0 to 223."""
    return tuple(min(max(round(edge * SIZE), 0), SIZE - 1) for edge in edges)


def unit(numbers: Sequence[float]) -> tuple[float, float, float, float]:
    """Pixels to 0..1."""
    left, top, right, bottom = (number / SIZE for number in numbers)
    return left, top, right, bottom


def resized(mask: np.ndarray) -> np.ndarray:
    """The mask scaled to bool (224, 224), the coordinate frame, by nearest pixels."""
    rows, columns = ((np.arange(SIZE) + 0.5) * length / SIZE for length in mask.shape)
    return (mask > 0)[rows.astype(int)][:, columns.astype(int)]


def released(text: str, form: str) -> tuple[list[int] | None, list[list[int]] | None, bool]:
    """(box, points, whether anything was found) as Crab+'s scripts extract them, `form` `avs` or `ref_avs`."""
    if form == "ref_avs" and "<answer>true</answer>" not in text:
        return None, None, False
    found = [[int(n) for n in match.groups() if n] for match in STRICT.finditer(text.split("</s>")[0])]
    boxes = [numbers for numbers in found if len(numbers) == 4]
    points = [numbers for numbers in found if len(numbers) == 2]
    if not boxes and not points:
        return None, None, False
    return boxes[0] if boxes else None, points[-POINTS:] if form == "ref_avs" else points, True


def released_valid(box: list[int] | None, points: list[list[int]] | None, form: str) -> bool:
    """Whether Crab+'s scripts use the result of `released`; they leave other replies out of the average."""
    if box and not (_inside(box) and box[0] < box[2] and box[1] < box[3]):
        return False
    if form == "avs" and not points:
        return False
    return bool(box or points) and all(_inside(point) for point in points or ())


def _inside(numbers: Sequence[float]) -> bool:
    return all(0 <= number < SIZE for number in numbers)


def _listed(numbers: Sequence[float]) -> str:
    return "[" + ",".join(f"{number:g}" for number in numbers) + "]"
