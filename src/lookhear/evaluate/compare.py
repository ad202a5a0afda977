"""Paired tests between two sets of answers to the same questions, with correction for multiple types.

Differences are paired by question. A side may be several runs of one recipe; the value of a question is then the share
of runs that answered it correctly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.errors import DatasetError
from lookhear.evaluate import scores, tables
from lookhear.evaluate.report import Report, clusters_of, columns_of, membership, places_of_parts
from lookhear.types import Example

ALPHA = 0.05


@dataclass(frozen=True)
class Difference:
    """Difference `ours` - `theirs` in percentage points, with 95 % interval and p-values."""

    ours: float
    theirs: float
    total: int
    difference: float
    interval: tuple[float, float]
    permutation: float  # clustered by video
    mcnemar: float | None  # by question; None if a side has several runs
    holm: float  # the permutation p, corrected within its family: types together, groups together, overall alone

    @property
    def significant(self) -> bool:
        return self.holm < ALPHA

    def to_json(self) -> dict[str, Any]:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()} | {
            "significant": self.significant
        }


@dataclass(frozen=True)
class Comparison:
    """Differences by column (`Overall`, `Audio`, `Audio/Counting`), and the spread over runs of each side.

    `parts` has the differences of `head` and `tail` separately, if the questions are marked.
    """

    differences: Mapping[str, Difference]
    spreads: Mapping[str, Mapping[str, float]]  # "ours" or "theirs" -> statistics.spread of overall accuracy
    left_out: int  # questions that only one side answered
    parts: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "differences": {name: d.to_json() for name, d in self.differences.items()},
            "spreads": {side: dict(spread) for side, spread in self.spreads.items()},
            "left_out": self.left_out,
        } | (
            {"parts": {part: {n: d.to_json() for n, d in some.items()} for part, some in self.parts.items()}}
            if self.parts
            else {}
        )


def compare(ours: Report | Sequence[Report], theirs: Report | Sequence[Report], seed: int = 0) -> Comparison:
    """Paired comparison of two reports, or of two sets of runs, on the questions they all have."""
    sides = [[side] if isinstance(side, Report) else list(side) for side in (ours, theirs)]
    first = sides[0][0]
    scores = [[_by_id(run) for run in runs] for runs in sides]
    everywhere = set.intersection(*(set(run) for runs in scores for run in runs))
    examples = [e for e in first.examples if e.id in everywhere]
    if not examples:
        raise DatasetError("The reports have no question in common. Compare reports on the same dataset and split.")
    for run in [*sides[0], *sides[1]]:
        _same_references(first, run, everywhere)
    a, b = (np.array([[run[e.id] for e in examples] for run in runs], dtype=float).mean(axis=0) for runs in scores)
    single = all(len(runs) == 1 for runs in sides)
    differences = _differences(examples, a, b, single, seed)
    parts = {
        part: _differences([examples[i] for i in some], a[some], b[some], single, seed)
        for part, some in places_of_parts(examples).items()
    }
    spreads = {
        side: statistics.spread([run.overall.accuracy for run in runs if run.overall])
        for side, runs in zip(("ours", "theirs"), sides, strict=True)
        if len(runs) > 1
    }
    asked = set.union(*(set(run) for runs in scores for run in runs))
    return Comparison(differences, spreads, len(asked) - len(examples), parts)


def _differences(
    examples: Sequence[Example], a: np.ndarray, b: np.ndarray, single: bool, seed: int
) -> dict[str, Difference]:
    """Column -> difference; `a` and `b` (question,) are each side's share of runs that answered correctly."""
    names = columns_of(examples)
    inside, clusters = membership(examples, names), clusters_of(examples)
    edges = 100 * statistics.bootstrap(a - b, clusters, inside, seed=seed)
    pvalues = statistics.permutation(a, b, clusters, inside, seed=seed)
    adjusted = _holm(names, pvalues)
    differences = {}
    for i, name in enumerate(names):
        mine, other = 100 * a[inside[:, i]].mean(), 100 * b[inside[:, i]].mean()
        differences[name] = Difference(
            float(mine),
            float(other),
            int(inside[:, i].sum()),
            float(mine - other),
            (float(edges[i, 0]), float(edges[i, 1])),
            float(pvalues[i]),
            statistics.mcnemar(a[inside[:, i]] > 0.5, b[inside[:, i]] > 0.5) if single else None,
            adjusted[name],
        )
    return _ordered(differences)


def table(found: Comparison, format: str = "text", names: tuple[str, str] = ("ours", "theirs")) -> str:
    """One line per type, group and overall; differences significant after correction are starred (or bold).

    Head and tail follow in separate tables, each with its own correction.
    """
    tables_ = {"": found.differences, **found.parts}
    return "\n\n".join(_table(part, some, format, names) for part, some in tables_.items())


