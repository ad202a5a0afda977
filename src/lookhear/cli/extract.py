"""lookhear extract: fill a feature store from a dataset's clips and questions."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookhear.errors import RecipeError
from lookhear.files import dumps
from lookhear.progress import Bars, bars

if TYPE_CHECKING:
    from lookhear.store.extract import Tally
    from lookhear.types import Example


def extract(
    encoders: Annotated[list[str], typer.Argument(help="Names (`lookhear list encoders`), with settings after @.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations and media.")],
    out: Annotated[Path, typer.Option(help="Folder of the feature store; run again to resume.")],
    split: Annotated[list[str] | None, typer.Option(help="Only these splits (repeatable).")] = None,
    workers: Annotated[int, typer.Option(help="Processes that decode and encode, one thread each.")] = 1,
    shard: Annotated[str, typer.Option(help="i/n: this machine's part, 0/4 to 3/4 for four machines.")] = "0/1",
    engine: Annotated[
        str, typer.Option(help="local, or ray: Ray Data here or on the cluster that RAY_ADDRESS names.")
    ] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, no progress.")] = False,
) -> None:
    """Encode every clip (and question) of a dataset once; exit code 1 if any clip failed.

    Example: lookhear extract stage_vision stage_audio stage_text --dataset soundstage --root stage --out stage/features
    Settings follow an @: lookhear extract clip@weights=openai/clip-vit-large-patch14-336,precision=fp16 …
    """
    from lookhear.store.nursery import nursery

    part = _shard(shard)
    examples = _examples(dataset, root, split)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # also for a single process; read when torch is imported
    if workers > 1 and engine == "local":
        nursery()  # imports torch for the workers while this process does
    from lookhear.store import extract as work
    from lookhear.store.features import FeatureStore
    from lookhear.store.names import build_encoder

    built = [build_encoder(name) for name in encoders]
    store = FeatureStore(out)
    media = [e for e in built if e.reads != "text"]
    tally, start = work.Tally(), time.perf_counter()
    if media:
        clips = list(dict.fromkeys(e.clip for e in examples))
        with bars(as_json) as bar:
            address = os.environ.get("RAY_ADDRESS")
            tally += work.extract(clips, media, store, workers, part, _told(bar, "clips"), engine, address)
    for encoder in (e for e in built if e.reads == "text"):
        with bars(as_json) as bar:
            tally += work.extract_texts((e.question for e in examples), encoder, store, _told(bar, "texts"))
    took = time.perf_counter() - start
    if as_json:
        facts = {"made": tally.made, "kept": tally.kept, "failed": [list(f) for f in tally.failed]}
        print(dumps(facts | {"seconds": round(took, 1), "media_seconds": round(tally.seconds, 1), "store": str(out)}))
    else:
        for clip, reason in tally.failed[:10]:
            print(f"failed: {clip}: {reason}")
        if len(tally.failed) > 10:
            print(f"… and {len(tally.failed) - 10} more in {out / 'ledger.jsonl'}")
        rate = f", {tally.seconds / took:.0f} x real time" if tally.seconds else ""
        counts = f"{tally.made} made, {tally.kept} already there, {len(tally.failed)} failed"
        print(f"{counts} in {took:.0f} s{rate}. Store: {out}")
    if tally.failed:
        raise typer.Exit(1)


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found:
        raise RecipeError(f"Shard {text!r} is not of the form i/n, as 0/4 for the first of four.")
    return int(found[1]), int(found[2])


def _examples(dataset: str, root: Path, split: list[str] | None) -> list[Example]:
    """The examples of the given splits, or of all splits that exist."""
    from lookhear import datasets

    if not split and root.is_dir():
        split = datasets.of(dataset).splits(root)
    return [e for name in split or ("train", "val", "test") for e in datasets.load(dataset, root, name)]


def _told(bar: Bars, what: str) -> Callable[[Tally, int], None]:
    """Callback that updates the bar `what` from a tally, with rate and failures."""
    start = time.perf_counter()

    def tell(tally: Tally, total: int) -> None:
        rate = tally.made / max(time.perf_counter() - start, 1e-6)
        note = f"{rate:.1f}/s" + (f", {len(tally.failed)} failed" if tally.failed else "")
        bar.show(what, tally.made + tally.kept + len(tally.failed), total, note)

    return tell
