"""Prefetch and cache preprocessed clips: threads decode ahead; results are kept in memory and in a shared folder.

    lesson ─ key(files of the clip, input options of the model) ─▶ memory ─▶ FOLDER/ab/abcdef….pt ─▶ decode, prepare

PyAV and torch release the GIL, so threads are sufficient. `waited` is the time in seconds that steps waited for clips.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from pickle import UnpicklingError
from threading import Lock
from typing import Any

import torch

from lookhear import files
from lookhear.errors import MediaError
from lookhear.llms import Prepared, Trainable
from lookhear.model import stamp
from lookhear.train.lessons import Lesson, prepared

KEPT = 3e9  # largest size of prepared clips in memory, in bytes
VERSION = 1  # version of the cache files


class Clips:
    """Prepared clips of lessons; unreadable ones are counted in `failed`."""

    def __init__(self, llm: Trainable, most: float = KEPT, workers: int = 0, folder: Path | str = ""):
        self.llm, self.most = llm, most
        self.folder = Path(folder) if folder else None
        self.kept: OrderedDict[Any, Prepared] = OrderedDict()
        self.bytes = 0
        self.failed: dict[str, str] = {}
        self.waited = 0.0
        self.decoded = 0
        self.pool = ThreadPoolExecutor(workers, "decode") if workers else None
        self.coming: dict[Any, Future[Prepared]] = {}
        self.lock = Lock()

    def get(self, lesson: Lesson) -> Prepared | None:
        """The prepared clip of a lesson, or None if it cannot be read."""
        place = where(lesson)
        if place not in self.kept:
            if lesson.clip.id in self.failed:
                return None
            began = time.perf_counter()
            try:
                ahead = self.coming.pop(place, None)
                made = ahead.result() if ahead else self._prepared(lesson)
            except MediaError as error:
                self.failed[lesson.clip.id] = str(error)
                return None
            finally:
                self.waited += time.perf_counter() - began
            self.kept[place] = made
            self.bytes += size(made)
            while self.bytes > self.most and len(self.kept) > 1:
                self.bytes -= size(self.kept.popitem(last=False)[1])
        return self.kept[place]

    def ahead(self, lessons: Iterable[Lesson]) -> None:
        """Start preparing the clips of `lessons` in the background."""
        if self.pool is None:
            return
        for lesson in lessons:
            place = where(lesson)
            if place not in self.kept and place not in self.coming and lesson.clip.id not in self.failed:
                self.coming[place] = self.pool.submit(self._prepared, lesson)

    def note(self) -> str:
        """Number of unreadable clips and the reason of the first; empty if there are none."""
        if not self.failed:
            return ""
        name, why = next(iter(self.failed.items()))
        return f"{len(self.failed)} clips could not be read and were left out. The first: {name}: {why}"

    def close(self) -> None:
        """Stop the threads and drop pending work."""
        if self.pool is not None:
            self.pool.shutdown(wait=True, cancel_futures=True)

    def _prepared(self, lesson: Lesson) -> Prepared:
        path = self._path(lesson)
        if path is not None and path.is_file():
            found = _read(path)
            if found is not None:
                return found
        made = prepared(self.llm, lesson)
        with self.lock:
            self.decoded += 1
        if path is not None:
            with files.whole(path) as part:
                torch.save(dict(made), part)
        return made

    def _path(self, lesson: Lesson) -> Path | None:
        if self.folder is None:
            return None
        parts = (
            VERSION,
            stamp(lesson.clip),
            stamp(lesson.clip.__class__(lesson.second, None)),
            lesson.way,
            self.llm.settings(),
        )
        name = hashlib.sha256(repr(parts).encode()).hexdigest()[:40]
        return self.folder / name[:2] / f"{name}.pt"


def where(lesson: Lesson) -> tuple[Any, ...]:
    """Identity of a lesson's clip, for its cache key."""
    return lesson.clip, lesson.second, lesson.way


def size(prepared: Prepared) -> int:
    """Size of the tensors in bytes."""
    found = [v for value in prepared.values() for v in (value if isinstance(value, list) else [value])]
    return sum(value.nbytes for value in found if torch.is_tensor(value))


def _read(path: Path) -> Prepared | None:
    """Read a prepared clip; None if the file is damaged."""
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except (RuntimeError, OSError, EOFError, ValueError, IndexError, KeyError, UnpicklingError):
        return None
