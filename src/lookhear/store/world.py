"""Out-of-distribution detection: distance of a clip to the training clips by simple statistics, kept in the run folder.

    clip ─ picture: colours, edges, grain; sound: levels by band; features: mean and deviation ─▶ descriptors
    descriptor ─ distance to the second nearest training clip / limit of held-out training clips ─▶ above 1: out of
    distribution

Features of a model cannot represent what they were not trained on, so the clip itself is described: some training
clips when a run begins, and any clip that is decoded. Features decide only for clips that are read from a store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from torch import Tensor

from lookhear import files
from lookhear.errors import MediaError, ModelError
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.store.features import FeatureStore, key
from lookhear.store.names import serving
from lookhear.types import BLANK, Clip, Media

FILE = "world.safetensors"
MEDIA = ("picture", "sound")  # streams that describe the decoded clip; all others are features
USUAL, WITHIN = 0.9, 0.96  # quantiles of held-out training clips: of a stream's distances, of the greatest over streams
TAIL = 0.2  # share of the greatest distances that the tail is fitted to
FLOOR = 0.05  # lower bound of a number's deviation, relative to the mean deviation
ERRORS = 1.28  # standard errors that the tail's index is raised by: its upper limit, for 90 % of samples
PARTS = 10  # folds of the held-out estimate
LEAST, KEPT = 8, 150  # fewest clips for an estimate; most clips that are used
GRID, SIDE, FRAMES = 8, 128, 16  # grid cells per side, pixels of the shorter side, frames per clip

Descriptor = Mapping[str, Float[np.ndarray, " number"]]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Region:
    """Distribution of the training clips in one stream: sample descriptors, scale of each number, usual distance."""

    rows: Float[np.ndarray, "clip number"]
    scale: Float[np.ndarray, " number"]
    limit: float

    def distance(self, row: Float[np.ndarray, " number"]) -> float:
        """Root mean square distance to the second nearest training clip, in scales; 1 is the limit."""
        return float(np.sort(np.sqrt(np.square((self.rows - row) / self.scale).mean(axis=1)))[1]) / self.limit


@dataclass(frozen=True)
class World:
    """Distribution of a model's training clips, by stream."""

    regions: Mapping[str, Region]

    def distance(self, clip: Descriptor) -> dict[str, float]:
        """Stream -> distance of a clip (1 is the limit): of the decoded clip, or of its features where it was not."""
        shared = [n for n, r in self.regions.items() if n in clip and len(clip[n]) == len(r.scale)]
        decoded = [name for name in shared if name in MEDIA]
        return {name: self.regions[name].distance(clip[name]) for name in decoded or shared}

    def note(self, clip: Descriptor) -> str:
        """Warning for an out-of-distribution clip; empty for any other."""
        far = {name: d for name, d in self.distance(clip).items() if d > 1}
        if not far:
            return ""
        told = ", ".join(f"{name} {d:.1f}x" for name, d in sorted(far.items(), key=lambda pair: -pair[1]))
        return f"out of this model's world: the clip is unlike what it was trained on ({told} the usual distance)"


def of_stream(rows: Tensor | np.ndarray) -> Float[np.ndarray, " number"]:
    """Mean and standard deviation over time of a stream (time, dim) or (time, patch, dim), as one vector."""
    flat = np.asarray(rows, np.float64).reshape(-1, np.shape(rows)[-1])
    return np.concatenate([flat.mean(axis=0), flat.std(axis=0)])


def of_media(media: Media) -> dict[str, np.ndarray]:
    """A descriptor of a decoded clip itself: colours, edges and grain of its picture, levels of its sound by band."""
    found = {}
    if media.frames is not None and media.frames.any():  # black replaces a missing track
        found["picture"] = _picture(media.frames)
    if media.waveform is not None and len(media.waveform) and not media.silent:
        found["sound"] = _sound(media.waveform)
    return found


