"""Multi-task transfer: positive-transfer rate and net score (Crab+, 2026, figures 1, 6 and 10).

A task gains if the model trained on all tasks scores higher than the model trained on it alone. The positive-transfer
rate is the percentage of tasks that gain; the net score is that rate minus the percentage of tasks that lose. The
papers also count differences within the noise of seeds and clips; `clear` counts only those whose interval excludes
zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.errors import DatasetError


@dataclass(frozen=True)
class Change:
    """One task's score trained together minus its score trained alone: mean over seeds and its 95 % interval."""

    alone: float
    together: float
    difference: float
    interval: tuple[float, float]

    @property
    def clear(self) -> int:
        """1 for a gain, -1 for a loss, 0 if the interval contains zero or is nan."""
        low, high = self.interval
        return 1 if low > 0 else -1 if high < 0 else 0


@dataclass(frozen=True)
class Transfer:
    """Task -> change, and the percentages of tasks that gain and lose."""

    changes: Mapping[str, Change]

    @property
    def gained(self) -> float:
        """Positive-transfer rate: percentage of tasks whose mean is higher when trained together."""
        return self._share(lambda change: change.difference > 0)

    @property
    def lost(self) -> float:
        """Percentage of tasks whose mean is lower when trained together."""
        return self._share(lambda change: change.difference < 0)

    @property
    def net(self) -> float:
        """Net score: percentage gained minus percentage lost."""
        return self.gained - self.lost

    def to_json(self) -> dict[str, Any]:
        clear = [change.clear for change in self.changes.values()]
        return {
            "gained": round(self.gained, 2),
            "lost": round(self.lost, 2),
            "net": round(self.net, 2),
            "clear_gains": clear.count(1),
            "clear_losses": clear.count(-1),
            "tasks": {
                name: {
                    "alone": round(c.alone, 3),
                    "together": round(c.together, 3),
                    "difference": round(c.difference, 3),
                    "interval": [None if np.isnan(edge) else round(edge, 3) for edge in c.interval],
                }
                for name, c in self.changes.items()
            },
        }

    def _share(self, holds: Any) -> float:
        return 100 * sum(map(holds, self.changes.values())) / len(self.changes)


def transfer(
    alone: Mapping[str, Sequence[float]],
    together: Mapping[str, Sequence[float]],
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> Transfer:
    """Transfer from task -> scores by seed (higher is better), with equal order of seeds on both sides.

    Intervals are t-intervals of the mean over seeds (nan for one seed), unless `intervals` are given, such as those
    over clips from `statistics.paired`. Raises DatasetError if a task is missing on one side.
    """
    if not alone or set(alone) != set(together):
        odd = sorted(set(alone) ^ set(together)) or ["no task at all"]
        raise DatasetError(f"Transfer needs every task alone and together; one side lacks {odd[0]!r}.")
    changes = {}
    for name, scores in alone.items():
        gaps = [b - a for a, b in zip(scores, together[name], strict=True)]
        told = statistics.spread(gaps)
        interval = intervals[name] if intervals else (told["low"], told["high"])
        changes[name] = Change(float(np.mean(scores)), float(np.mean(together[name])), told["mean"], interval)
    return Transfer(changes)


def best(methods: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """Method -> percentage of tasks on which its mean over seeds is best (Crab+ figure 10); ties count for each."""
    tasks = next(iter(methods.values()))
    tops = {task: max(float(np.mean(scores[task])) for scores in methods.values()) for task in tasks}
    return {
        name: 100 * sum(float(np.mean(scores[task])) == tops[task] for task in tasks) / len(tasks)
        for name, scores in methods.items()
    }


def sensitivity(base: Mapping[str, float], other: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """(task -> difference to `base` in points, mean of their absolute values) (Crab+ figure 11)."""
    gaps = {task: other[task] - base[task] for task in base}
    return gaps, float(np.mean(np.abs(list(gaps.values()))))
