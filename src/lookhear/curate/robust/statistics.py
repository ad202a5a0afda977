"""Statistics of a rephrased test set: vocabulary, first three words, and answers in each group.

    statistics(examples) ─▶ plain values for the card       draw(examples, form, folder) ─▶ openings, answers, head_tail

The figures follow the paper (Ma et al., NeurIPS 2024, figures 2, 3, 6, 7 and 8): a wheel of the first three words; the
answers of each group by frequency with their mean µ and 1.2 µ, head dark and tail light; head and tail of every group.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookhear import files
from lookhear.curate.robust.split import RATIO, Group, groups
from lookhear.errors import DependencyError
from lookhear.types import Example

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORD = re.compile(r"[a-z0-9_]+(?:['’-][a-z0-9_]+)*")
SHOWN = 40  # openings listed in the card
ANSWERS = 28  # bars of a group
FEWEST = 0.012  # share of the circle below which a word of the wheel is not written
HEAD, TAIL, WHOLE, INK = "#1f4e79", "#a9c6e3", "#b8b4ad", "#1d1b26"
WHEEL = ("#1f4e79", "#2f6f8f", "#5b8c5a", "#b4552d", "#c2892f", "#7a5195", "#8a8794", "#4b6a88")


def words(question: str) -> list[str]:
    """The words of a question in lower case, without punctuation."""
    return WORD.findall(question.casefold())


def statistics(examples: Sequence[Example]) -> dict[str, Any]:
    """Numbers of distinct questions, words and openings; the most frequent openings. MUSIC-AVQA-R has 465 words."""
    distinct = {e.question for e in examples}
    counts = Counter(word for question in distinct for word in words(question))
    first = Counter(" ".join(words(e.question)[:3]) for e in examples)
    lengths = [len(words(e.question)) for e in examples]
    return {
        "different_questions": len(distinct),
        "vocabulary": len(counts),
        "words_a_question": round(sum(lengths) / len(lengths), 2) if lengths else 0.0,
        "different_first_three_words": len(first),
        "first_three_words": dict(first.most_common(SHOWN)),
    }


def draw(examples: Sequence[Example], form: str, folder: Path | str, kind: str = "png") -> list[Path]:
    """Write the three figures into `folder` as `kind` (png, svg, pdf). Raises DependencyError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DependencyError("The figures need matplotlib: pip install 'lookhear[report]'") from None
    by_kind = groups(examples, form)
    wheel = Figure(figsize=(8, 8), layout="constrained")
    _wheel(wheel.subplots(subplot_kw={"projection": "polar"}), (words(e.question)[:3] for e in examples))
    columns = min(3, max(1, len(by_kind)))
    rows = -(-max(1, len(by_kind)) // columns)
    answers = Figure(figsize=(5.6 * columns, 3.5 * rows), layout="constrained")
    axes = answers.subplots(rows, columns, squeeze=False).ravel()
    for panel, (kind_, group) in zip(axes, by_kind.items(), strict=False):
        _answers(panel, "/".join(kind_), group)
    for panel in axes[len(by_kind) :]:
        panel.set_axis_off()
    parts = Figure(figsize=(9, 1.4 + 0.42 * len(by_kind)), layout="constrained")
    _parts(parts.subplots(), by_kind)
    paths = []
    for name, figure in (("openings", wheel), ("answers", answers), ("head_tail", parts)):
        path = Path(folder) / f"{name}.{kind}"
        with files.whole(path) as part:
            figure.savefig(part, dpi=130)
        paths.append(path)
    return paths


def _wheel(axes: Axes, openings: Iterable[Sequence[str]]) -> None:
    """Three rings, the first word innermost; a word lies beyond the word it follows, its width is its frequency."""
    import numpy as np

    counts = Counter(tuple(some) for some in openings)
    total = sum(counts.values()) or 1
    colours: dict[str, str] = {}

    def ring(prefix: tuple[str, ...], start: float) -> None:
        depth = len(prefix)
        following = Counter[str]()
        for some, n in counts.items():
            if some[:depth] == prefix and len(some) > depth:
                following[some[depth]] += n
        for word, n in following.most_common():
            width = n / total
            base = colours.setdefault(prefix[0] if prefix else word, WHEEL[len(colours) % len(WHEEL)])
            axes.bar(
                *(2 * np.pi * (start + width / 2), 1.0),
                width=2 * np.pi * width,
                bottom=0.6 + depth,
                color=base,
                alpha=0.95 - 0.25 * depth,
                edgecolor="white",
                linewidth=0.5,
            )
            if width >= FEWEST * (1 + 0.5 * depth):
                angle = 360 * (start + width / 2)
                turn = angle + 180 if 90 < angle < 270 else angle
                middle = 2 * np.pi * (start + width / 2), 1.1 + depth
                axes.text(
                    *middle,
                    word,
                    rotation=turn,
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if depth < 2 else INK,
                )
            if depth < 2:
                ring((*prefix, word), start)
            start += width

    ring((), 0.0)
    axes.set_axis_off()
    axes.set_title(f"First three words of {sum(counts.values()):,} questions", color=INK)


def _answers(axes: Axes, title: str, group: Group) -> None:
    some = sorted(group.counts.items(), key=lambda pair: -pair[1])
    mean = sum(group.counts.values()) / len(group.counts)
    shown, left = some[:ANSWERS], len(some) - ANSWERS
    colours = [{"head": HEAD, "tail": TAIL, "": WHOLE}[group.part(answer)] for answer, _ in shown]
    axes.bar(range(len(shown)), [n for _, n in shown], color=colours)
    for value, label in ((mean, "µ"), (RATIO * mean, f"{RATIO} µ")):
        axes.axhline(value, color=INK, lw=0.8, ls="--" if label == "µ" else ":", label=label)
    axes.set_xticks(range(len(shown)), [a for a, _ in shown], rotation=60, ha="right", fontsize=7)
    beyond = f", {left} more answers" if left > 0 else ""
    whole = "" if group.head is not None else ", left whole"
    axes.set_title(f"{title}: entropy {group.entropy:.3f}{whole}{beyond}", fontsize=9, color=INK)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _parts(axes: Axes, found: Mapping[tuple[str, ...], Group]) -> None:
    names = ["/".join(name) for name in found][::-1]
    sizes = {part: [_size(group, part) for group in found.values()][::-1] for part in ("head", "tail", "")}
    left = [0] * len(names)
    for part, colour in (("head", HEAD), ("tail", TAIL), ("", WHOLE)):
        if any(sizes[part]):
            axes.barh(names, sizes[part], left=left, color=colour, label=part or "neither (left whole)")
            left = [a + b for a, b in zip(left, sizes[part], strict=True)]
    axes.set_xlabel("questions")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _size(group: Group, part: str) -> int:
    return sum(n for answer, n in group.counts.items() if group.part(answer) == part)
