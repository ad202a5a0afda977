"""Metrics of all tasks with 95 % intervals, and scores by class.

    measured(examples, answers) ─▶ "localisation/arig" ─▶ "iou" ─▶ Measured(value, interval, total)

Examples are scored by task, and by form if a task has several. Intervals are bootstrap percentiles over videos: a
task's `pooled` gives each metric as sums over clips, and a resample reweights these sums.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lookhear import statistics, tasks
from lookhear.evaluate import pairs
from lookhear.pooled import Pooled, Ratio
from lookhear.types import Answer, Example


@dataclass(frozen=True)
class Measured:
    """A metric's value, its 95 % interval, the number of examples, and the score of empty replies (`mute`)."""

    value: float
    interval: tuple[float, float]
    total: int
    mute: float = math.nan

    def to_json(self) -> dict[str, Any]:
        edges = [plain(edge) for edge in self.interval]
        return {"value": plain(self.value), "interval": edges, "total": self.total, "mute": plain(self.mute)}


@dataclass(frozen=True)
class Score:
    """Accuracy in percent with its 95 % interval."""

    correct: int
    total: int
    accuracy: float
    interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        return {
            "correct": self.correct,
            "total": self.total,
            "accuracy": plain(self.accuracy),
            "interval": [plain(edge) for edge in self.interval],
        }


class Scored(Protocol):
    """The input of a table: a `Report`, or another object with these scores."""

    @property
    def answers(self) -> Sequence[Answer]: ...

    @property
    def overall(self) -> Score | None: ...

    @property
    def groups(self) -> Mapping[str, Score]: ...

    @property
    def types(self) -> Mapping[str, Score]: ...

    @property
    def card(self) -> Mapping[str, Any]: ...

    @property
    def metrics(self) -> Mapping[str, Mapping[str, Measured]]: ...

    @property
    def classes(self) -> Mapping[str, Mapping[str, Mapping[str, float]]]: ...

    @property
    def parts(self) -> Mapping[str, Scored]: ...


def kind_of(example: Example) -> str:
    """Kind of an example: its task, and its form if the task has several."""
    form = example.meta.get("form")
    return f"{example.task}/{form}" if form else example.task


def kinds(examples: Sequence[Example]) -> dict[str, list[int]]:
    """Kind -> indices of its examples, in order of appearance."""
    places: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        places.setdefault(kind_of(example), []).append(place)
    return places


def right(examples: Sequence[Example], answers: Sequence[Answer]) -> np.ndarray | None:
    """bool (question,): correctness by the rules of the tasks; None if a task has no such rule."""
    rules = {task: tasks.find(task).right for task in {example.task for example in examples}}
    hits = np.zeros(len(examples), bool)
    for i, (example, answer) in enumerate(zip(examples, answers, strict=True)):
        rule = rules[example.task]
        if rule is None:
            return None
        hits[i] = rule(answer, example.truth)
    return hits


def pooled(kind: str, examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, Pooled]:
    """The metrics of a kind of task as sums over examples; all examples must be of this kind."""
    task, _, form = kind.partition("/")
    references = [e.reference or Answer() for e in examples]
    return dict(tasks.find(task).pooled(answers, references, form))


def main_of(kind: str, names: Collection[str]) -> str:
    """The metric that stands for a kind of task, among the `names` that could be computed: its main one, or the first.

    J of a localisation is missing without masks.
    """
    main = tasks.main_metric(kind)
    return main if main in names else next(iter(names))


def measured(
    examples: Sequence[Example],
    answers: Sequence[Answer],
    clusters: np.ndarray,
    resamples: int = statistics.RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, Measured]]:
    """Kind of task -> metric -> value and interval; `clusters` (example,) numbers the video of each example.

    Questions about twins also have pair scores.
    """
    by_kind = {}
    for kind, places in kinds(examples).items():
        chosen = [examples[i] for i in places], [answers[i] for i in places]
        metrics = pooled(kind, *chosen)
        edges = statistics.intervals(list(metrics.values()), clusters[places], resamples, seed)
        nothing = pooled(kind, chosen[0], [Answer()] * len(places))
        by_kind[kind] = {
            name: Measured(metric.total, edge, _counted(metric), mute(name, nothing[name].total))
            for (name, metric), edge in zip(metrics.items(), edges, strict=True)
        }
        twins = pairs.scores(*chosen)
        by_kind[kind] |= {name: Measured(one.value, one.interval, one.total) for name, one in twins.items()}
    return by_kind


def mute(metric: str, value: float) -> float:
    """Score of empty replies on a metric; nan for `unread`."""
    return math.nan if metric == "unread" else value


def by_class(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, dict[str, dict[str, float]]]:
    """Kind of task -> class -> column -> number, for the kinds that have classes."""
    by_kind = {}
    for kind, places in kinds(examples).items():
        task, _, form = kind.partition("/")
        table = tasks.by_class(task)
        if table is not None:
            references = [examples[i].reference or Answer() for i in places]
            by_kind[kind] = table([answers[i] for i in places], references, form)
    return by_kind


def plain(number: float) -> float | None:
    """The number rounded to 4 digits; None for nan, which JSON does not have."""
    return None if math.isnan(number) else round(number, 4)


def rounded(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """A table of scores by class as JSON values."""
    return {label: {name: plain(value) for name, value in row.items()} for label, row in table.items()}


def _counted(metric: Pooled) -> int:
    return int(metric.counted.sum()) if isinstance(metric, Ratio) else len(metric.rows)
