"""Fill a feature store: every clip decoded once, through frozen encoders, in as many processes as asked for.

The unit of work is the clip. What is complete in the store is kept, so a run that was killed goes on where it was.
A clip that cannot be read is written to `<store>/ledger.jsonl` and counted; the others are done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lookhear.errors import FeatureError, RecipeError
from lookhear.store import _ray, _workers
from lookhear.store._unit import Tally, one, units
from lookhear.store.features import FeatureStore, StoreWriteError, text_key
from lookhear.types import BLANK, Clip

__all__ = ["Tally", "extract", "extract_texts"]

ENGINES = ("local", "ray")
BLANK_SECONDS = 2.0  # black and silence are kept this long and repeated to the length that is needed


def extract(
    clips: Iterable[Clip],
    encoders: Sequence[Any],
    store: FeatureStore,
    workers: int = 1,
    shard: tuple[int, int] = (0, 1),
    progress: Callable[[Tally, int], None] | None = None,
    engine: str = "local",
    address: str | None = None,
) -> Tally:
    """Encode what `store` lacks of `clips`, and black and silence once; `encoders` are built encoders of media.

    `shard=(i, n)` does every n-th clip from the i-th, for n machines that share the work. `progress` is called after
    each clip with the tally so far and the number of clips. `engine` "ray" gives the work to Ray Data instead of
    processes of its own: to a cluster at `address`, or to one it starts here. Raises FeatureError where features of
    another make are in the way; a clip that fails is in the tally's `failed`, not raised.
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
    store.sweep()
    todo = units(clips)[index::count]
    total = len(todo)
    todo = [Clip(BLANK, BLANK, 0.0, BLANK_SECONDS), *todo]
    if engine == "ray":
        work = _ray.spread(todo, encoders, store, workers, address)
    elif workers > 1:
        work = _workers.spread(todo, encoders, store, workers)
    else:
        work = (one(clip, encoders, store) for clip in todo)
    tally = Tally()
    for done in work:
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
