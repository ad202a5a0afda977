"""A line of the robustness card: a change of accuracy, its 95 % interval clustered by video, and the verdict.

Rule of the verdict for a removed input (other lines use other names for the verdicts):

    not used      all answers and scores are unchanged
    used          accuracy falls: the interval of its change is below zero
    hardly used   the same, but the fall is smaller than the margin
    misleads      accuracy rises: the interval is above zero
    not used      the interval is within ± the margin
    cannot tell   none of these; more questions are needed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.metrics.answers import correct
from lookhear.types import Answer, Example

MARGIN = 2.0  # percentage points within which a change counts as none
UNSURE = "cannot tell"
NOT_DONE = "not done"
SAME = 1e-5  # probabilities that differ by less are the same


@dataclass(frozen=True)
class Words:
    """Names of the verdict if accuracy falls, rises or stays."""

    falls: str
    rises: str
    stays: str


@dataclass(frozen=True)
class Line:
    """One finding. `before` and `after` are in percent, `change` in points with its 95 % `interval`."""

    name: str
    section: str
    title: str
    verdict: str
    sentence: str
    questions: int = 0
    before: float | None = None
    after: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None
    groups: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)  # group -> change, low, high

    def to_json(self) -> dict[str, Any]:
        """JSON values; numbers that were not measured are null."""
        rounded = {k: None if v is None else round(v, 4) for k, v in self._numbers().items()}
        interval = None if self.interval is None else [round(edge, 4) for edge in self.interval]
        groups = {g: dict(zip(("change", "low", "high"), map(_four, v), strict=True)) for g, v in self.groups.items()}
        words = {"name": self.name, "section": self.section, "title": self.title, "verdict": self.verdict}
        told = {"sentence": self.sentence, "questions": self.questions}
        return {**words, **told, **rounded, "interval": interval, "groups": groups}

    def _numbers(self) -> dict[str, float | None]:
        return {"before": self.before, "after": self.after, "change": self.change}


def rightness(examples: Sequence[Example], answers: Sequence[Answer]) -> np.ndarray:
    """1.0 for each answer that is right, else 0.0."""
    return np.array([float(correct(a, e.reference)) for e, a in zip(examples, answers, strict=True)])  # type: ignore[arg-type]


def paired(before: np.ndarray, after: np.ndarray, clusters: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Changes from `before` to `after` (question,) in points, (column, 3): mean, low, high over columns of `inside`."""
    gaps = after - before
    edges = 100 * statistics.bootstrap(gaps, clusters, inside)
    means = [100 * gaps[column].mean() if column.any() else np.nan for column in inside.T]
    for i, column in enumerate(inside.T):
        if column.any() and np.ptp(gaps[column]) == 0:  # no spread to resample: the exact bound, as for bools
            reach = 100 * (1 - 0.025 ** (1 / len(np.unique(clusters[column]))))
            edges[i] = means[i] - reach, means[i] + reach
    return np.column_stack([means, edges])


def decide(interval: tuple[float, float], words: Words, margin: float = MARGIN) -> str:
    """The verdict from the interval of a change."""
    low, high = interval
    if high < 0:
        return words.falls
    if low > 0:
        return words.rises
    return words.stays if -margin <= low and high <= margin else UNSURE


def unchanged(before: Sequence[Answer], after: Sequence[Answer]) -> bool:
    """Whether all answers have scores, and all answers and scores are equal."""
    return all(
        a.text == b.text
        and bool(a.scores)
        and a.scores.keys() == b.scores.keys()
        and all(abs(score - b.scores[text]) < SAME for text, score in a.scores.items())
        for a, b in zip(before, after, strict=True)
    )


def plus_minus(change: float, interval: tuple[float, float]) -> str:
    """`12.3 ± 2.1 points`: the size of a change and half the width of its interval."""
    return f"{abs(change) + 0:.1f} ± {(interval[1] - interval[0]) / 2:.1f} points"


def not_done(name: str, section: str, title: str, reason: str) -> Line:
    """The line of a measurement that was not possible, with the reason."""
    return Line(name, section, title, NOT_DONE, f"{title}: not done. {reason}")


def _four(value: float) -> float:
    return round(float(value), 4)
