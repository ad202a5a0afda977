"""Do our features equal published ones? And where they do not: which of the usual causes would explain the difference.

    ours (row, dim)  ──┐ per clip: cosine of each row with its counterpart ─▶ equal?
    theirs (row, dim) ─┘ no: every cause is a way to turn ours into theirs; the one that explains most is named

The causes are in `causes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from lookhear.errors import DependencyError, FeatureError
from lookhear.store.causes import Cause, as_rows, likely
from lookhear.store.features import FeatureStore
from lookhear.types import BLANK

SAME = 0.999  # cosine of every row: half precision and other decoders of one picture stay above it
LENGTH = 0.01  # by how much the lengths of equal rows may differ


@dataclass(frozen=True)
class Verdict:
    """One stream of ours beside published files. `cosine`: of a clip's rows the lowest, NaN where shapes forbid."""

    encoder: str
    stream: str
    cosine: Mapping[str, float]
    differ: tuple[str, ...]  # clips
    only_ours: tuple[str, ...] = ()
    only_theirs: tuple[str, ...] = ()
    cause: Cause | None = None
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)  # where they differ


def verify(
    store: FeatureStore, official: Path | str, encoder: str, stream: str, dataset: str = "", same: float = SAME
) -> Verdict:
    """Compare one stream of `store` with published `official` files: a folder of .npy, or an .h5 (see `published`).

    Raises FeatureError where there is nothing to compare.
    """
    theirs = published(Path(official), dataset)
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
    cosine, differ, shapes, pairs = {}, [], {}, []
    for clip in both:
        a, b = store.look(encoder, stream, clip)[0].astype(np.float64), theirs[clip]().astype(np.float64)
        b = b[0] if b.ndim == a.ndim + 1 and len(b) == 1 else b
        if a.shape != b.shape:
            shapes[clip] = (a.shape, b.shape)
        cosine[clip] = lowest(a, b) if a.shape == b.shape else float("nan")
        if not (cosine[clip] >= same and _as_long(a, b)):
            differ.append(clip)
        pairs.append((as_rows(a), as_rows(b)))
    cause = None
    if differ:
        whole = {s: [store.look(encoder, s, c)[0].astype(np.float64) for c in both] for s in card["streams"]}
        cause = likely(pairs, {s: [as_rows(a) for a in v] for s, v in whole.items() if s != stream}, whole)
    return Verdict(
        *(encoder, stream, cosine, tuple(differ)),
        *(tuple(sorted(ours - set(theirs))), tuple(sorted(set(theirs) - ours)), cause, shapes),
    )


def lowest(a: np.ndarray, b: np.ndarray) -> float:
    """The lowest cosine between rows of equal arrays (row, …); two rows of zeros are equal."""
    a, b = as_rows(a), as_rows(b)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    zeros = ~a.any(1) & ~b.any(1)
    return float(np.where(zeros, 1.0, (a * b).sum(1) / np.maximum(norms, 1e-30)).min(initial=1.0))


def published(path: Path, dataset: str = "") -> dict[str, Callable[[], np.ndarray]]:
    """Clip -> how to read its published features.

    A folder of `<clip>.npy`; an .h5 with one data set per clip, or with `ids` beside one of (clip, …). `dataset`
    chooses where an .h5 holds several. Raises FeatureError, or DependencyError without h5py.
    """
    if path.suffix in (".h5", ".hdf5"):
        return _h5(path, dataset)
    files = sorted(path.glob("*.npy")) if path.is_dir() else []
    if not files:
        below = sorted({f.parent.relative_to(path).as_posix() for f in path.rglob("*.npy")}) if path.is_dir() else []
        hint = (
            f"They are in {', '.join(below[:4])}: give one of these." if below else "Give that folder, or an .h5 file."
        )
        raise FeatureError(f"No .npy files in {str(path)!r}. {hint}")
    return {unquote(f.stem): lambda f=f: _npy(f) for f in files}  # type: ignore[misc]


def _npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FeatureError(f"{path}: not readable as features ({error}).") from None


def _h5(path: Path, dataset: str) -> dict[str, Callable[[], np.ndarray]]:
    try:
        import h5py
    except ImportError:
        raise DependencyError(f"Reading {str(path)!r} needs h5py. Install it with: pip install h5py") from None
    try:
        with h5py.File(path, "r") as file:
            tables = {n: t.shape for n, t in file.items() if isinstance(t, h5py.Dataset)}
            if "ids" not in tables:
                names = list(tables)
                return {n: lambda n=n: _from_h5(path, n) for n in names}  # type: ignore[misc]
            long = [n for n, shape in tables.items() if n != "ids" and shape and shape[0] == tables["ids"][0]]
            if dataset not in long and (dataset or len(long) != 1):
                raise FeatureError(
                    f"{str(path)!r} holds {', '.join(long) or 'no features'}. Choose one with --dataset."
                )
            chosen = dataset or long[0]
            ids = [i.decode() if isinstance(i, bytes) else str(i) for i in file["ids"][()].reshape(-1).tolist()]
    except OSError as error:
        raise FeatureError(f"{path}: not readable as HDF5 ({error}).") from None
    return {name: lambda row=row: _from_h5(path, chosen, row) for row, name in enumerate(ids)}  # type: ignore[misc]


def _from_h5(path: Path, dataset: str, row: int | None = None) -> np.ndarray:
    import h5py

    with h5py.File(path, "r") as file:
        return np.asarray(file[dataset][()] if row is None else file[dataset][row])


def _as_long(a: np.ndarray, b: np.ndarray) -> bool:
    x, y = np.linalg.norm(as_rows(a), axis=1), np.linalg.norm(as_rows(b), axis=1)
    return bool((np.abs(x - y) <= LENGTH * np.maximum(x, y) + 1e-6).all())
