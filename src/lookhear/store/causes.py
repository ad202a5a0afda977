"""Common causes of differences between our features and published ones, each a transformation of ours.

A cause is applied to all clips at once and scored by its explained variance, 1 - |theirs - transformed|² / |theirs -
their mean|². Simple causes come first and win ties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

LENGTH = 0.01  # by how much a factor must differ from 1 to be a scale
EXPLAINS = 0.9  # share that a cause must explain to be named as likely
EXACT = 0.99  # share above which rows are the same rows, not merely near
ENOUGH = 0.999  # share at which there is no need to look further

Pairs = list[tuple[np.ndarray, np.ndarray]]  # ours and theirs of one clip, (row, dim) each


@dataclass(frozen=True)
class Cause:
    """A transformation of our features, its description, and its explained variance (1: all)."""

    name: str
    says: str
    explains: float


def most_likely_cause(
    pairs: Pairs, others: Mapping[str, list[np.ndarray]], raw: Mapping[str, list[np.ndarray]]
) -> Cause | None:
    """The cause with the highest explained variance, or None if none reaches EXPLAINS."""
    best: Cause | None = None
    for name, says, turned in causes(pairs, others, raw):
        share = explained([(t, b) for t, (_, b) in zip(turned, pairs, strict=True)])
        if best is None or share > best.explains + 0.005:
            best = Cause(name, says, round(share, 4))
        if best.explains >= ENOUGH:
            break
    return best if best and best.explains >= EXPLAINS else None


def explained(pairs: Pairs) -> float:
    """Explained variance of theirs by ours; a row that only one of them has counts as unexplained.

    Rows of NaN are undefined (beyond the ends of ours); a few of them are ignored.
    """
    if any(a.shape[1] != b.shape[1] for a, b in pairs):
        return 0.0
    mean = np.concatenate([b for _, b in pairs]).mean(0)
    left, total, known, rows = 0.0, 0.0, 0, 0
    for a, b in pairs:
        n, spread = min(len(a), len(b)), ((b - mean) ** 2).sum(1)
        judged = ~np.isnan(a[:n]).any(1)
        known, rows = known + int(judged.sum()), rows + n
        left += np.minimum(((b[:n] - a[:n]) ** 2).sum(1), 4 * spread[:n] + 1e-12)[judged].sum()
        unpaired = spread[n:].sum() + max(len(a) - len(b), 0) * spread.mean()
        left, total = left + unpaired, total + spread[:n][judged].sum() + unpaired
    if known < 0.7 * rows:
        return 0.0
    return float(1 - left / total) if total else float(left == 0)


def causes(
    pairs: Pairs, others: Mapping[str, list[np.ndarray]], raw: Mapping[str, list[np.ndarray]]
) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """Yield (name, description, transformed features), the simplest first."""
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    if ours[0].shape[1] == theirs[0].shape[1]:
        yield from _of_values(ours, theirs)
        yield from _of_rows(ours, theirs)
    for stream, arrays in others.items():
        yield "other stream", f"theirs are our stream {stream!r} (another layer or output)", arrays
    for stream, arrays in raw.items():
        if all(a.ndim == 3 for a in arrays):
            yield "other stream", f"theirs are the first token of our {stream!r}", [a[:, 0] for a in arrays]
            yield "other stream", f"theirs are the mean over our {stream!r}", [a.mean(1) for a in arrays]
    yield from _of_maps(ours, theirs)


def _of_values(ours: list[np.ndarray], theirs: list[np.ndarray]) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    yield "normalised", "theirs have length 1, ours are not normalised", [_unit(a) for a in ours]
    if all(np.abs(np.linalg.norm(a, axis=1) - 1).max() < 1e-3 for a in ours):
        fit = [_unit(a) * np.linalg.norm(b, axis=1).mean() for a, b in zip(ours, theirs, strict=True)]
        yield "normalised", "ours have length 1, theirs are not normalised", fit
    yield "last ReLU", "theirs end in a ReLU that ours lack", [np.maximum(a, 0) for a in ours]
    n = [min(len(a), len(b)) for a, b in zip(ours, theirs, strict=True)]
    a, b = (np.concatenate([x[:k] for x, k in zip(side, n, strict=True)]) for side in (ours, theirs))
    factor = float((a * b).sum() / max((a * a).sum(), 1e-30))
    if abs(factor - 1) > LENGTH:
        yield "scale", f"theirs are ours times {factor:.4g}", [factor * x for x in ours]


def _of_rows(ours: list[np.ndarray], theirs: list[np.ndarray]) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    both = list(zip(ours, theirs, strict=True))
    for k in (1, -1, 2, -2, 3, -3):
        way = f"theirs are {abs(k)} row{'s' if abs(k) > 1 else ''} {'early' if k < 0 else 'late'} in time"
        yield (
            "frame offset",
            f"row k of theirs is row k{k:+d} of ours ({way})",
            [_interpolated(a, np.arange(len(b)) + k) for a, b in both],
        )
    for k in range(2, 11):
        yield "stride", f"theirs keep every {k}th row of ours", [a[::k] for a in ours]
        if all(len(b) > len(a) for a, b in both):
            yield (
                "stride",
                f"theirs have {k} rows for each of ours",
                [_interpolated(a, np.arange(len(b)) / k) for a, b in both],
            )
    rows = [min(len(a), len(b)) for a, b in both]
    yield "padding", "theirs end earlier: cut", [a[:n] for a, n in zip(ours, rows, strict=True)]
    yield "padding", "theirs go on as zeros where ours end", [_padded(a, len(b), "zeros") for a, b in both]
    yield "padding", "theirs repeat the last row where ours end", [_padded(a, len(b), "last") for a, b in both]
    yield "padding", "theirs are zeros at the end", [_tail(a, b, np.zeros) for a, b in both]
    yield "padding", "theirs repeat one row at the end", [_tail(a, b, None) for a, b in both]
    yield "reversed", "theirs run backwards", [a[::-1] for a in ours]
    matched = [_matched(a, b) for a, b in both]
    if (
        explained([(m, b) for m, (_, b) in zip(matched, both, strict=True)]) > EXACT
    ):  # neighbouring rows of any features are correlated
        yield "unsorted order", "theirs are our rows in another order (files listed unsorted)", matched
    for name, hop in (("0.96 s", 0.96), ("1/0.96 s", 1 / 0.96), ("0.5 s", 0.5), ("0.32 s", 0.32), ("2 s", 2.0)):
        means = f"theirs have a hop of {name} of ours (VGGish: 0.96 s against 1.0)"
        yield "hop", means, [_interpolated(a, np.arange(len(b)) * hop) for a, b in both]
    for shift in (0.5, -0.5):
        yield (
            "frame offset",
            f"theirs are half a row {'late' if shift > 0 else 'early'}",
            [_interpolated(a, np.arange(len(b)) + shift) for a, b in both],
        )
    if len(both) > 1:
        yield "other clips", "theirs belong to other clips: names are mixed up", _swapped(both)


def _of_maps(ours: list[np.ndarray], theirs: list[np.ndarray]) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """A scale per dimension, or a matrix, fitted on one half of the rows and evaluated on the other."""
    n = [min(len(a), len(b)) for a, b in zip(ours, theirs, strict=True)]
    a, b = (np.concatenate([x[:k] for x, k in zip(side, n, strict=True)]) for side in (ours, theirs))
    learn, dims = np.arange(len(a)) % 2 == 0, a.shape[1]
    if a.shape == b.shape and learn.sum() > 4:
        mean, there = a[learn].mean(0), b[learn].mean(0)
        slope = ((a - mean)[learn] * (b - there)[learn]).sum(0) / np.maximum(((a - mean)[learn] ** 2).sum(0), 1e-30)
        yield (
            "normalisation",
            "theirs are ours shifted and scaled in each dimension (standardised)",
            [(x - mean) * slope + there for x in ours],
        )
    if learn.sum() > 1.5 * dims and (~learn).sum() > 4:
        one = np.hstack([a, np.ones((len(a), 1))])
        matrix = np.linalg.lstsq(one[learn], b[learn], rcond=None)[0]
        if explained([(one[~learn] @ matrix, b[~learn])]) >= EXPLAINS:
            yield (
                "projection",
                "theirs are a matrix times ours: the last projection is missing on one side",
                [np.hstack([x, np.ones((len(x), 1))]) @ matrix for x in ours],
            )


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _interpolated(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows at fractional positions by linear interpolation; NaN beyond the ends."""
    inside = (places >= 0) & (places <= len(rows) - 1)
    places = np.clip(places, 0, len(rows) - 1)
    low = np.floor(places).astype(int)
    part = (places - low)[:, None]
    drawn = rows[low] * (1 - part) + rows[np.minimum(low + 1, len(rows) - 1)] * part
    return np.where(inside[:, None], drawn, np.nan)


