"""A model's attention to frames and sound, case by case: head and tail questions that it answers correctly.

The clip is cut into ten equal parts (fewer if it has fewer seconds). Each shows the frame in its middle and its sound,
and below them its share of the weight in percent: the parts of a row add up to 100. Parts with more than 1.25 times the
even share are marked. MCCD's figures 5 and 9 print the weights of ten sampled seconds instead.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookhear import media
from lookhear.errors import DatasetError, MediaError, ModelError
from lookhear.evaluate.draw import ink
from lookhear.evaluate.draw.ink import HEARD, INK, LINE, PAPER, SEEN, SOFT
from lookhear.evaluate.report import PARTS, Report, part_of
from lookhear.types import Answer, Example, Media

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 10
STRONG = 1.25  # times the even share: a part that is marked
WIDE, HIGH, TITLE = 12.0, 2.35, 0.34  # inches of the figure, of a case, and of its title
NAMES = {"seen": "picture", "heard": "sound"}
Case = tuple[Example, Answer, Media]


def draw(report: Report, path: Path | str, count: int = 4) -> int:
    """Draw `count` cases in the format of the path's suffix; returns their number. See `cases` for errors."""
    shown = cases(report, count)
    whole = HIGH * len(shown)
    figure = ink.figure(WIDE, whole)
    for place, (example, answer, clip) in enumerate(shown):
        top = 1 - (HIGH * place + 0.08) / whole
        _title(figure, example, answer, top - TITLE / 2 / whole)
        weights = _weights(answer)
        rows = [name for name in NAMES if weights.get(name)]
        columns = min(COLUMNS, *(len(weights[name]) for name in rows))
        grid = figure.add_gridspec(
            len(rows), columns, left=0.075, right=0.99, top=top - TITLE / whole, bottom=top - (HIGH - 0.32) / whole,
            wspace=0.06, hspace=0.36, height_ratios=[1.6 if name == "seen" else 1 for name in rows],
        )  # fmt: skip
        for line, name in enumerate(rows):
            for column, share in enumerate(shares(weights[name], columns)):
                axes = figure.add_subplot(grid[line, column])
                _cell(axes, clip, name, (column, columns), share)
                if not column:
                    axes.set_ylabel(NAMES[name], color=SOFT, fontsize=9, rotation=0, ha="right", va="center")
    ink.save(figure, path)
    return len(shown)


def shares(weights: Sequence[float], parts: int) -> list[float]:
    """The share of the weight of each of `parts` equal parts of a clip; a second across an edge is divided."""
    total = np.concatenate([[0.0], np.cumsum(weights)])
    edges = np.interp(np.linspace(0, len(weights), parts + 1), np.arange(len(weights) + 1), total)
    return list(np.diff(edges) / max(float(total[-1]), 1e-9))


def cases(report: Report, count: int = 4) -> list[Case]:
    """Correctly answered questions whose clips can be read: head and tail in turn, question types in turn.

    Raises ModelError if no answer has weights of seconds, DatasetError if no such question's clip has its recording.
    """
    pointed = [
        (e, a) for e, a, r in zip(report.examples, report.answers, report.right, strict=True) if r and _weights(a)
    ]
    if not pointed:
        name = report.card.get("model", "The model")
        raise ModelError(f"{name} has no correct answer with weights of seconds, so there is no attention to draw.")
    parts = [[pair for pair in pointed if part_of(pair[0]) == part] for part in PARTS]
    queues = [_by_type(part) for part in (parts if any(parts) else [pointed])]
    chosen, clips = list[Case](), set[str]()
    while any(queues) and len(chosen) < count:
        for queue in queues:
            while queue and len(chosen) < count:
                example, answer = queue.pop(0)
                if example.clip.id in clips:
                    continue
                clips.add(example.clip.id)
                try:
                    chosen.append(
                        (example, answer, media.decode(example.clip, media.Sampling("uniform", count=COLUMNS)))
                    )
                except MediaError:
                    continue
                break
    if not chosen:
        raise DatasetError(
            "No recording of the questions that were answered correctly can be read. Put them in --root."
        )
    return chosen


def _by_type(pairs: Sequence[tuple[Example, Answer]]) -> list[tuple[Example, Answer]]:
    """The first of each question type, then the second of each, and so on."""
    seen: dict[tuple[str, ...], int] = {}
    turn = []
    for pair in pairs:
        kind = pair[0].kind
        seen[kind] = seen.get(kind, 0) + 1
        turn.append(seen[kind])
    return [pair for _, pair in sorted(zip(turn, pairs, strict=True), key=lambda one: one[0])]


def _weights(answer: Answer) -> dict[str, Sequence[float]]:
    evidence = answer.evidence
    return {n: w for n, w in (("seen", evidence.seen), ("heard", evidence.heard)) if w} if evidence else {}


def _title(figure, example: Example, answer: Answer, at: float) -> None:  # type: ignore[no-untyped-def]
    part = f"   ({part_of(example)})" if part_of(example) else ""
    asked = textwrap.shorten(example.question, 105, placeholder=" …")
    figure.text(0.01, at, asked, color=INK, fontsize=11, weight="bold", va="center")
    figure.text(0.99, at, f"{answer.text}{part}", color=HEARD, fontsize=11, weight="bold", va="center", ha="right")


def _cell(axes: Axes, clip: Media, name: str, place: tuple[int, int], share: float) -> None:
    """Part `place[0]` of `place[1]`, with its share below."""
    column, columns = place
    axes.set_facecolor(PAPER)
    axes.set_xticks([])
    axes.set_yticks([])
    strong = share * columns > STRONG
    colour = {"seen": SEEN, "heard": HEARD}[name]
    axes.spines[:].set_color(colour if strong else LINE)
    axes.spines[:].set_linewidth(2.5 if strong else 0.6)
    if name == "seen" and clip.frames is not None and len(clip.frames):
        middle = (column + 0.5) * clip.duration / columns
        axes.imshow(clip.frames[int(np.abs(np.asarray(clip.times) - middle).argmin())])
    elif name == "heard" and clip.waveform is not None and len(clip.waveform):
        piece = np.array_split(clip.waveform, columns)[column]
        lines = np.array_split(piece, min(160, max(len(piece), 1)))
        low, high = (np.array([f(part) if len(part) else 0.0 for part in lines]) for f in (np.min, np.max))
        axes.fill_between(range(len(lines)), low, high, color=INK, linewidth=0.3, alpha=0.75)
        loud = max(float(np.abs(clip.waveform).max()), 1e-2)
        axes.set_ylim(-1.05 * loud, 1.05 * loud)
    below = axes.set_xlabel(f"{100 * share:.1f}", color=colour if strong else SOFT, fontsize=8.5, labelpad=2)
    below.set_fontweight("bold" if strong else "normal")
