"""Segmentation metrics: J, F and the null metric S as in Crab and as in Crab+, and mIoU and F over 71 classes.

The two papers use different definitions of J, F and S; their numbers are not comparable.

               `crab` (AVSBench's functions)                        `crab_plus` (its SAM2 scripts)
    input      logits                                               masks
    J          IoU of sigmoid > 0.5;                                 IoU; both empty is 1
               empty reference: correct background / all pixels
    F          best of 255 thresholds, β² = 0.3;                     of the mask as it is, β² = 0.3; both empty is 1,
               empty reference: 0                                    one empty is 0
    S (null)   √(foreground / all pixels)                            √(foreground / background), without infinite values

Crab's script computes F per image and averages the maxima. That is more than AVSBench's number, the maximum of the mean
curve; `crab_scores` gives both. For AVSS (`semantic_scores`), the released code averages over all 71 classes, absent
ones as 0, and its "without background" leaves out the last class (woman) instead of class 0. Here `without_background`
leaves out class 0, and `present` averages over the classes that occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from lookhear.pooled import Pooled, mean, ratio, totals
from lookhear.types import Answer

BETA2 = 0.3
THRESHOLDS = np.linspace(0, 1 - 1e-10, 255).astype(np.float32)  # the last one is 1.0 in single precision, as published
EPS = 1e-7
CLASSES = 71  # AVSS, background included as class 0


def jaccard(predicted: np.ndarray, true: np.ndarray) -> float:
    """`crab_plus` J (0..1) of two masks (height, width), anything above 0 being foreground."""
    predicted, true = predicted > 0, true > 0
    joined = (predicted | true).sum()
    return float((predicted & true).sum() / joined) if joined else 1.0


def f_score(predicted: np.ndarray, true: np.ndarray) -> float:
    """`crab_plus` F (0..1) of two masks (height, width)."""
    predicted, true = predicted > 0, true > 0
    if not predicted.any() and not true.any():
        return 1.0
    hits = float((predicted & true).sum())
    if not hits:
        return 0.0
    return _f_measure(hits / predicted.sum(), hits / true.sum())


def null_score(predicted: np.ndarray) -> float:
    """`crab_plus` S of a mask with an empty reference: √(foreground / background), infinite without background."""
    foreground = int((predicted > 0).sum())
    background = predicted.size - foreground
    return float(np.sqrt(foreground / background)) if background else float("inf")


def crab_jaccard(logits: np.ndarray, true: np.ndarray) -> float:
    """`crab` J (0..1) of logits (height, width) and a mask."""
    predicted, true = logits > 0, true > 0
    if not true.any():
        return float((~predicted).sum() / (predicted.size + EPS))
    return float((predicted & true).sum() / ((predicted | true).sum() + EPS))


def crab_f_curve(logits: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(255,) `crab` F at each threshold, of logits (height, width) and a mask; zeros for an empty mask."""
    true = true > 0
    if not true.any():
        return np.zeros(len(THRESHOLDS))
    chance = _sigmoid(logits)
    said = _reaching(chance)
    hits = _reaching(chance[true])
    precision, recall = hits / np.maximum(said, 1), hits / true.sum()
    return np.divide(
        (1 + BETA2) * precision * recall, BETA2 * precision + recall, out=np.zeros(len(said)), where=hits > 0
    )


def crab_null_score(logits: np.ndarray) -> float:
    """`crab` S of logits (height, width) with an empty reference: √(foreground / all pixels)."""
    return float(np.sqrt((logits > 0).mean()))


