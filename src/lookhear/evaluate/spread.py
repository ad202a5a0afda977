"""Answer questions on a Ray cluster: each task loads the model once per process and answers about some clips.

A part whose node dies is answered on another. Where Ray gives a part up, its questions are not answered, and the report
says so. Media and features must be in folders that all machines can reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.errors import ModelError, RecipeError
from lookhear.evaluate.run import UNANSWERED, Part, Spread, answered
from lookhear.model import Storing, load
from lookhear.store import cluster
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Example, Source

DIED = "the processes that answered it died (out of memory?)"


def on_ray(model: str, store: Path | None, given: Mapping[str, Any], workers: int, address: str | None) -> Spread:
    """A `spread` for `run`: a model by its name or folder, with the options of `load`, and the store's folder."""
    if store is None:
        raise RecipeError("Several machines share features through a folder: give --store FOLDER.")
    name = str(Path(model).absolute()) if Path(model).exists() else model
    which = (name, str(store.absolute()), tuple(sorted(given.items())))

    def spread(parts: Sequence[Sequence[Example]]) -> Iterator[tuple[int, Part]]:
        there = [(which, [_anywhere(example) for example in part]) for part in parts]
        return cluster.spread(_answered, there, workers, address, _unanswered_part)

    return spread


_loaded: dict[Any, Any] = {}  # of this process: a model is loaded once


def _answered(task: tuple[Any, list[Example]]) -> Part:
    which, examples = task
    if which not in _loaded:
        name, store, given = which
        features = FeatureStore(Path(store), cache=True)
        model = load(name, features, **dict(given))
        _loaded[which] = model.using(features) if isinstance(model, Storing) else model
    return answered(_loaded[which], examples)


def _unanswered_part(task: tuple[Any, list[Example]]) -> Part:
    return [Answer(notes=(UNANSWERED + DIED,)) for _ in task[1]], ModelError(f"Not answered: {DIED}.")


def _anywhere(example: Example) -> Example:
    """The example with absolute paths."""

    def absolute(source: Source | None) -> Source | None:
        return source and replace(source, path=source.path and Path(source.path).absolute())

    clip = example.clip
    return replace(example, clip=replace(clip, video=absolute(clip.video), audio=absolute(clip.audio)))
