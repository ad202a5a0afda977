"""Words of a question, tinted by their weights: a strip in an answer's figure, or a figure of their own.

A row per attention, as in AV-Master's figure 8: what the picture reads above what the sound reads. A full tint is the
largest weight of the figure, at least twice the even share; tokens that are no words ([padding]) are in grey.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lookhear.evaluate.draw import ink
from lookhear.evaluate.draw.ink import HEARD, INK, LINE, PAPER, SEEN, SOFT
from lookhear.types import Answer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Read = Mapping[str, Sequence[tuple[str, float]]]  # what attends -> (word, weight) in order

ROWS = {"seen": "eye reads", "heard": "ear reads", "both": "both read", "question": "text reads"}
COLOURS = {"seen": SEEN, "heard": HEARD}
HIGH = 0.36  # inches of a row
LETTER = 0.085  # inches of a letter at 9 points
LEGIBLE = 6.5  # points
MORE = "…"


def words(question: str, answer: Answer, path: Path | str) -> Path | None:
    """Draw the words of `answer`'s evidence with their weights in percent and a colour scale; None if it has none."""
    read = answer.evidence.words if answer.evidence else {}
    if not read:
        return None
    wide = min(max(6.0, 2.4 + LETTER * max(_letters(row) for row in read.values())), 16.0)
    lines = textwrap.wrap(question, int(wide * 9)) or [""]
    top, bottom, row = 0.35 + 0.26 * len(lines), 0.25, 0.62
    high = top + bottom + row * len(read)
    drawn: Figure = ink.figure(wide, high)
    for number, line in enumerate(lines):
        drawn.text(0.03, 1 - (0.24 + 0.26 * number) / high, line, color=INK, fontsize=12, weight="bold", va="center")
    left, right = 1.25 / wide, 1 - 1.0 / wide
    axes = drawn.add_axes((left, bottom / high, right - left, row * len(read) / high))
    largest = _cells(axes, read, numbers=True)
    _scale(drawn, (right + 0.3 / wide, bottom / high, 0.14 / wide, row * len(read) / high), largest)
    return ink.save(drawn, path)


def strip(figure: Figure, read: Read, span: tuple[float, float, float, float]) -> None:
    """Draw the rows inside `span`: left, right, top, bottom, as fractions of the figure.

    Where a question is too long to be legible, its words of least weight are left out ("…").
    """
    left, right, top, bottom = span
    room = int((right - left) * figure.get_figwidth() / LETTER * 9 / LEGIBLE)
    shown = {name: fitting(row, room) for name, row in read.items()}
    _cells(figure.add_axes((left, bottom, right - left, top - bottom)), shown)


def fitting(row: Sequence[tuple[str, float]], room: int) -> list[tuple[str, float]]:
    """The heaviest words that fit in `room` letters, in order; each run of others is one "…" with their weight."""
    order = sorted(range(len(row)), key=lambda i: -row[i][1])
    for count in range(len(row), 0, -1):
        kept, shown = set(order[:count]), list[tuple[str, float]]()
        for i, (word, weight) in enumerate(row):
            if i in kept:
                shown.append((word, weight))
            elif shown and shown[-1][0] == MORE:
                shown[-1] = (MORE, shown[-1][1] + weight)
            else:
                shown.append((MORE, weight))
        if _letters(shown) <= room:
            break
    return shown


def _cells(axes: Axes, read: Read, numbers: bool = False) -> float:
    """A row of tinted words per attention, the first on top; returns the weight of a full tint."""
    axes.set_facecolor(PAPER)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=SOFT, labelsize=9)
    axes.set_xticks([])
    longest = max(_letters(row) for row in read.values())
    size = min(10.0, 9 * axes.get_window_extent().width / axes.get_figure().dpi / (LETTER * longest))  # type: ignore[union-attr]
    largest = max(max([2 / len(row), *(weight for word, weight in row if word != MORE)]) for row in read.values())
    for place, (name, row) in enumerate(read.items()):
        at, full = 0.0, _letters(row)
        for word, weight in row:
            width = (len(word) + 2) / full
            tint = 0.0 if word == MORE else weight / max(largest, 1e-9)
            axes.add_patch(_box(at, place, width, COLOURS.get(name, INK), tint))
            no_word = word.startswith("[") and word.endswith("]")
            colour = PAPER if tint > 0.65 else SOFT if no_word else INK
            middle, centre = at + width / 2, place - 0.12 if numbers else place
            axes.text(middle, centre, word, color=colour, fontsize=size, ha="center", va="center")
            if numbers:
                axes.text(middle, place + 0.24, f"{weight:.0%}", color=colour, fontsize=7, ha="center", va="center")
            at += width
    axes.set_xlim(0, 1)
    axes.set_ylim(len(read) - 0.5, -0.5)
    axes.set_yticks(range(len(read)), [ROWS.get(name, name) for name in read])
    return largest


def _box(left: float, place: int, width: float, colour: str, tint: float):  # type: ignore[no-untyped-def]
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    shade = (*to_rgb(colour), tint)  # transparent, because the paper of a page may be dark
    return Rectangle((left, place - 0.44), width, 0.88, facecolor=shade, edgecolor=LINE, linewidth=0.5)


def _scale(figure: Figure, span: tuple[float, float, float, float], largest: float) -> None:
    """The colour scale: from no weight to that of a full tint."""
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    axes = figure.add_axes(span)
    axes.set_facecolor(PAPER)
    for step in range(32):  # transparent ink, as the cells
        shade = (*to_rgb(INK), (step + 0.5) / 32)
        axes.add_patch(Rectangle((0, largest * step / 32), 1, largest / 32, facecolor=shade, linewidth=0))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, largest)
    axes.spines[:].set_color(LINE)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([0, largest], ["0%", f"{largest:.0%}"])
    axes.tick_params(length=0, colors=SOFT, labelsize=8)


def _letters(row: Sequence[tuple[str, float]]) -> int:
    return sum(len(word) + 2 for word, _ in row)
