"""Figure of a study: bars with intervals, or lines if row names contain a number (AV-Master's figures 4, 5 and 7).

Rows whose names differ only in a number ("12 seconds", "qa weight 0.4") are the points of one line. A study with such
rows is drawn as lines over the number, others as bars, which also show the groups of question types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookhear import files
from lookhear.errors import DependencyError, RecipeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#1d1b26", "#2f6f8f", "#c2622f", "#1b7837", "#7a5195", "#c2892f", "#4b6a88", "#8a8794")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


def check(path: Path | str) -> None:
    """Raises RecipeError for a path that `draw` cannot write, DependencyError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError:
        raise DependencyError("The figure needs matplotlib: pip install 'lookhear[report]'") from None
    known = sorted(FigureCanvasAgg.get_supported_filetypes())
    if Path(path).suffix.removeprefix(".").lower() not in known:
        raise RecipeError(f"{str(path)!r} cannot be drawn: its name must end in one of {', '.join(known)}.")


def draw(result: Mapping[str, Any], path: Path | str) -> None:
    """Write the figure of `table.result`, one panel per split. Raises DependencyError, RecipeError."""
    check(path)
    from matplotlib.figure import Figure

    splits = result["splits"]
    if not splits:
        raise RecipeError("No row of the study has been asked yet, so there is nothing to draw.")
    most = max(len(facts["rows"]) for facts in splits.values())
    figure = Figure(figsize=(max(6.5, 1.0 * most + 2.5), 4.2 * len(splits)), layout="constrained")
    panels = figure.subplots(len(splits), 1, squeeze=False).ravel()
    for panel, (split, facts) in zip(panels, splits.items(), strict=True):
        lines = series(facts["rows"])
        (_lines if lines else _bars)(panel, facts["rows"], lines)
        panel.set_title(f"{split}: {facts['questions']} questions about {facts['videos']} videos", fontsize=10)
        panel.set_ylabel("accuracy, %")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", alpha=0.25)
        panel.set_axisbelow(True)
    with files.whole(Path(path)) as part:
        figure.savefig(part, dpi=140)


def series(rows: Mapping[str, Any]) -> dict[str, list[tuple[float, str]]]:
    """Line -> its points (number, row) in order, for lines of three or more; empty if they do not cover the rows."""
    lines: dict[str, list[tuple[float, str]]] = {}
    for name in rows:
        numbers = NUMBER.findall(name)
        if numbers:
            label = NUMBER.sub("…", name, count=1) if len(numbers) == 1 else name.rsplit(" ", 1)[0]
            label = " ".join(label.split()).strip("… ")
            lines.setdefault(label, []).append((float(numbers[-1]), name))
    shared = lines.pop("all", [])  # "all 1.0" is a point of every line
    kept = {label: sorted([*points, *shared]) for label, points in lines.items() if len(points) >= 3}
    return kept if sum(map(len, kept.values())) >= max(3, len(rows) - 1) else {}


def _lines(axes: Axes, rows: Mapping[str, Any], lines: Mapping[str, list[tuple[float, str]]]) -> None:
    for colour, (label, points) in zip(COLOURS * 9, lines.items(), strict=False):
        at = [number for number, _ in points]
        cells = [rows[name]["columns"]["Overall"] for _, name in points]
        axes.plot(at, [c["accuracy"] for c in cells], "o-", color=colour, label=label or "all", ms=4)
        low, high = ([c["interval"][side] for c in cells] for side in (0, 1))
        axes.fill_between(at, low, high, color=colour, alpha=0.12, lw=0)
    rest = [name for name in rows if not any(name == row for points in lines.values() for _, row in points)]
    for name in rest:
        axes.axhline(rows[name]["columns"]["Overall"]["accuracy"], color="#8a8794", ls="--", lw=1)
        axes.annotate(name, (1, rows[name]["columns"]["Overall"]["accuracy"]), xycoords=("axes fraction", "data"),
                      ha="right", va="bottom", fontsize=8, color="#8a8794")  # fmt: skip
    axes.legend(frameon=False, fontsize=8)


def _bars(axes: Axes, rows: Mapping[str, Any], _: object) -> None:
    first = next(iter(rows.values()))["columns"]
    groups = [c for c in first if "/" not in c and "<" not in c and c != "Overall" and not c.endswith((")", "?", "？"))]
    shown = [*groups, "Overall"]
    width = 0.8 / len(shown)
    for n, (column, colour) in enumerate(zip(shown, (*COLOURS[1:7], COLOURS[0]) * 3, strict=False)):
        colour = COLOURS[0] if column == "Overall" else colour
        for place, row in enumerate(rows.values()):
            cell = row["columns"].get(column)
            if cell is None:
                continue
            low, high = cell["interval"]
            middle = place + (n - (len(shown) - 1) / 2) * width
            bars = [[max(0.0, cell["accuracy"] - low)], [max(0.0, high - cell["accuracy"])]]
            axes.bar(middle, cell["accuracy"], width, color=colour, label=column if not place else None, yerr=bars,
                     error_kw={"lw": 0.8, "ecolor": "#55505f"})  # fmt: skip
    axes.set_xticks(range(len(rows)), list(rows), fontsize=8)
    if len(rows) > 4:
        axes.tick_params(axis="x", labelrotation=20)
    axes.legend(frameon=False, fontsize=8, ncols=len(shown), loc="upper center", bbox_to_anchor=(0.5, -0.18))
