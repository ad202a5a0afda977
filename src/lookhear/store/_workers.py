"""Extraction in several local processes, one thread each."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from lookhear.errors import FeatureError
from lookhear.processes import end_with_parent
from lookhear.store._unit import Tally, encode_clip
from lookhear.store.features import FeatureStore
from lookhear.store.nursery import nursery
from lookhear.types import Clip


def spread(clips: Sequence[Clip], encoders: Sequence[Any], store: FeatureStore, workers: int) -> Iterator[Tally]:
    """Encode `clips` in `workers` processes. If a process dies, the clips in progress are retried one by one."""
    setup, waiting = packed(encoders, store), list(reversed(clips))
    while waiting:
        lost: list[Clip] = []
        yield from _pool(waiting, workers, setup, lost)
        for clip in lost:
            deadly: list[Clip] = []
            yield from _pool([clip], 1, setup, deadly)
            yield from (Tally(failed=((c.id, "the process that read it died (out of memory?)"),)) for c in deadly)


def packed(encoders: Sequence[Any], store: FeatureStore) -> bytes:
    """Pickled setup of a worker. Raises FeatureError for an in-memory store, which processes cannot share."""
    if store.root is None:
        raise FeatureError("A store in memory cannot be filled by several workers. Give it a folder, or workers=1.")
    return pickle.dumps((list(encoders), str(store.root.absolute())))


def _pool(waiting: list[Clip], workers: int, setup: bytes, lost: list[Clip]) -> Iterator[Tally]:
    """Process `waiting` from its end; stop when a process dies, with the clips then in progress in `lost`."""
    with ProcessPoolExecutor(workers, nursery(), _start, (setup,)) as pool:
        running: dict[Future, Clip] = {}
        while running or (waiting and not lost):
            while waiting and not lost and len(running) < 2 * workers:
                clip = waiting.pop()
                try:
                    running[pool.submit(work, clip)] = clip
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


_job: tuple[list[Any], FeatureStore]  # setup of this worker process


def _start(setup: bytes) -> None:
    end_with_parent()
    begin(setup)


def begin(setup: bytes) -> None:
    """Make this process a worker."""
    global _job
    import torch

    torch.set_num_threads(1)
    encoders, root = pickle.loads(setup)
    _job = encoders, FeatureStore(root)


def work(clip: Clip) -> Tally:
    return encode_clip(clip, *_job)