def _padded(rows: np.ndarray, length: int, how: str) -> np.ndarray:
    more = max(length - len(rows), 0)
    tail = np.zeros((more, rows.shape[1])) if how == "zeros" else np.repeat(rows[-1:], more, 0)
    return np.concatenate([rows, tail])[:length]


def _tail(a: np.ndarray, b: np.ndarray, fill: Callable | None) -> np.ndarray:
    """Ours with the padding rows of theirs (zeros, or repeats of one row) at its end."""
    last = np.zeros_like(b[-1]) if fill else b[-1]
    equal = np.isclose(b, last, rtol=1e-4, atol=1e-8).all(1)
    count = len(b) if equal.all() else int(np.argmin(equal[::-1]))
    keep = len(b) - count if fill else len(b) - count + 1
    kept = _padded(a, len(b), "last")[:keep]
    row = last[None] if fill or not len(kept) else kept[-1:]
    return np.concatenate([kept, np.repeat(row, len(b) - keep, 0)])


def _matched(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Our rows matched to theirs, each used once if the numbers agree."""
    from scipy.optimize import linear_sum_assignment

    distance = ((b[:, None] - a[None]) ** 2).sum(2) if a.size * len(b) < 2e7 else -(_unit(b) @ _unit(a).T)
    rows, columns = linear_sum_assignment(distance)
    out = np.zeros((len(b), a.shape[1]))
    out[rows] = a[columns]
    return out


def _swapped(both: Pairs) -> list[np.ndarray]:
    """For each of theirs, our features of the nearest clip."""
    means = np.stack([a.mean(0) for a, _ in both])
    return [both[int(((means - b.mean(0)) ** 2).sum(1).argmin())][0] for _, b in both]


def as_rows(array: np.ndarray) -> np.ndarray:
    """(row, …) as (row, dim)."""
    array = np.atleast_2d(array)
    return array.reshape(len(array), -1)
