"""Metrics of sounding-object localisation (ARIG): IoU of boxes, success rate, and area under the success curve.

Both Crab papers print two numbers. We take the first, called cIoU in one and IoU in the other, for the mean IoU: in
every published pair it equals 100 times the second within rounding (41.78 and .42, 79.62 and 79.60), and the area under
the success curve equals the mean IoU. In the literature on sound sources, cIoU is the share of images with an IoU of at
least 0.5; that number is `success` here. `complete_iou` is the complete IoU of Zheng et al. (AAAI 2020).

We follow only the plain IoU of Crab's public `utils/ciou.py`. Its `c_iou` measures the enclosing box with y1 + y2
instead of y1 - y2, and its `bbox_overlaps_ciou` gives 1.0 to boxes that do not touch. Crab's code calls neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lookhear.errors import DatasetError
from lookhear.pooled import Pooled, mean, totals
from lookhear.types import Answer

Box = tuple[float, float, float, float]
STEPS = 20  # intervals of the success curve: thresholds 0, 0.05, … 1


def iou(a: Box, b: Box) -> float:
    """IoU (0..1) of two boxes (left, top, right, bottom), in any unit.

    An inverted box has no area; two boxes without area have IoU 0.
    """
    shared = _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))
    joined = _area(a) + _area(b) - shared
    return shared / joined if joined > 0 else 0.0


def complete_iou(a: Box, b: Box) -> float:
    """Complete IoU (-1.5..1): IoU - d²/c² - αv, equations 6 to 12 of Zheng et al.

    Boxes must be in pixels or another unit that is equal in both directions, because aspect ratios count.
    """
    overlap = iou(a, b)
    across = (max(a[2], b[2]) - min(a[0], b[0])) ** 2 + (max(a[3], b[3]) - min(a[1], b[1])) ** 2
    apart = ((a[0] + a[2] - b[0] - b[2]) ** 2 + (a[1] + a[3] - b[1] - b[3]) ** 2) / 4
    angle = math.atan2(a[2] - a[0], a[3] - a[1]) - math.atan2(b[2] - b[0], b[3] - b[1])
    shape = 4 / math.pi**2 * angle**2
    weight = shape / (1 - overlap + shape) if shape else 0.0
    return overlap - (apart / across if across else 0.0) - weight * shape


def success_curve(ious: Sequence[float]) -> np.ndarray:
    """(21,) share of `ious` that are at least 0, 0.05, … 1."""
    values = np.asarray(ious, dtype=float)
    return np.array([(values >= step / STEPS).mean() for step in range(STEPS + 1)])


def auc(ious: Sequence[float]) -> float:
    """Area under the success curve (0..1), by trapezoids."""
    curve = success_curve(ious)
    return float((curve[1:] + curve[:-1]).sum() / (2 * STEPS))


def localisation(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, float]:
    """`iou`, `success` (at 0.5), `auc` and `complete_iou`, all in percent, of the first box of each answer.

    An answer without a box has IoU 0 and complete IoU -1; `no_box` is the percentage of such answers.
    """
    return totals(pooled(answers, references))


def pooled(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """The numbers of `localisation` as means over pictures."""
    pairs = [(box_of(a), _wanted(r)) for a, r in zip(answers, references, strict=True)]
    ious = [iou(predicted, true) if predicted else 0.0 for predicted, true in pairs]
    return {
        "iou": mean(ious),
        "success": mean([value >= 0.5 for value in ious]),
        "auc": mean([auc([value]) for value in ious]),
        "complete_iou": mean([complete_iou(predicted, true) if predicted else -1.0 for predicted, true in pairs]),
        "no_box": mean([predicted is None for predicted, _ in pairs]),
    }


def box_of(answer: Answer) -> Box | None:
    """The first box with an extent among the answer's regions (a box without extent is a point)."""
    return next((r.box for r in answer.regions if r.box and r.box[:2] != r.box[2:]), None)


def _wanted(reference: Answer) -> Box:
    box = box_of(reference)
    if box is None:
        raise DatasetError(f"Reference {reference.text!r} has no box, so nothing can be located. Leave it out.")
    return box


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