def crab_scores(logits: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> dict[str, float]:
    """`J`, `F` (mean of each image's maximum, as Crab prints) and `F_dataset` (maximum of the mean curve), in percent.

    Images with an empty reference count as 0 in `F` and are left out of `F_dataset`, both as published.
    """
    curves = [crab_f_curve(said, true) for said, true in zip(logits, masks, strict=True)]
    filled = [curve for curve, true in zip(curves, masks, strict=True) if (true > 0).any()]
    return {
        "J": _percent([crab_jaccard(said, true) for said, true in zip(logits, masks, strict=True)]),
        "F": _percent([curve.max() for curve in curves]),
        "F_dataset": 100 * float(np.mean(filled, axis=0).max()) if filled else 0.0 if curves else float("nan"),
    }


def masks(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, float]:
    """`crab_plus` J and F in percent, and S, of the masks in the regions of answers and references.

    References without a mask, or with an empty one, are null references: they are scored by S only, and `null` is their
    number. An answer without a required mask scores 0, and `no_mask` is the percentage of such answers. Crab+ leaves
    these answers out; `J_read` and `F_read` do the same.
    """
    null = sum(true is None or not true.any() for true in map(mask_of, references))
    return totals(pooled(answers, references)) | {"null": null}


def pooled(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """The numbers of `masks`, except `null`, as means over pictures."""
    pairs = [(mask_of(a), mask_of(r)) for a, r in zip(answers, references, strict=True)]
    required = np.array([true is not None and bool(true.any()) for _, true in pairs], dtype=bool)
    answered = np.array([mask is not None for mask, _ in pairs], dtype=bool)
    both = required & answered
    js, fs = np.zeros((2, len(pairs)))
    nulls = np.zeros(len(pairs))
    for place, (mask, true) in enumerate(pairs):
        if mask is None:
            continue
        if true is not None and true.any():
            mask = fitted(mask, true.shape)
            js[place], fs[place] = jaccard(mask, true), f_score(mask, true)
        else:
            nulls[place] = null_score(mask)
    return {
        "J": mean(js, required),
        "F": mean(fs, required),
        "J_read": mean(js, both),
        "F_read": mean(fs, both),
        "no_mask": mean(~answered, required),
        "S": ratio(nulls, ~required & np.isfinite(nulls), scale=1),
    }


def mask_of(answer: Answer) -> np.ndarray | None:
    """bool (height, width): union of the masks of the answer's regions; None without masks."""
    found = [np.asarray(region.mask) > 0 for region in answer.regions if region.mask is not None]
    return np.logical_or.reduce(found) if found else None


def fitted(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """`mask` (height, width) resized to `shape` by nearest pixels; only predictions are resized, never references."""
    if mask.shape == shape:
        return mask
    rows, columns = ((np.arange(to) + 0.5) * size / to for size, to in zip(mask.shape, shape, strict=True))
    return mask[rows.astype(int)][:, columns.astype(int)]


def semantic_sums(predicted: np.ndarray, true: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    """(3, class) sum of IoU, sum of F, and number of images where the class is predicted or true.

    `predicted` and `true` are class numbers (image, height, width), background 0. Sums of batches may be added.
    """
    sums = np.zeros((3, classes))
    for guess, real in zip(predicted, true, strict=True):
        hits, said_area, real_area = (
            np.bincount(values.ravel().astype(np.int64), minlength=classes)
            for values in (real[guess == real], guess, real)
        )
        if max(map(len, (hits, said_area, real_area))) > classes:
            raise ValueError(f"class numbers up to {int(max(guess.max(), real.max()))}, where there are {classes}")
        joined = said_area + real_area - hits
        sums[0] += hits / np.maximum(joined, 1)
        sums[1] += [_f_measure(h / a, h / b) if h else 0.0 for h, a, b in zip(hits, said_area, real_area, strict=True)]
        sums[2] += joined > 0
    return sums


def semantic_scores(sums: np.ndarray) -> dict[str, float]:
    """`mIoU` and `F` in percent over all classes as published, `…_without_background`, and over classes `…_present`."""
    iou, f = semantic_by_class(sums)
    present = sums[2] > 0
    scores = {}
    for name, values in (("mIoU", iou), ("F", f)):
        scores[name] = _percent(values)
        scores[f"{name}_without_background"] = _percent(values[1:])
        scores[f"{name}_present"] = _percent(values[present])
    return scores


def pooled_semantic(
    predicted: Sequence[np.ndarray], true: Sequence[np.ndarray], classes: int = CLASSES
) -> dict[str, Pooled]:
    """The numbers of `semantic_scores` as sums over pictures of class numbers (height, width)."""
    sums = [semantic_sums(said[None], real[None], classes) for said, real in zip(predicted, true, strict=True)]
    rows = np.array(sums).reshape(len(sums), 3 * classes)
    names = semantic_scores(np.zeros((3, classes)))
    return {name: Pooled(rows, partial(_semantic, name=name)) for name in names}


def _semantic(sums: np.ndarray, name: str) -> np.ndarray:
    """One number of `semantic_scores`, of sums (…, 3 x class); nan without pictures."""
    overlap, f, times = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, -1), -2, 0)
    values = (overlap if name.startswith("mIoU") else f) / np.maximum(times, 1)
    counted = times > 0 if name.endswith("_present") else np.ones_like(times, dtype=bool)
    if name.endswith("_without_background"):
        counted[..., 0] = False
    with np.errstate(invalid="ignore"):
        found = 100 * (values * counted).sum(axis=-1) / counted.sum(axis=-1)
    return np.where(times.any(axis=-1), found, np.nan)


def semantic_by_class(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """IoU and F (0..1) of each class, 0 for a class that never occurs: (class,) and (class,)."""
    times = np.maximum(sums[2], 1)
    return sums[0] / times, sums[1] / times


def _f_measure(precision: float, recall: float) -> float:
    return float((1 + BETA2) * precision * recall / (BETA2 * precision + recall))


def _reaching(chances: np.ndarray) -> np.ndarray:
    """(255,) the number of `chances` that are at least each threshold."""
    ordered = np.sort(chances, axis=None)
    return len(ordered) - np.searchsorted(ordered, THRESHOLDS, side="left")


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-np.clip(logits, -80, 80).astype(np.float32)))).astype(np.float32)


def _percent(values: Sequence[float] | np.ndarray) -> float:
    return 100 * float(np.mean(values)) if len(values) else float("nan")
