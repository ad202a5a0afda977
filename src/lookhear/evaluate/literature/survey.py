"""Statistics of the published numbers: accuracy by question type and design, and the best of each year.

The survey draws methods in three colours: without a spatial-temporal design, and two kinds with one. Its figures do not
name the methods of a colour; the grouping in `published/methods.csv` is our reading: a method has such a design if a
module selects regions or moments, in a network for the task or on pretrained towers (adapters, language models).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear.errors import DependencyError, RecipeError
from lookhear.evaluate.literature import published, table_rows
from lookhear.evaluate.literature.contradictions import pooled

TYPES = ("Existential", "Counting", "Location", "Comparative", "Temporal")
ASKS = {  # question type -> what a question of this type asks, and one of MUSIC-AVQA's templates
    "Existential": ("whether a sound or an instrument is there", "Is this sound from the instrument in the video?"),
    "Counting": ("how many sources or kinds there are", "How many sounding <Object> in the video?"),
    "Location": ("where in the picture something is", "Where is the loudest instrument?"),
    "Comparative": ("which of two has more of something", "Is the <Object> more rhythmic than the <Object>?"),
    "Temporal": ("in which order things happen", "Which <Object> makes the sound first?"),
}
DESIGNS = ("spatial-temporal network", "spatial-temporal on pretrained towers", "other")
DATASETS = {"music_avqa": "MUSIC-AVQA", "music_avqa_r": "MUSIC-AVQA-R"}
COLOURS = dict(zip(DESIGNS, ("#1b7837", "#762a83", "#2166ac"), strict=True))
NETWORK = "audio-visual QA"  # family of networks for the task


def by_type(dataset: str) -> dict[str, dict[str, float]]:
    """Method -> question type -> accuracy, pooled over audio, visual and audio-visual; complete rows only."""
    names = [m.name for m in published.methods()]
    if dataset == "music_avqa_r":
        sizes = {part: published.counts()[dataset, part] for part in ("head", "tail")}
        parts = {part: _by_method(table_rows.rows(dataset, names, part)) for part in sizes}
    else:
        sizes = {"test": published.counts()[dataset, "test"]}
        parts = {"test": _by_method(table_rows.rows(dataset, names))}
    means = {}
    for method in names:
        rows = {part: parts[part].get(method, {}) for part in sizes}
        if all(kind in rows[part] for part in sizes for kind in sizes[part]):
            values = {f"{kind} {part}": rows[part][kind] for part in sizes for kind in sizes[part]}
            weights = {f"{kind} {part}": sizes[part][kind] for part in sizes for kind in sizes[part]}
            means[method] = {t: pooled({k: v for k, v in values.items() if f"/{t} " in k}, weights) for t in TYPES}
    return means


def question_types() -> list[dict[str, Any]]:
    """What each question type asks, one of its templates, and its test questions on both datasets."""
    parts = {"music_avqa": ("test",), "music_avqa_r": ("head", "tail")}
    rows = []
    for kind, (asks, example) in ASKS.items():
        row: dict[str, Any] = {"type": kind, "asks": asks, "example": example}
        for dataset, splits in parts.items():
            sizes = [published.counts()[dataset, split] for split in splits]
            row[dataset] = sum(n for size in sizes for name, n in size.items() if name.endswith(f"/{kind}"))
        rows.append(row)
    return rows


def designs(dataset: str) -> dict[str, dict[str, float]]:
    """Design -> question type -> mean over its methods; `methods` is their number."""
    rows, design = by_type(dataset), _design()
    by_design = {}
    for kind in DESIGNS:
        chosen = [row for method, row in rows.items() if design[method] == kind]
        means = {t: sum(row[t] for row in chosen) / len(chosen) for t in TYPES} if chosen else {}
        by_design[kind] = {"methods": len(chosen), **means}
    return by_design


APART, TOP = 2.2, 93.0  # line labels: smallest distance and highest position, on an axis from 20 to 95
RULE = "each method at its best: any encoders, fine-tuned on the set; not zero-shot, no ablation, no other training set"


def progress(dataset: str) -> list[tuple[int, str, float]]:
    """(year, method, overall accuracy) of every method with a published number that fits `RULE`, oldest first.

    If papers print different numbers for one method, the highest counts.
    """
    years = {m.name: m.year for m in published.methods()}
    split = table_rows.SPLIT.get(dataset, "test")
    best: dict[str, float] = {}
    for n in published.numbers():
        about = (n.dataset, n.split, n.type, n.metric) == (dataset, split, "Overall", "accuracy")
        if about and n.method in years and counts_as_whole(n.variant):
            best[n.method] = max(best.get(n.method, 0.0), n.value)
    return sorted(((years[m], m, value) for m, value in best.items()), key=lambda entry: (entry[0], entry[2]))


def counts_as_whole(variant: str) -> bool:
    """Whether a variant is the whole method trained on the dataset: itself, fine-tuned, or with other encoders."""
    return variant in ("", "fine-tuned") or variant.endswith(" sound")


def draw(path: Path | str) -> None:
    """Write the figure: accuracy by type on both datasets, one line per method, and overall accuracy by year.

    Raises DependencyError without matplotlib, RecipeError for an unknown format.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
    except ImportError:
        raise DependencyError("The figure needs matplotlib: pip install 'lookhear[report]'") from None
    figure = Figure(figsize=(16, 6), layout="constrained")
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    design = _design()
    for panel, (dataset, title) in zip(panels, DATASETS.items(), strict=False):
        for method, row in by_type(dataset).items():
            panel.plot(TYPES, [row[t] for t in TYPES], color=COLOURS[design[method]], alpha=0.35, lw=1)
        _label(panel, {method: row[TYPES[-1]] for method, row in by_type(dataset).items()}, design)
        for kind, means in designs(dataset).items():
            if means["methods"]:
                panel.plot(TYPES, [means[t] for t in TYPES], "o-", color=COLOURS[kind], lw=2.5, ms=5)
        panel.set(title=title, ylim=(20, 95), ylabel="accuracy, %" if panel is panels[0] else "")
        panel.tick_params(axis="x", rotation=25)
        panel.grid(axis="y", alpha=0.25)
    counted = {kind: designs("music_avqa")[kind]["methods"] for kind in DESIGNS}
    marks = [Line2D([], [], color=COLOURS[k], marker="o", lw=2.5, label=f"{k} ({counted[k]})") for k in DESIGNS]
    panels[0].legend(handles=marks, loc="lower left", frameon=False, title="design: mean and methods")
    _years(panels[2], progress("music_avqa"), design)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:  # matplotlib does not know the suffix
        raise RecipeError(f"{str(path)!r} cannot be drawn: {error}") from None


