"""Metrics as functions of sums over examples, so that a bootstrap only reweights the same rows.

    Pooled(rows (example, column), value) ── sum over examples ──▶ sums (column) ── value ──▶ a number

Accuracy is correct over total, UAR a mean of ratios of counts, BLEU a function of ten counts. Every metric is a
function of such sums, so a bootstrap resample is a weighted sum of the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Pooled:
    """One metric of a list of examples. `value` maps sums (…, column) to numbers (…), nan without examples."""

    rows: np.ndarray  # (example, column)
    value: Callable[[np.ndarray], np.ndarray]

    @property
    def total(self) -> float:
        """The metric of all examples."""
        return float(self.value(self.rows.sum(axis=0)))


@dataclass(frozen=True, eq=False)
class Ratio(Pooled):
    """A metric that is the ratio of two sums."""

    @property
    def counted(self) -> np.ndarray:
        """bool (example,): the examples that the metric applies to."""
        return self.rows[:, 1] != 0


def mean(values: Sequence[float] | np.ndarray, counted: Sequence[bool] | np.ndarray | None = None) -> Ratio:
    """100 times the mean of `values` (example,) over the examples that are `counted`."""
    return ratio(values, np.ones(len(values)) if counted is None else counted)


def ratio(above: Sequence[float] | np.ndarray, below: Sequence[float] | np.ndarray, scale: float = 100) -> Ratio:
    """The sum of `above` divided by the sum of `below`, times `scale`; examples with `below` = 0 do not count."""
    below = np.asarray(below, dtype=float)
    above = np.where(below != 0, np.nan_to_num(np.asarray(above, dtype=float)), 0.0)
    return Ratio(
        np.stack([above, below], axis=1).reshape(-1, 2), lambda sums: scale * _over(sums[..., 0], sums[..., 1])
    )


def totals(metrics: Mapping[str, Pooled]) -> dict[str, float]:
    """Name -> value of the metric over all examples."""
    return {name: metric.total for name, metric in metrics.items()}


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)
