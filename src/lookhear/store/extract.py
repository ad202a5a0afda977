"""Extract features into a store: every clip is decoded once, for all encoders, in several processes.

The unit of work is the clip. Complete features are kept, so an interrupted extraction resumes. A clip that cannot be
read is recorded once in `<store>/ledger.jsonl` and counted; the others are encoded. Only one process at a time works on
a shard of a store: a second one waits or raises an error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any

import torch

from lookhear import files
from lookhear.errors import FeatureError, RecipeError
from lookhear.store import _ray, _workers
from lookhear.store._unit import Tally, encode_clip, units
from lookhear.store.features import FeatureStore, StoreWriteError, text_key
from lookhear.types import BLANK, Clip

__all__ = ["Tally", "extract", "extract_texts"]

ENGINES = ("local", "ray")
CLAIMS = ".claims"  # folder of the store with one lock per shard
BLANK_SECONDS = 2.0  # stored length of black and silence, which are repeated to the needed length


def extract(
    clips: Iterable[Clip],
    encoders: Sequence[Any],
    store: FeatureStore,
    workers: int = 1,
    shard: tuple[int, int] = (0, 1),
    progress: Callable[[Tally, int], None] | None = None,
    engine: str = "local",
    address: str | None = None,
    wait: float = 0.0,
) -> Tally:
    """Encode the features of `clips`, and of black and silence, that are missing in `store`.

    `encoders` are built media encoders. `shard=(i, n)` takes every n-th clip from the i-th, for n machines. `progress`
    is called after each clip with the tally so far and the number of clips. `engine="ray"` uses Ray Data instead of
    local processes: a cluster at `address`, or a local one. Raises FeatureError if the store has features of the same
    name with another signature, and FileError if another process still holds this shard after `wait` seconds. Clips
    that fail are in the tally's `failed`.
    """
    if engine not in ENGINES:
        raise RecipeError(f"No engine is called {engine!r}. There are: {' and '.join(ENGINES)}.")
    index, count = shard
    if not 0 <= index < count:
        raise FeatureError(
            f"Shard {index}/{count} does not exist: the first is 0/{count}, the last {count - 1}/{count}."
        )
    if workers < 1:
        raise FeatureError(f"Extraction needs at least one worker, got {workers}.")
    for encoder in encoders:
        if encoder.reads == "text":
            raise FeatureError(f"{store.open(encoder)} reads text, not clips. Use extract_texts.")
        store.open(encoder)
    todo = units(clips)[index::count]
    total = len(todo)
    todo = [Clip(BLANK, BLANK, 0.0, BLANK_SECONDS), *todo]
    tally = Tally()
    with _claimed(store, f"{index}-of-{count}", wait), _one_thread():
        store.sweep()
        if engine == "ray":
            work = _ray.spread(todo, encoders, store, workers, address)
        elif workers > 1:
            work = _workers.spread(todo, encoders, store, workers)
        else:
            work = (encode_clip(clip, encoders, store) for clip in todo)
        ledger = _Ledger(store)
        for done in work:
            ledger.add(done.failed)
            tally += done
            if progress:
                progress(tally, total)
        if count == 1:
            ledger.settle({clip.id for clip in todo} - {clip for clip, _ in tally.failed})
    return tally


def extract_texts(
    texts: Iterable[str],
    encoder: Any,
    store: FeatureStore,
    progress: Callable[[Tally, int], None] | None = None,
    size: int = 128,
) -> Tally:
    """Encode the distinct `texts` that are missing in `store`, in batches of `size`."""
    if encoder.reads != "text":
        raise FeatureError(f"{encoder.signature()['name']} reads {encoder.reads}, not text. Use extract.")
    name = store.open(encoder)
    store.sweep()
    distinct = list(dict.fromkeys(texts))
    todo = [t for t in distinct if not store.has(name, text_key(t))]
    tally = Tally(kept=len(distinct) - len(todo))
    with _one_thread():
        for start in range(0, len(todo), size):
            piece = todo[start : start + size]
            for text, streams in zip(piece, encoder(piece), strict=True):
                store.put(name, text_key(text), streams)
            tally += Tally(made=len(piece))
            if progress:
                progress(tally, len(distinct))
    return tally


@contextmanager
def _one_thread() -> Iterator[None]:
    """Context manager: one torch thread, as in workers, because another summation order changes the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _claimed(store: FeatureStore, what: str, wait: float) -> Iterator[None]:
    """Context manager: lock on `what` in the store; an in-memory store needs none."""
    if store.root is None:
        yield
        return
    with files.claim(store.root / CLAIMS / what, wait):
        yield


class _Ledger:
    """`<root>/ledger.jsonl`: one JSON line per unreadable clip, with the reason; reruns add no duplicates."""

    def __init__(self, store: FeatureStore) -> None:
        self.path = None if store.root is None else store.root / "ledger.jsonl"
        self.lines: dict[tuple[str, str], None] = {}
        if self.path is not None and self.path.is_file():
            for line in self.path.read_bytes().split(b"\n"):
                try:
                    found = json.loads(line)
                    self.lines[str(found["clip"]), str(found["reason"])] = None
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # cut off by a kill, or a foreign line

    def add(self, failed: Iterable[tuple[str, str]]) -> None:
        """Append new failures."""
        fresh = [line for line in failed if line not in self.lines]
        if not fresh or self.path is None:
            return
        self.lines.update(dict.fromkeys(fresh))
        try:
            with self.path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read() != b"\n":  # cut off by a kill
                        file.write(b"\n")
                file.write(b"".join(map(_line, fresh)))
        except OSError as error:
            raise StoreWriteError(
                f"Cannot write {str(self.path)!r}: {error.strerror}. Check permissions and free space."
            ) from None

    def settle(self, done: Set[str]) -> None:
        """Remove the clips that are `done` by now."""
        kept = [line for line in self.lines if line[0] not in done]
        if self.path is not None and len(kept) < len(self.lines):
            files.write(self.path, b"".join(map(_line, kept)))


def _line(failed: tuple[str, str]) -> bytes:
    """One JSON line; a lone surrogate in a name is escaped."""
    text = json.dumps({"clip": failed[0], "reason": failed[1]}, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"