def _label(panel, ends: Mapping[str, float], design: Mapping[str, str]) -> None:
    """Label every line at its right end, without overlaps; `ends`: method -> value at the right end."""
    order = sorted(ends, key=lambda method: ends[method])
    heights: list[float] = []
    for method in order:
        heights.append(max(ends[method], heights[-1] + APART if heights else 0.0))
    for n in reversed(range(len(heights))):  # labels above TOP are moved down
        heights[n] = min(heights[n], heights[n + 1] - APART if n + 1 < len(heights) else TOP)
    for method, height in zip(order, heights, strict=True):
        panel.annotate(
            method,
            (len(TYPES) - 1, ends[method]),
            xytext=(len(TYPES) - 0.8, height),
            fontsize=6,
            color=COLOURS[design[method]],
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.3, "color": "#aaaaaa"},
        )


def _years(panel, entries: Sequence[tuple[int, str, float]], design: Mapping[str, str]) -> None:
    best = 0.0
    steps: list[tuple[int, float, str]] = []
    for year, method, overall in entries:
        panel.plot(year, overall, "o", color=COLOURS[design[method]], ms=5, alpha=0.7)
        if overall > best:
            best = overall
            steps = [step for step in steps if step[0] != year] + [(year, overall, method)]
    panel.step([s[0] for s in steps], [s[1] for s in steps], where="post", color="#555555", lw=1)
    for year, overall, method in steps:
        panel.annotate(method, (year, overall), xytext=(-3, 6), textcoords="offset points", fontsize=8, ha="right")
    panel.set(title="MUSIC-AVQA overall, by year", xlim=(2013.2, max(e[0] for e in entries) + 0.6))
    panel.grid(axis="y", alpha=0.25)


def _design() -> dict[str, str]:
    found = {}
    for m in published.methods():
        found[m.name] = DESIGNS[0 if m.family == NETWORK else 1] if m.spatial_temporal else DESIGNS[2]
    return found


def _by_method(rows: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    return {label.rpartition(" (")[0]: values for label, values in rows.items()}
