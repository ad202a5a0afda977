"""Extraction on Ray Data: a pool of actors on this machine or a cluster, each with the encoders loaded once.

Clips are sent to the actors; each actor writes features into the store. On a cluster, the store and the media must be
in folders that all machines can reach. The stored features equal those of local extraction.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.errors import DependencyError
from lookhear.store._unit import Tally
from lookhear.store._workers import begin, packed, work
from lookhear.store._workers import spread as here
from lookhear.store.cluster import connected
from lookhear.store.features import FeatureStore
from lookhear.types import Clip

BLOCK = 8  # most clips per task: large enough to amortise a task, small enough for an even load at the end


class _Actor:
    """A Ray actor: from rows of pickled clips to rows of pickled tallies."""

    def __init__(self, setup: bytes):
        begin(setup)

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        clips = [pickle.loads(row) for row in rows["clip"]]
        return {"id": rows["id"], "tally": [pickle.dumps(work(clip)) for clip in clips]}


def spread(
    clips: Sequence[Clip], encoders: Sequence[Any], store: FeatureStore, workers: int, address: str | None
) -> Iterator[Tally]:
    """Encode `clips` with `workers` actors. Clips lost with a dead actor are retried in local processes."""
    setup = packed(encoders, store)
    with connected(workers, address) as ray:
        _library()
        done = set()
        with contextlib.suppress(ray.exceptions.RayError):  # all actors died: the rest is done locally
            for number, tally in _rows(ray, clips, setup, workers):
                done.add(number)
                yield tally
        yield from here([clip for i, clip in enumerate(clips) if i not in done], encoders, store, workers)


def _rows(ray: Any, clips: Sequence[Clip], setup: bytes, workers: int) -> Iterator[tuple[int, Tally]]:
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # `extract` reports progress
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars, context.print_on_execution_start = False, False
    context.max_errored_blocks = -1  # a failed block must not stop the others
    size = max(1, min(BLOCK, len(clips) // (4 * workers)))
    table = [{"id": i, "clip": pickle.dumps(_anywhere(clip))} for i, clip in enumerate(clips)]
    blocks = ray.data.from_items(table, override_num_blocks=-(-len(table) // size))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`ray_remote_args`")  # deprecated in Ray 2.64 without a replacement
        results = blocks.map_batches(
            _Actor,
            fn_constructor_args=(setup,),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(clips))),
            num_cpus=1,
            max_restarts=0,  # a restarted actor would die again
        )
    for row in results.iter_rows():
        yield row["id"], pickle.loads(row["tally"])


def _anywhere(clip: Clip) -> Clip:
    """The clip with absolute paths."""
    sides = (clip.video, clip.audio)
    video, audio = (s and replace(s, path=s.path and Path(s.path).absolute()) for s in sides)
    return replace(clip, video=video, audio=audio)


def _library() -> None:
    try:
        import ray.data  # noqa: F401
    except ImportError:
        raise DependencyError(
            "Extraction on Ray needs Ray Data. Install it with: pip install 'lookhear[ray]', or use --engine local."
        ) from None
