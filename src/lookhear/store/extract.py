"""Fill a feature store: every clip decoded once, through frozen encoders, in as many processes as asked for.

The unit of work is the clip. What is complete in the store is kept, so a run that was killed goes on where it was.
A clip that cannot be read is written to `<store>/ledger.jsonl` and counted; the others are done.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from lookhear.errors import FeatureError, LookhearError, MediaError
from lookhear.media.decode import decode
from lookhear.store.features import FeatureStore, StoreWriteError, key, text_key
from lookhear.types import BLANK, Clip, Media

BLANK_SECONDS = 2.0  # black and silence are kept this long and repeated to the length that is needed


@dataclass(frozen=True)
class Tally:
    """What an extraction did, in clips (or texts). `seconds` is the length of the media that was read."""

    made: int = 0
    kept: int = 0
    failed: tuple[tuple[str, str], ...] = ()  # (clip id, reason)
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        together = self.failed + other.failed
        return Tally(self.made + other.made, self.kept + other.kept, together, self.seconds + other.seconds)


def extract(
    clips: Iterable[Clip],
    encoders: Sequence[Any],
    store: FeatureStore,
    workers: int = 1,
    shard: tuple[int, int] = (0, 1),
    progress: Callable[[Tally, int], None] | None = None,
) -> Tally:
    """Encode what `store` lacks of `clips`, and black and silence once; `encoders` are built encoders of media.

    `shard=(i, n)` does every n-th clip from the i-th, for n machines that share the work. `progress` is called after
    each clip with the tally so far and the number of clips. Raises FeatureError where features of another make are in
    the way; a clip that fails is in the tally's `failed`, not raised.
    """
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
    store.sweep()
    todo = _units(clips)[index::count]
    total = len(todo)
    todo = [Clip(BLANK, BLANK, 0.0, BLANK_SECONDS), *todo]
    tally = Tally()
    for done in _one_by_one(todo, encoders, store) if workers == 1 else _spread(todo, encoders, store, workers):
        _log(store, done)
        tally += done
        if progress:
            progress(tally, total)
    return tally


def extract_texts(
    texts: Iterable[str],
    encoder: Any,
    store: FeatureStore,
    progress: Callable[[Tally, int], None] | None = None,
    size: int = 128,
) -> Tally:
    """Encode the distinct `texts` that `store` lacks, `size` at a time."""
    if encoder.reads != "text":
        raise FeatureError(f"{encoder.signature()['name']} reads {encoder.reads}, not text. Use extract.")
    name = store.open(encoder)
    store.sweep()
    distinct = list(dict.fromkeys(texts))
    todo = [t for t in distinct if not store.has(name, text_key(t))]
    tally = Tally(kept=len(distinct) - len(todo))
    for start in range(0, len(todo), size):
        piece = todo[start : start + size]
        for text, streams in zip(piece, encoder(piece), strict=True):
            store.put(name, text_key(text), streams)
        tally += Tally(made=len(piece))
        if progress:
            progress(tally, len(distinct))
    return tally


def _units(clips: Iterable[Clip]) -> list[Clip]:
    """The distinct stretches of single recordings in `clips`: a clip with a foreign sound track is two of them."""
    units: dict[Clip, None] = {}
    for clip in clips:
        same = clip.video and clip.audio and clip.video.id == clip.audio.id
        for unit in [clip] if same else [replace(clip, audio=None), replace(clip, video=None)]:
            if {unit.video, unit.audio} - {None, BLANK}:
                units[unit] = None
    return list(units)


def _one(clip: Clip, encoders: Sequence[Any], store: FeatureStore) -> Tally:
    """One clip through all encoders that lack it, decoded once for those that look at the same moments."""
    blank = clip.video == BLANK
    where = {id(e): BLANK.id if blank else key(clip, e.reads) for e in encoders}
    todo = [e for e in encoders if where[id(e)] and not store.has(e.signature()["name"], where[id(e)])]
    if not todo:
        return Tally(kept=int(not blank and any(where.values())))
    seconds = 0.0
    try:
        for media, users in _decoded(clip, todo):
            seconds = max(seconds, media.duration)
            for encoder in users:
                missing = _missing(media, encoder.reads)
                given = _stand_in(media, encoder) if missing else media
                (streams,) = encoder([given])
                store.put(encoder.signature()["name"], where[id(encoder)], streams, absent=missing)  # type: ignore[arg-type]
    except StoreWriteError:
        raise
    except LookhearError as error:
        return Tally(failed=((clip.id, str(error)),))
    return Tally() if blank else Tally(made=1, seconds=seconds)


def _decoded(clip: Clip, encoders: Sequence[Any]) -> Iterator[tuple[Media, list[Any]]]:
    """The clip decoded as few times as its encoders allow; those that only listen join any that look."""
    groups: dict[Any, list[Any]] = {}
    for encoder in sorted(encoders, key=lambda e: e.reads):  # frames before waveform
        listens = encoder.reads == "waveform"
        same = (
            s for s in groups if s == encoder.sampling or (listens and s.sample_rate == encoder.sampling.sample_rate)
        )
        groups.setdefault(next(same, encoder.sampling), []).append(encoder)
    for sampling, users in groups.items():
        sides = {e.reads for e in users}
        looks, listens = "frames" in sides, "waveform" in sides
        yield _media(clip, sampling, looks, listens), users


def _media(clip: Clip, sampling: Any, looks: bool, listens: bool) -> Media:
    """The sides of a clip that are needed; where its file lacks that track, the other, which knows how long it is."""
    try:
        return decode(
            replace(clip, video=clip.video if looks else None, audio=clip.audio if listens else None), sampling
        )
    except MediaError:
        source = clip.video or clip.audio
        media = decode(replace(clip, video=source, audio=source), sampling)
        if (looks and media.frames is not None) or (listens and media.waveform is not None):
            raise
        return media


def _missing(media: Media, reads: str) -> bool:
    return getattr(media, reads) is None


def _stand_in(media: Media, encoder: Any) -> Media:
    """Black or silence as long as the clip, for what is kept in place of a track that is not there."""
    return decode(Clip(BLANK, BLANK, 0.0, max(media.duration, 1.0)), encoder.sampling)


def _one_by_one(clips: Sequence[Clip], encoders: Sequence[Any], store: FeatureStore) -> Iterator[Tally]:
    for clip in clips:
        yield _one(clip, encoders, store)


def _spread(clips: Sequence[Clip], encoders: Sequence[Any], store: FeatureStore, workers: int) -> Iterator[Tally]:
    """The same in `workers` processes. Where a process dies, the clips it may have died of are tried again alone."""
    if store.root is None:
        raise FeatureError("A store in memory cannot be filled by several workers. Give it a folder, or workers=1.")
    setup = pickle.dumps((list(encoders), str(store.root)))
    waiting = list(reversed(clips))
    while waiting:
        lost: list[Clip] = []
        yield from _pool(waiting, workers, setup, lost)
        for clip in lost:
            deadly: list[Clip] = []
            yield from _pool([clip], 1, setup, deadly)
            yield from (Tally(failed=((c.id, "the process that read it died (out of memory?)"),)) for c in deadly)


def _pool(waiting: list[Clip], workers: int, setup: bytes, lost: list[Clip]) -> Iterator[Tally]:
    """Work off `waiting` from its end; stop when a process dies, with the clips then under way in `lost`."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (setup,)) as pool:
        running: dict[Future, Clip] = {}
        while running or (waiting and not lost):
            while waiting and not lost and len(running) < 2 * workers:
                clip = waiting.pop()
                try:
                    running[pool.submit(_work, clip)] = clip
                except BrokenProcessPool:
                    lost.append(clip)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                clip = running.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    lost.append(clip)


_job: tuple[list[Any], FeatureStore]  # what a worker process was started for


def _start_worker(setup: bytes) -> None:
    global _job
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    encoders, root = pickle.loads(setup)
    _job = encoders, FeatureStore(root)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _work(clip: Clip) -> Tally:
    return _one(clip, *_job)


def _log(store: FeatureStore, done: Tally) -> None:
    """Append failures to the ledger, one JSON line each."""
    if not done.failed or store.root is None:
        return
    try:
        with (store.root / "ledger.jsonl").open("a", encoding="utf-8") as ledger:
            ledger.writelines(json.dumps({"clip": c, "reason": r}, ensure_ascii=False) + "\n" for c, r in done.failed)
    except OSError as error:
        raise StoreWriteError(
            f"Cannot write {str(store.root / 'ledger.jsonl')!r}: {error.strerror}. Check permissions and free space."
        ) from None
