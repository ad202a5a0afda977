"""Every metric of every task with its 95 % interval, and classes apart: what a task's own scoring says of answers.

    measured(examples, answers) ─▶ "localisation/arig" ─▶ "iou" ─▶ Measured(value, interval, total)

Examples are scored task by task, and form by form where a task has several. Intervals are percentiles over redrawn
videos: a task's `pooled` gives each metric as sums over clips, and a redrawing is other weights of these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lookhear import statistics, tasks
from lookhear.evaluate import pairs
from lookhear.pooled import Pooled, Ratio
from lookhear.types import Answer, Example

RIGHT_OR_WRONG = ("question_answering", "action_recognition", "emotion_recognition", "cross_modal_matching")
MAIN = {  # the one number of a task, or of a form of it, that a table of many tasks has room for
    "question_answering": "accuracy",
    "action_recognition": "accuracy",
    "emotion_recognition": "war",
    "cross_modal_matching": "accuracy",
    "event_localisation": "segment/audio-visual",
    "event_localisation/ave": "accuracy",
    "event_localisation/llp": "segment/type",
    "localisation": "J",
    "localisation/arig": "iou",
    "captioning": "cider_d",
    "tagging": "f1/heard",
}


@dataclass(frozen=True)
class Measured:
    """A metric's value, its 95 % interval, over how many examples, and what a reply of nothing scores (`mute`)."""

    value: float
    interval: tuple[float, float]
    total: int
    mute: float = math.nan

    def to_json(self) -> dict[str, Any]:
        edges = [plain(edge) for edge in self.interval]
        return {"value": plain(self.value), "interval": edges, "total": self.total, "mute": plain(self.mute)}


@dataclass(frozen=True)
class Score:
    """How many were right, in percent, and the 95 % interval of that percentage."""

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
    """What a table is made from: a `Report`, or whatever else has been scored."""

    answers: Sequence[Answer]
    overall: Score | None
    groups: Mapping[str, Score]
    types: Mapping[str, Score]
    card: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Measured]]
    classes: Mapping[str, Mapping[str, Mapping[str, float]]]


def kind_of(example: Example) -> str:
    """What an example is scored as: its task, and the form of it where there are several."""
    form = example.meta.get("form")
    return f"{example.task}/{form}" if form else example.task


def kinds(examples: Sequence[Example]) -> dict[str, list[int]]:
    """Kind -> places of its examples, in order of appearance."""
    places: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        places.setdefault(kind_of(example), []).append(place)
    return places


def main_metric(kind: str) -> str:
    """The one metric that stands for a kind of task."""
    return MAIN.get(kind) or MAIN[kind.partition("/")[0]]


def pooled(kind: str, examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, Pooled]:
    """The metrics of a kind of task as sums over examples that are all of this kind."""
    task, _, form = kind.partition("/")
    references = [e.reference or Answer() for e in examples]
    return tasks.find(task).pooled(answers, references, form)


def measured(
    examples: Sequence[Example],
    answers: Sequence[Answer],
    clusters: np.ndarray,
    resamples: int = statistics.RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[str, Measured]]:
    """Kind of task -> metric -> value and interval; `clusters` (example,) numbers the video of each example.

    Questions about twins have the scores of pairs as well.
    """
    found = {}
    for kind, places in kinds(examples).items():
        some = [examples[i] for i in places], [answers[i] for i in places]
        metrics = pooled(kind, *some)
        edges = statistics.intervals(list(metrics.values()), clusters[places], resamples, seed)
        nothing = pooled(kind, some[0], [Answer()] * len(places))
        found[kind] = {
            name: Measured(metric.total, edge, _counted(metric), mute(name, nothing[name].total))
            for (name, metric), edge in zip(metrics.items(), edges, strict=True)
        }
        twins = pairs.scores(*some)
        found[kind] |= {name: Measured(one.value, one.interval, one.total) for name, one in twins.items()}
    return found


def mute(metric: str, value: float) -> float:
    """What a reply of nothing scores on a metric; of `unread` that says nothing, so nan."""
    return math.nan if metric == "unread" else value


def by_class(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, dict[str, dict[str, float]]]:
    """Kind of task -> class -> column -> number, for the kinds that have classes."""
    found = {}
    for kind, places in kinds(examples).items():
        task, _, form = kind.partition("/")
        module = tasks.find(task)
        if hasattr(module, "by_class"):
            references = [examples[i].reference or Answer() for i in places]
            found[kind] = module.by_class([answers[i] for i in places], references, form)
    return found


def plain(number: float) -> float | None:
    """Rounded, and None where there is nothing to divide by: JSON knows no nan."""
    return None if math.isnan(number) else round(number, 4)


def rounded(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """A table by class as JSON holds it."""
    return {label: {name: plain(value) for name, value in row.items()} for label, row in table.items()}


def _counted(metric: Pooled) -> int:
    return int(metric.counted.sum()) if isinstance(metric, Ratio) else len(metric.rows)
