"""Charts of scores: bars with intervals by question type and method, learning curves, lines over a swept value."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError
from lookhear.evaluate.draw import ink
from lookhear.evaluate.draw.ink import INK, LINE, ROWS, SOFT

Bar = tuple[float, float | None, float | None]  # percent, and the edges of its interval if it has one
MARK = 0.62  # fraction of a type's height that its bars fill


def scores(rows: Mapping[str, Mapping[str, Any]], path: Path | str, printed: Sequence[str] = ()) -> Path:
    """One bar per question type and method, with its 95 % interval; methods in `printed` are hollow marks.

    `rows`: method -> column -> a `Score`, (percent, low, high), or a number (published numbers have no interval).
    Raises DatasetError without columns.
    """
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    columns = [c for c in columns if c != "Overall"] + ["Overall"] * ("Overall" in columns)
    if not columns:
        raise DatasetError("This report has no answers that are right or wrong, so there are no bars to draw.")
    bars = [name for name in rows if name not in printed]
    high = 0.9 + len(columns) * (0.16 + 0.09 * max(2, len(bars))) + 0.17 * math.ceil(len(rows) / 2)
    drawn = ink.figure(7.2, high)
    axes = drawn.add_subplot()
    ink.bare(axes)
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    thick = MARK / max(1, len(bars))
    shown: dict[str, Any] = {}
    for number, (name, row) in enumerate(rows.items()):
        colour = ROWS[number % len(ROWS)]
        points = [(place, _bar(row[column])) for place, column in enumerate(columns) if column in row]
        points = [(place, bar) for place, bar in points if not math.isnan(bar[0])]
        values = [bar[0] for _, bar in points]
        if name in printed:
            at: list[float] = [place for place, _ in points]
            shown[name] = axes.scatter(values, at, marker="D", s=26, facecolors="none", edgecolors=colour, zorder=3)
            continue
        middle = (bars.index(name) + 0.5) * thick - MARK / 2
        at = [place + middle for place, _ in points]
        shown[name] = axes.barh(at, values, height=0.86 * thick, color=colour, linewidth=0)
        edges = [(y, bar) for y, (_, bar) in zip(at, points, strict=True) if bar[1] is not None]
        axes.hlines([y for y, _ in edges], [b[1] for _, b in edges], [b[2] for _, b in edges], color=INK, linewidth=1.1)
    axes.set_yticks(range(len(columns)), columns, color=INK)
    axes.set_ylim(len(columns) - 0.45, -0.55)
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy, percent; lines are 95 % intervals", color=SOFT, fontsize=9)
    _legend(drawn, shown)
    return ink.save(drawn, path)


def curves(logs: Mapping[str, Path], path: Path | str) -> Path:
    """Loss and validation accuracy by epoch, one line per run; `logs`: name -> log.jsonl of its run folder."""
    drawn = ink.figure(7.2, 4.6)
    above, below = drawn.subplots(2, 1, sharex=True)
    shown: dict[str, Any] = {}
    for number, (name, log) in enumerate(logs.items()):
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        loss: dict[int, list[float]] = {}
        for line in lines:
            if "loss" in line:
                loss.setdefault(int(line["epoch"]), []).append(float(line["loss"]))
        right = {int(line["epoch"]): float(line["val"]["accuracy"]) for line in lines if "val" in line}
        colour = ROWS[number % len(ROWS)]
        means = [sum(some) / len(some) for some in loss.values()]
        (shown[name],) = above.plot([e + 1 for e in loss], means, color=colour, linewidth=1.6)
        below.plot([e + 1 for e in right], list(right.values()), color=colour, linewidth=1.6, marker="o", markersize=3)
    for axes, words in ((above, "training loss"), (below, "validation accuracy, percent")):
        ink.bare(axes)
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_title(words, color=SOFT, fontsize=9, loc="left")
    below.set_xlabel("epochs", color=SOFT, fontsize=9)
    _legend(drawn, shown)
    return ink.save(drawn, path)


def sweep(lines: Mapping[str, Sequence[tuple[float, Bar]]], name: str, path: Path | str) -> Path:
    """Accuracy over a swept value, one line per series, with intervals; `name` is the swept setting."""
    drawn = ink.figure(7.2, 4.0)
    axes = drawn.add_subplot()
    ink.bare(axes)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    shown: dict[str, Any] = {}
    for number, (series, points) in enumerate(lines.items()):
        colour = ROWS[number % len(ROWS)]
        ordered = sorted(points, key=lambda point: point[0])
        at, values = [x for x, _ in ordered], [bar[0] for _, bar in ordered]
        (shown[series],) = axes.plot(at, values, color=colour, linewidth=1.6, marker="o", markersize=4)
        edges = [(x, bar) for x, bar in ordered if bar[1] is not None]
        axes.vlines([x for x, _ in edges], [b[1] for _, b in edges], [b[2] for _, b in edges], color=colour, alpha=0.5)
    every = sorted({x for points in lines.values() for x, _ in points})
    if every[0] > 0 and every[-1] / every[0] >= 50:
        axes.set_xscale("log")
    axes.set_xticks(every, [f"{x:g}" for x in every])
    axes.minorticks_off()
    axes.set_xlabel(name, color=SOFT, fontsize=9)
    axes.set_title("accuracy, percent; lines are 95 % intervals", color=SOFT, fontsize=9, loc="left")
    if len(shown) > 1:
        _legend(drawn, shown)
    else:
        drawn.set_layout_engine("constrained")
    return ink.save(drawn, path)


def _bar(value: Any) -> Bar:
    """The (percent, low, high) of a `Score`, a tuple or a number."""
    if isinstance(value, (int, float)):
        return float(value), None, None
    if isinstance(value, tuple):
        return value[0], value[1], value[2]
    return (value.accuracy, *value.interval)


def _legend(drawn: Any, shown: Mapping[str, Any]) -> None:
    drawn.set_layout_engine("constrained")
    columns = 2 if max(map(len, shown), default=0) > 22 else min(4, len(shown))
    drawn.legend(
        *(list(shown.values()), list(shown)),
        loc="outside upper left", ncols=columns, frameon=False, fontsize=9, labelcolor=INK,
    )  # fmt: skip
