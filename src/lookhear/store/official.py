"""Adopted features: published arrays, read in place under a name in the store and signed "official".

    adopt(store, "tspm", {"audio": "vggish/", "frames": "clip.zip"}) ─▶ recipe: features.audio=tspm features.frames=tspm

Nothing is copied: the card in the store has the path of each stream. Files of clips are named by the clip's id, files
of texts by the id of a question; `texts` maps a text key to the id of a question with that text.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.errors import FeatureError
from lookhear.files import read_json
from lookhear.store.published import Published
from lookhear.types import BLANK

NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")  # of adopted features: a folder in the store, and a word in recipes
OFFICIAL = "official"  # stored instead of a hash of weights
READS = {  # stream -> input of the encoder: frames, waveform or text
    "audio": "waveform",
    "frames": "frames",
    "patches": "frames",
    "motion": "frames",
    "boxes": "frames",
    "audio_place": "waveform",
    "frames_place": "frames",
    "question": "text",
    "words": "text",
    "prompt": "text",
}
AXES = {  # stream -> axes of one array, the width last
    "audio": ("time", "dim"),
    "frames": ("time", "dim"),
    "patches": ("time", "patch", "dim"),
    "motion": ("time", "dim"),
    "boxes": ("time", "patch", "dim"),
    "audio_place": ("time", "dim"),
    "frames_place": ("time", "dim"),
    "question": ("dim",),
    "words": ("word", "dim"),
    "prompt": ("dim",),
}


@dataclass(frozen=True)
class Adopted:
    """One stream of published features: its files, and whether arrays have to be transposed to (…, width)."""

    stream: str
    files: Published
    transposed: bool = False
    texts: Mapping[str, str] | None = None  # text key -> name of a file

    def __contains__(self, key: str) -> bool:
        return (key if self.texts is None else self.texts.get(key)) in self.files

    def __getitem__(self, key: str) -> np.ndarray:
        """The array of a clip or text. Raises FeatureError if it is missing or has the wrong number of axes."""
        if key == BLANK.id:
            raise FeatureError(f"Adopted features of {str(self.files.path)!r} have none for black or silence.")
        if key not in self:
            raise FeatureError(
                f"No {self.stream} of {key!r} in {str(self.files.path)!r}. Adopted features are not made: add the file."
            )
        name = key if self.texts is None else self.texts[key]
        array = turned(self.files[name], self.stream, self.transposed)
        if array is None:
            raise FeatureError(
                f"{self.files.path}: {name!r} has shape {self.files[name].shape}, not ({', '.join(AXES[self.stream])})."
            )
        return array

    def names(self) -> list[str]:
        """All clips or texts with an array."""
        return [k for k in (self.files if self.texts is None else self.texts) if k in self]


def turned(array: np.ndarray, stream: str, transposed: bool = False) -> np.ndarray | None:
    """A view of a published array with the axes of its stream; None if its shape does not fit.

    A leading axis of one is dropped; maps (time, dim, high, wide) become patches (time, patch, dim).
    """
    axes = len(AXES[stream])
    if array.ndim == axes + 1 and len(array) == 1:
        array = array[0]
    if stream == "patches" and array.ndim == 4 and not transposed:
        array = array.reshape(*array.shape[:2], -1).swapaxes(1, 2)
    if array.ndim != axes:
        return None
    return array.swapaxes(0, -1) if transposed and axes == 2 else array


def adopt(
    store: Any,
    name: str,
    places: Mapping[str, Path | str],
    transposed: bool = False,
    texts: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Register `places` (stream -> folder or file of published features) in `store` under `name`.

    Further streams can be added to a name later. Text streams need `texts`: stream -> text key -> id of a question.
    Raises FeatureError if a place has no features, or `name` is in use for other features.
    """
    if not NAME.fullmatch(name):
        raise FeatureError(f"{name!r} cannot be the name of features: letters, digits, dots and dashes, no slash.")
    card: dict[str, Any] = {"encoder": name, "weights": OFFICIAL, "reads": {}, "streams": {}, "places": {}}
    if store.root is not None and (store.root / name / "card.json").is_file():
        old = store.card(name)
        if old["weights"] != OFFICIAL:
            raise FeatureError(
                f"{name!r} in {str(store.root)!r} are features that lookhear made. Adopt by another name."
            )
        card = json.loads(json.dumps(old))
    for stream, place in places.items():
        if stream not in READS:
            raise FeatureError(f"No stream is called {stream!r}. There are: {', '.join(READS)}.")
        files = Published.at(place)
        where = {"path": str(files.path.resolve()), "table": files.table, "transposed": transposed}
        if card["places"].setdefault(stream, where) != where:
            raise FeatureError(
                f"{name}:{stream} was adopted from {card['places'][stream]['path']!r} before. "
                f"Take another name, or delete {str(store.root / name)!r}."
            )
        card["reads"][stream] = READS[stream]
        card["streams"][stream] = _width(stream, files, transposed)
        if READS[stream] == "text":
            store.write(name, f"{stream}.json", json.dumps((texts or {})[stream]).encode())
    return store.sign(card, extend=True)


def copied(store: Any, name: str, places: Mapping[str, Path | str]) -> dict[str, Path]:
    """Copy all readable arrays into the folder of `name`; returns stream -> folder of the copies.

    Existing copies are kept; unreadable arrays are skipped.
    """
    folders = {}
    for stream, place in places.items():
        files = Published.at(place)
        for one in files:
            if not (store.root / name / stream / f"{one}.npy").is_file():
                with suppress(FeatureError):
                    raw = io.BytesIO()
                    np.save(raw, files[one], allow_pickle=False)
                    store.write(name, f"{stream}/{one}.npy", raw.getvalue())
        folders[stream] = store.root / name / stream
    return folders


def adopted(card: Mapping[str, Any], folder: Path) -> dict[str, Adopted]:
    """Stream -> its published features, for the card of an adopted name whose folder in the store is `folder`."""
    return {
        stream: Adopted(
            stream,
            _files(place["path"], place["table"]),
            place["transposed"],
            read_json(folder / f"{stream}.json", dict) if READS[stream] == "text" else None,
        )
        for stream, place in card["places"].items()
    }


@lru_cache(maxsize=64)
def _files(path: str, table: str) -> Published:
    return Published(Path(path), table)


def _width(stream: str, files: Published, transposed: bool) -> int:
    """The last axis of the first array that has the axes of its stream."""
    shapes: Sequence[tuple[int, ...]] = []
    for name in list(files)[:64]:
        try:
            array = files[name]
        except FeatureError:
            continue
        fits = turned(array, stream, transposed)
        if fits is not None:
            return int(fits.shape[-1])
        shapes = [*shapes, array.shape]
    if not shapes:
        raise FeatureError(f"None of the first {min(64, len(files))} arrays in {str(files.path)!r} can be read.")
    raise FeatureError(f"{files.path}: shape {shapes[0]} is not ({', '.join(AXES[stream])}), which {stream!r} has.")
