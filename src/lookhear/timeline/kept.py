"""Cache of timelines on disk: JSON and score rows with a signature, so that each clip is processed once.

<folder>/<clip>.json      the timeline and its signature        <folder>/<clip>.npz      its rows of scores
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from lookhear import files
from lookhear.errors import DatasetError
from lookhear.timeline.value import STREAMS, Timeline, Track, from_json
from lookhear.types import Clip


def load_or_watch(folder: Path, clip: Clip, watcher: Any) -> Timeline:
    """The timeline of `clip` from `folder`; computed and stored if it is missing, damaged or has another signature."""
    name = quote(clip.id, safe=" !#$&'()+,;=@[]^`{}~")[-200:]
    made = {"watcher": watcher.signature, "file": _facts(clip)}
    try:
        plain = json.loads((folder / f"{name}.json").read_text("utf-8"))
        if plain["made"] == json.loads(json.dumps(made)):
            return _with_tracks(from_json(plain), folder / f"{name}.npz")
    except (OSError, ValueError, KeyError, TypeError, DatasetError):
        pass  # missing, damaged or incomplete: process the clip again
    timeline = watcher(clip)
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {}
    for stream in STREAMS:
        track = getattr(timeline, stream)
        if track is not None:
            arrays |= {
                f"{stream}.names": np.array(track.names),
                f"{stream}.starts": track.starts,
                f"{stream}.width": np.array(track.width),
                f"{stream}.scores": track.scores,
            }
    with files.whole(folder / f"{name}.npz") as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its flags are keywords as well
    files.write_json(folder / f"{name}.json", timeline.to_json() | {"made": made})
    return timeline


def _with_tracks(timeline: Timeline, path: Path) -> Timeline:
    tracks: dict[str, Track | None] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for stream in STREAMS:
            if f"{stream}.scores" in arrays:
                names, starts, width, scores = (arrays[f"{stream}.{p}"] for p in ("names", "starts", "width", "scores"))
                tracks[stream] = Track(tuple(names.tolist()), starts, float(width), scores)
    return replace(timeline, heard=tracks.get("heard", timeline.heard), seen=tracks.get("seen", timeline.seen))


def _facts(clip: Clip) -> list[Any]:
    """Size and modification time of the clip's files, to notice replaced files."""
    found = []
    for source in (clip.video, clip.audio):
        if source is not None and source.path is not None and Path(source.path).is_file():
            facts = Path(source.path).stat()
            found.append([facts.st_size, facts.st_mtime_ns])
    return found