def _table(part: str, found: Mapping[str, Difference], format: str, names: tuple[str, str]) -> str:
    head = [part, *names, "difference", "95 % interval", "p", "McNemar p", "Holm p"]
    rows = []
    for column, d in found.items():
        low, high = d.interval
        gap = tables.bold(f"{d.difference:+.2f}", format) if d.significant else f"{d.difference:+.2f}"
        mcnemar = "-" if d.mcnemar is None else _p_value_text(d.mcnemar)
        numbers = [f"{d.ours:.2f}", f"{d.theirs:.2f}", gap, f"{low:+.2f} to {high:+.2f}"]
        rows.append([column, *numbers, _p_value_text(d.permutation), mcnemar, _p_value_text(d.holm)])
    return tables.lay_out(head, rows, format)


def _p_value_text(value: float) -> str:
    return f"{value:.4f}" if value >= 0.00005 else "<0.0001"


def _by_id(report: Report) -> dict[str, bool]:
    found = {e.id: bool(right) for e, right in zip(report.examples, report.right, strict=True)}
    if len(found) < len(report.examples):
        raise DatasetError("A report has two questions of one id, so its answers cannot be paired. Make it again.")
    return found


def _same_references(one: Report, other: Report, ids: set[str]) -> None:
    mine = {e.id: e.reference.text for e in one.examples if e.reference}
    for e in other.examples:
        if e.id in ids and e.reference and mine[e.id] != e.reference.text:
            raise DatasetError(
                f"Question {e.id!r} has the answer {mine[e.id]!r} in one report and {e.reference.text!r} in the other. "
                "Compare reports on the same version of the dataset."
            )


def _holm(names: Sequence[str], pvalues: np.ndarray) -> dict[str, float]:
    families: dict[int, list[int]] = {}
    for i, name in enumerate(names):
        families.setdefault(0 if i == 0 else 1 + name.count("/"), []).append(i)
    return {
        names[i]: value
        for family in families.values()
        for i, value in zip(family, statistics.holm([float(pvalues[i]) for i in family]), strict=True)
    }


def _ordered(differences: Mapping[str, Difference]) -> dict[str, Difference]:
    groups = [name for name in differences if "/" not in name and name != "Overall"]
    names = [n for g in groups for n in (*(m for m in differences if m.startswith(f"{g}/")), g)]
    return {name: differences[name] for name in (*names, "Overall")}


@dataclass(frozen=True)
class Gap:
    """Difference of one metric, ours - theirs, with 95 % interval and p-value."""

    ours: float
    theirs: float
    difference: float
    interval: tuple[float, float]
    p: float

    def to_json(self) -> dict[str, Any]:
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}


def metrics(
    ours: Report, theirs: Report, resamples: int = statistics.RESAMPLES, seed: int = 0
) -> dict[str, dict[str, Gap]]:
    """Kind of task -> metric -> difference on the common examples, clustered by video. Raises DatasetError."""
    sides = [{e.id: (e, a) for e, a in zip(side.examples, side.answers, strict=True)} for side in (ours, theirs)]
    ids = [name for name in sides[0] if name in sides[1]]
    if not ids:
        raise DatasetError("The reports have no example in common. Compare reports on the same dataset and split.")
    pairs = [[side[name] for name in ids] for side in sides]
    examples = [e for e, _ in pairs[0]]
    differ = next((a.id for a, (b, _) in zip(examples, pairs[1], strict=True) if not _same(a, b)), None)
    if differ is not None:
        raise DatasetError(f"The reports have different references for {differ!r}. Score both on one version.")
    clusters = clusters_of(examples)
    gaps: dict[str, dict[str, Gap]] = {}
    for kind, places in scores.kinds(examples).items():
        some = [examples[i] for i in places]
        a, b = (scores.pooled(kind, some, [side[i][1] for i in places]) for side in pairs)
        gaps[kind] = {}
        for name in (n for n in a if n in b):
            if a[name].rows.shape != b[name].rows.shape:
                continue
            interval, p = statistics.paired(a[name], b[name], clusters[places], resamples, seed)
            mine, other = a[name].total, b[name].total
            gaps[kind][name] = Gap(mine, other, mine - other, interval, p)
    return gaps


def metric_table(found: Mapping[str, Mapping[str, Gap]], format: str = "text") -> str:
    """One table per kind of task, one line per metric."""
    parts = []
    for kind, gaps in found.items():
        rows = [
            [
                name,
                f"{g.ours:.2f}",
                f"{g.theirs:.2f}",
                f"{g.difference:+.2f}",
                "{:+.2f} to {:+.2f}".format(*g.interval),
                _p_value_text(g.p),
            ]
            for name, g in gaps.items()
        ]
        parts.append(tables.lay_out([kind, "ours", "theirs", "difference", "95 % interval", "p"], rows, format))
    return "\n\n".join(parts)


def _same(a: Example, b: Example) -> bool:
    return (
        a.task == b.task
        and (a.reference is None) == (b.reference is None)
        and (
            a.reference is None
            or b.reference is None
            or (a.reference.text, a.reference.segments) == (b.reference.text, b.reference.segments)
        )
    )
