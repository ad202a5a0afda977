"""Find recordings that are missing, cannot be opened, or are duplicates of each other.

Two recordings are near-duplicates if their fingerprints correlate. The fingerprint of a picture is four thumbnails of
9 x 8 pixels, that of a sound the log energy of 33 bands in 17 parts; means are subtracted, so re-encoding, scaling and
volume have little effect. On real clips, copies reach 0.99 and different clips stay below 0.7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from lookhear.errors import MediaError
from lookhear.types import Clip, Media, Source

SHOWN = 5
MOMENTS = 4  # thumbnails per fingerprint of a picture
BANDS, TIMES = 33, 17  # frequency bands and parts in time per fingerprint of a sound
SAME = 0.97  # correlation from which two recordings count as duplicates
FLAT = 5.0  # a picture with less contrast than this (0..255), or silence, has no fingerprint

Found = tuple[str, str, int, str, tuple[str, ...]]  # kind, split, count, message, cases
Progress = Callable[[Sequence[Path], str], Iterable[Path]]


def broken_media(clips: Iterable[Clip], progress: Progress) -> Iterable[Found]:
    """Clips without a file, and files that cannot be opened or lack a track the clip needs."""
    from lookhear import media

    clips = list(clips)
    absent = [c for c in clips if not (c.video and c.video.path) and not (c.audio and c.audio.path)]
    if absent:
        message = f"{len(absent)} of {len(clips)} recordings have no media file"
        yield "missing media", "all", len(absent), message, _some(c.id for c in absent)
    tracks: dict[Path, set[str]] = {}
    for clip in clips:
        for kind, source in (("picture", clip.video), ("sound", clip.audio)):
            if source and source.path:
                tracks.setdefault(source.path, set()).add(kind)
    unreadable, lacking = [], []
    for path in progress(list(tracks), "opening media"):
        try:
            facts = media.probe(path)
        except (MediaError, OSError) as error:
            unreadable.append(str(error))
            continue
        lacking += [f"{path}: no {kind}" for kind in sorted(tracks[path]) if getattr(facts, kind) is None]
    if unreadable:
        message = f"{len(unreadable)} of {len(tracks)} media files cannot be opened"
        yield "unreadable media", "all", len(unreadable), message, _some(unreadable)
    if lacking:
        yield "missing track", "all", len(lacking), f"{len(lacking)} tracks are not there", _some(lacking)


def near_duplicates(clips: Iterable[Clip], progress: Progress) -> Iterable[Found]:
    """Pairs of recordings with nearly equal pictures, and pairs with nearly equal sound."""
    from lookhear import media

    paths = {source.path for clip in clips for source in (clip.video, clip.audio) if source and source.path}
    looks, sounds = {}, {}
    sampling = media.Sampling("uniform", count=MOMENTS, size=(8, 9), sample_rate=8000)
    for path in progress(sorted(paths), "fingerprinting media"):
        source = Source(path.stem, path)
        try:
            decoded = media.decode(Clip(source, source), sampling)
        except (MediaError, OSError):
            continue  # counted by broken_media, which opens the same files
        looks[path], sounds[path] = look(decoded), sound(decoded)
    for kind, prints in (("look", looks), ("sound", sounds)):
        pairs = alike({str(path): mark for path, mark in prints.items() if mark is not None})
        if pairs:
            cases = _some(f"{a} and {b}: correlation {same:.3f}" for a, b, same in pairs)
            message = f"{len(pairs)} pairs of recordings {kind} the same"
            yield "near-duplicate media", "all", len(pairs), message, cases


def look(decoded: Media) -> np.ndarray | None:
    """(288,) fingerprint of the picture with norm 1; None without a picture or contrast."""
    if decoded.frames is None or len(decoded.frames) < MOMENTS:
        return None
    grey = decoded.frames.astype(np.float32).mean(axis=-1)  # (time, 8, 9)
    return _unit(grey - grey.mean(axis=(1, 2), keepdims=True)) if grey.std(axis=(1, 2)).max() >= FLAT else None


def sound(decoded: Media) -> np.ndarray | None:
    """(561,) fingerprint of the sound with norm 1; None without a sound track or for silence."""
    if decoded.waveform is None or decoded.silent or len(decoded.waveform) < 512 * TIMES:
        return None
    size = len(decoded.waveform) // TIMES
    pieces = decoded.waveform[: size * TIMES].reshape(TIMES, size)
    power = np.abs(np.fft.rfft(pieces * np.hanning(size), axis=1)) ** 2
    edges = np.geomspace(max(1, 100 * size / decoded.sample_rate), power.shape[1], BANDS + 1).astype(int)
    energy = np.stack([power[:, a : max(b, a + 1)].sum(axis=1) for a, b in pairwise(edges)], axis=1)
    bands = np.log(energy + 1e-6 * energy.mean())
    return _unit(bands - bands.mean(axis=0)) if np.ptp(bands) > 0 else None


def alike(prints: dict[str, np.ndarray]) -> list[tuple[str, str, float]]:
    """(name, name, correlation) of pairs of fingerprints that correlate at `SAME` or more, highest first."""
    names = list(prints)
    if len(names) < 2:
        return []
    marks = np.stack([prints[name] for name in names])
    pairs = []
    for start in range(0, len(names), 1024):
        correlation = marks[start : start + 1024] @ marks.T
        for row, column in zip(*np.nonzero(correlation >= SAME), strict=True):
            if start + row < column:
                pairs.append((names[start + row], names[column], float(correlation[row, column])))
    return sorted(pairs, key=lambda pair: -pair[2])


def _unit(values: np.ndarray) -> np.ndarray:
    flat = values.ravel().astype(np.float32)
    return flat / np.linalg.norm(flat)


def _some(cases: Iterable[str]) -> tuple[str, ...]:
    return tuple(case for case, _ in zip(cases, range(SHOWN), strict=False))
