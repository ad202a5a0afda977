"""Plots of a command's results; without matplotlib, one line says how to install it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear.errors import DependencyError


def plotted(draw: Callable[[], object]) -> None:
    """Call `draw`; if a package is missing, print on standard error which one."""
    try:
        draw()
    except DependencyError as error:
        print(f"no plots: {error}", file=sys.stderr)


def of_report(report: Any, folder: Path, beside: Mapping[str, Mapping[str, float]] | None = None) -> None:
    """Draw `scores.svg` into `folder`: scores by question type with intervals, the rows `beside` as marks.

    A report without right or wrong answers has no such plot; nothing is drawn.
    """
    from lookhear.evaluate import tables
    from lookhear.evaluate.draw import charts

    if report.overall is None:
        return
    name = str(report.card.get("model", "measured"))
    rows: dict[str, Mapping[str, Any]] = {name: tables.columns(report)}
    printed: Sequence[str] = [other for other in beside or {} if other != name]
    rows |= {other: (beside or {})[other] for other in printed}
    plotted(lambda: charts.scores(rows, folder / "scores.svg", printed))


def published_rows(model: Any, dataset: str) -> dict[str, dict[str, float]]:
    """Published results of `model`'s net on this dataset; empty for a language model."""
    from lookhear.evaluate.literature import published, table_rows
    from lookhear.model import NetModel

    if not isinstance(model, NetModel):
        return {}
    net = f"net {model.recipe.net.get('name', '')}"
    return table_rows.rows(dataset, [method.name for method in published.methods() if method.here == net])
