"""Compare our features with published ones, and find the likely cause of differences.

    ours (row, dim)  ──┐ per clip: cosine of each row with its counterpart ─▶ equal?
    theirs (row, dim) ─┘ no: try transformations of ours; the one with the highest explained variance is named

The causes are in `causes.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lookhear.errors import FeatureError
from lookhear.store.causes import Cause, as_rows, most_likely_cause
from lookhear.store.features import FeatureStore
from lookhear.store.published import Published
from lookhear.types import BLANK

SAME = 0.999  # smallest cosine of equal rows; half precision and other decoders stay above it
LENGTH = 0.01  # by how much the lengths of equal rows may differ


@dataclass(frozen=True)
class Verdict:
    """Result of comparing one stream. `cosine`: lowest cosine over the rows of a clip, NaN if shapes differ.

    `faults` describes the arrays, ours or theirs, that could not be compared.
    """

    encoder: str
    stream: str
    cosine: Mapping[str, float]
    differ: tuple[str, ...]  # clips
    only_ours: tuple[str, ...] = ()
    only_theirs: tuple[str, ...] = ()
    cause: Cause | None = None
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)  # where they differ
    faults: Mapping[str, str] = field(default_factory=dict)


def verify(
    store: FeatureStore, official: Path | str, encoder: str, stream: str, dataset: str = "", same: float = SAME
) -> Verdict:
    """Compare one stream of `store` with published `official` files, as `store.published` reads them.

    A file that cannot be read, has NaN or is transposed is a fault of its clip; the others are compared. Raises
    FeatureError if there is nothing to compare.
    """
    theirs = Published(Path(official), dataset)
    card = store.card(encoder)
    if stream not in card["streams"]:
        raise FeatureError(f"Encoder {encoder} makes {', '.join(card['streams'])}; it has no stream {stream!r}.")
    ours = {k for k in store.keys(encoder) if k != BLANK.id}
    both = sorted(ours & set(theirs))
    if not both:
        raise FeatureError(
            f"No clip is in both: ours are called like {min(ours, default='nothing')!r}, those in {str(official)!r} "
            f"like {min(theirs, default='nothing')!r}."
        )
    cosine, shapes, pairs, faults = dict.fromkeys(both, float("nan")), {}, {}, {}
    for clip in both:
        try:
            a = np.asarray(store.look(encoder, stream, clip)[0], np.float64)
            b, faulty = _readable(theirs[clip], a)
        except FeatureError as error:
            faults[clip] = str(error)
            continue
        if faulty:
            faults[clip] = faulty
        if b is None:
            continue
        if a.shape != b.shape:
            shapes[clip] = (a.shape, b.shape)
        else:
            cosine[clip] = lowest(a, b)
        pairs[clip] = a, b
    differ = [c for c in both if c in faults or not (cosine[c] >= same and _as_long(*pairs[c]))]
    return Verdict(
        *(encoder, stream, cosine, tuple(differ)),
        *(tuple(sorted(ours - set(theirs))), tuple(sorted(set(theirs) - ours))),
        cause=_cause(store, encoder, stream, pairs) if set(differ) & set(pairs) else None,
        shapes=shapes,
        faults=faults,
    )


def _readable(b: np.ndarray, a: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Their array in the shape of ours if possible, and its fault."""
    if b.dtype.kind not in "fiu":
        return None, f"it holds {b.dtype}, not numbers"
    b = np.asarray(b[0] if b.ndim == a.ndim + 1 and len(b) == 1 else b, np.float64)
    if bad := int((~np.isfinite(b)).sum()):
        return None, f"{bad} of {b.size} values are NaN or infinite"
    if b.ndim != a.ndim or not b.size:
        return None, f"shape {b.shape} where ours is {a.shape}"
    if a.ndim == 2 and b.shape == a.shape[::-1] and b.shape != a.shape:
        return b.T, f"it is transposed: shape {b.shape}"
    return b, ""


def _cause(store: FeatureStore, encoder: str, stream: str, pairs: Mapping[str, tuple[np.ndarray, ...]]) -> Cause | None:
    """The likely cause of the differences, determined on clips with the most frequent width of theirs."""
    width = Counter(b.shape[-1] for _, b in pairs.values()).most_common(1)[0][0]
    clips = [c for c, (_, b) in pairs.items() if b.shape[-1] == width]
    streams = store.card(encoder)["streams"]
    whole = {s: [np.asarray(store.look(encoder, s, c)[0], np.float64) for c in clips] for s in streams}
    rows = [(as_rows(pairs[c][0]), as_rows(pairs[c][1])) for c in clips]
    return most_likely_cause(rows, {s: [as_rows(a) for a in v] for s, v in whole.items() if s != stream}, whole)


def lowest(a: np.ndarray, b: np.ndarray) -> float:
    """The lowest cosine between corresponding rows of two arrays (row, …); two zero rows are equal."""
    a, b = as_rows(a), as_rows(b)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    zeros = ~a.any(1) & ~b.any(1)
    return float(np.where(zeros, 1.0, (a * b).sum(1) / np.maximum(norms, 1e-30)).min(initial=1.0))


def _as_long(a: np.ndarray, b: np.ndarray) -> bool:
    x, y = np.linalg.norm(as_rows(a), axis=1), np.linalg.norm(as_rows(b), axis=1)
    return bool((np.abs(x - y) <= LENGTH * np.maximum(x, y) + 1e-6).all())