def _picture(frames: UInt8[np.ndarray, "time height width 3"]) -> Float[np.ndarray, " number"]:
    step = max(1, min(frames.shape[1:3]) // SIDE)
    small = frames[:: 1 + len(frames) // FRAMES, ::step, ::step].astype(np.float64) / 255
    grey = small.mean(axis=3)
    edges = np.abs(np.diff(grey, axis=1))[:, :, :-1] + np.abs(np.diff(grey, axis=2))[:, :-1]
    inner = grey[:, 1:-1, 1:-1]
    grain = np.abs(4 * inner - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:])
    colours = [_cells(small[..., channel]) for channel in range(3)]
    quantiles = np.quantile(grain, (0.25, 0.5, 0.75, 0.9), axis=(1, 2)).mean(axis=1)
    shape = [np.log(grey.std() + 1e-3), grey.shape[1] / grey.shape[2]]
    return np.concatenate([*colours, np.log(_cells(edges) + 1e-4), np.log(quantiles + 1e-5), shape])


def _cells(pictures: Float[np.ndarray, "time height width"]) -> Float[np.ndarray, " cell"]:
    """Means of the cells of a grid, over all pictures."""
    down = np.array_split(pictures.mean(axis=0), GRID, axis=0)
    return np.array([cell.mean() for row in down for cell in np.array_split(row, GRID, axis=1)])


def _sound(wave: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " number"]:
    """Quantiles of the levels of 32 bands, and their changes between consecutive frames."""
    padded = torch.from_numpy(np.pad(wave, (0, max(0, 4096 - len(wave)))).astype(np.float32))
    power = torch.stft(padded, 1024, 512, window=torch.hann_window(1024), return_complex=True).abs().square().numpy()
    edges = np.unique(np.round(np.geomspace(1, len(power), 33)).astype(int))
    levels = np.log10(np.stack([power[a:b].mean(axis=0) for a, b in pairwise(edges)]) + 1e-7)
    quantiles = np.quantile(levels, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    return np.concatenate([quantiles.ravel(), np.abs(np.diff(levels, axis=1)).mean(axis=1)])


def of_clip(clip: Clip, wanted: Sequence[str], features: Mapping[str, str], store: FeatureStore) -> Descriptor:
    """The descriptor of a clip whose `wanted` streams are in `store`; of tracks that are there."""
    descriptor: dict[str, Float[np.ndarray, " number"]] = {}
    for stream in wanted:
        name, own = serving(features[stream], stream)
        where = key(clip, store.reads(name, own))
        if where and where != BLANK.id and store.has(name, where, own):
            rows, absent = store.look(name, own, where)
            descriptor |= {} if absent else {stream: of_stream(rows)}
    return descriptor


def of_files(clips: Sequence[Clip], samplings: Sequence[Sampling]) -> list[dict[str, np.ndarray]]:
    """Descriptors of clips themselves, as encoders with these samplings decode them; of clips whose files are there."""
    descriptors = []
    for clip in clips:
        mine: dict[str, np.ndarray] = {}
        for sampling in dict.fromkeys(samplings):
            if {"picture", "sound"} <= mine.keys() or not _has_files(clip):
                continue
            try:
                made = of_media(decode(clip, sampling))
            except MediaError:
                continue  # extraction reports unreadable clips
            mine.update({name: row for name, row in made.items() if name not in mine})
        descriptors.append(mine)
    return descriptors


def _has_files(clip: Clip) -> bool:
    """Whether the files of a clip are available: features may be used without their media."""
    paths = [source.path for source in (clip.video, clip.audio) if source and source != BLANK]
    return bool(paths) and all(path is not None and Path(path).is_file() for path in paths)


def fit(clips: Sequence[Descriptor], kept: int = KEPT) -> World | None:
    """Fit the distribution of training clips, of which at most `kept` are used; None if there are too few.

    Streams of the decoded clip and streams of features are two groups, of which a clip is judged by one. It is flagged
    where any stream of the group is beyond its limit, so the limits of a group are set together: each stream's distance
    in units of its `USUAL` quantile over held-out clips, and the greatest of these below 1 for `WITHIN` of them.
    """
    names = sorted(set().union(*(clip.keys() for clip in clips))) if clips else []
    groups = [[n for n in names if n in MEDIA], [n for n in names if n not in MEDIA]]
    regions = {name: region for group in groups for name, region in _together(clips, group, kept).items()}
    return World(regions) if regions else None


def spread(rows: Sequence[Row], most: int = KEPT) -> list[Row]:
    """At most `most` of the rows, evenly spaced."""
    count = min(len(rows), most)
    return [rows[i * len(rows) // count] for i in range(count)]


def _together(clips: Sequence[Descriptor], names: Sequence[str], kept: int) -> dict[str, Region]:
    """Regions of the streams `names` with limits for all of them together, by ten folds.

    The limits are those of the clips that are kept: with more of them, nearest neighbours are nearer.
    """
    some = spread([clip for clip in clips if any(name in clip for name in names)], kept)
    known = {n: rows for n in names if len(rows := [clip[n] for clip in some if n in clip]) >= LEAST}
    if not known:
        return {}
    held = np.stack([_held_out([clip.get(name) for clip in some]) for name in known])
    usual = np.maximum(np.nanquantile(held, USUAL, axis=1), 1e-6)
    greatest = np.nanmax(held / usual[:, None], axis=0, where=np.isfinite(held), initial=0.0)
    together = _quantile(greatest[np.isfinite(held).any(axis=0)], WITHIN)
    return {
        name: Region(np.stack(rows), _scale(np.stack(rows)), float(limit) * together)
        for (name, rows), limit in zip(known.items(), usual, strict=True)
    }


def _quantile(distances: Float[np.ndarray, " clip"], level: float) -> float:
    """A high quantile by a Pareto tail above the `1 - TAIL` quantile (Hill's estimator), as an upper tolerance limit.

    Of a hundred clips the quantile itself would rest on the four greatest distances alone. The estimator's standard
    error is its value over the root of the number of distances in the tail.
    """
    start = max(float(np.quantile(distances, 1 - TAIL)), 1e-6)
    over = distances[distances > start]
    index = float(np.log(over / start).mean()) * (1 + ERRORS / len(over) ** 0.5) if len(over) else 0.0
    return start * (TAIL / (1 - level)) ** index


def _held_out(rows: Sequence[Float[np.ndarray, " number"] | None]) -> Float[np.ndarray, " clip"]:
    """Distance of each clip to those of the other folds; NaN for clips without the stream."""
    present = [i for i, row in enumerate(rows) if row is not None]
    known, distances = np.stack([row for row in rows if row is not None]), np.full(len(rows), np.nan)
    for part in range(PARTS):
        out = np.arange(len(present)) % PARTS == part
        learned = Region(known[~out], _scale(known[~out]), 1.0)
        for i in np.flatnonzero(out):
            distances[present[i]] = learned.distance(known[i])
    return distances


def _scale(rows: Float[np.ndarray, "clip number"]) -> Float[np.ndarray, " number"]:
    deviation = rows.std(axis=0)
    return np.maximum(deviation, max(FLOOR * float(deviation.mean()), 1e-6))


def write(folder: Path, world: World) -> None:
    """Write a World to a run folder."""
    parts = {}
    for name, region in world.regions.items():
        parts[f"{name}.rows"] = region.rows.astype(np.float32)
        parts[f"{name}.scale"] = region.scale.astype(np.float32)
        parts[f"{name}.limit"] = np.array([region.limit], np.float32)
    files.write(folder / FILE, save(parts))


def read(folder: Path) -> World | None:
    """Read the World of a run folder; None if it has none. Raises ModelError if the file is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        parts = {key: value.astype(np.float64) for key, value in load_file(path).items()}
        names = sorted({key.rpartition(".")[0] for key in parts})
        return World({n: Region(parts[f"{n}.rows"], parts[f"{n}.scale"], float(parts[f"{n}.limit"][0])) for n in names})
    except (SafetensorError, OSError, KeyError, ValueError, IndexError) as error:
        raise ModelError(f"{path}: not readable ({error}). Delete it; the run folder works without it.") from None
