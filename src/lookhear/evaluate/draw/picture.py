"""Figure of an answer: words of the question, frames, waveform, weight of each second, and predictions of the heads."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookhear.evaluate.draw import ink, words
from lookhear.evaluate.draw.ink import FILL, HEARD, INK, LINE, PAPER, SEEN, SOFT
from lookhear.evaluate.draw.words import HIGH
from lookhear.model.pointing import empty_seconds
from lookhear.types import Answer, Media

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"seen": SEEN, "heard": HEARD}
HEADS = {"joint": "together", "audio": "by ear", "visual": "by eye"}
SHOWN = 3  # answers shown per head
UNIT = 1.05  # inches of a track of height 1
FORMS = {
    False: (12.0, 110, 16),
    True: (5.2, 44, 13),
}  # narrow -> width in inches, letters per line, font size of the title
LABEL = 18  # letters of a prediction beside its bar
Track = tuple[float, Callable[["Axes"], None]]  # relative height, drawing function


def picture(media: Media, question: str, answer: Answer, path: Path | str, narrow: bool = False) -> Path:
    """Draw frames, waveform, their weights per second, and the heads' predictions; question and answer are the title.

    Words that the model attends to are tinted below the title, where its evidence has words.

    `media` is the decoded clip, at any sampling. A missing track is named in a note; a black or silent second is drawn
    hollow. `narrow` is for phones: predictions are placed below. The figure is written to `path`, in the format of its
    suffix (png, pdf, svg). Raises DependencyError without matplotlib.
    """
    evidence = answer.evidence
    seconds = max(media.duration, *(len(w) for w in (evidence.seen, evidence.heard)) if evidence else (0,), 1.0)
    tracks, missing = _tracks(media, answer, seconds)
    heads = _heads(answer)
    wide, letters, size = FORMS[narrow]
    lines = textwrap.wrap(textwrap.shorten(question, 2 * letters, placeholder=" …"), letters) or [""]
    read = evidence.words if evidence else {}
    strip = HIGH * len(read) + 0.12 if read else 0.0
    top, bottom = 0.75 + 0.3 * len(lines) + strip, 0.72
    body = UNIT * max(2.6, sum(height for height, _ in tracks))
    below = 1.05 * len(heads) if narrow else 0.0
    high = top + body + bottom + below
    drawn: Figure = ink.figure(wide, high)
    left, right = (0.14, 0.97) if narrow else (0.065, 0.98)
    far = right if narrow or not heads else 0.79
    grid = drawn.add_gridspec(
        *(len(tracks) or 1, 1), height_ratios=[height for height, _ in tracks] or [1],
        left=left, right=far, top=1 - top / high, bottom=(bottom + below) / high,
        hspace=0.10,
    )  # fmt: skip
    rows = [drawn.add_subplot(grid[row, 0]) for row in range(len(tracks))]
    for axes, (_, draw) in zip(rows, tracks, strict=True):
        draw(axes)
        axes.set_xlim(0, seconds)
        axes.tick_params(axis="x", length=0, labelbottom=axes is rows[-1], colors=SOFT, labelsize=9)
    if rows:
        rows[-1].set_xlabel("seconds", color=SOFT, fontsize=9)
    if read:
        words.strip(drawn, read, (left, far, 1 - (top - strip) / high, 1 - (top - 0.12) / high))
    if heads:
        span = (left, right, below / high, 0.35 / high) if narrow else (0.83, right, 1 - top / high, bottom / high)
        _opinions(drawn, span, heads, answer)
    _title(drawn, lines, answer, high, left, size, letters * 2 // 3)
    said = " · ".join(dict.fromkeys((*missing, *answer.notes)))
    if said:
        note = "\n".join(textwrap.wrap(said, 66 if narrow else 170)[:2])
        drawn.text(left, 0.04 / high, note, color=SOFT, fontsize=8 if narrow else 9, style="italic", va="bottom")
    return ink.save(drawn, path)


def _tracks(media: Media, answer: Answer, seconds: float) -> tuple[list[Track], list[str]]:
    """(tracks to draw from top to bottom, notes on missing tracks)."""
    evidence, empty = answer.evidence, empty_seconds(media)
    tracks: list[Track] = []
    missing = []
    if media.frames is not None and len(media.frames):
        tracks.append((1.15, partial(_frames, media=media, seconds=seconds)))
        if evidence and evidence.seen:
            tracks.append((0.7, partial(_weights, weights=evidence.seen, name="seen", empty=empty.get("seen", ()))))
    else:
        missing.append("no picture")
    if media.waveform is not None and len(media.waveform):
        tracks.append((0.9, partial(_waveform, media=media, answer=answer)))
        if evidence and evidence.heard and not all(empty["heard"]):
            tracks.append((0.7, partial(_weights, weights=evidence.heard, name="heard", empty=empty["heard"])))
    else:
        missing.append("no sound track")
    return tracks, missing


def _title(figure: Figure, lines: list[str], answer: Answer, high: float, left: float, size: int, letters: int) -> None:
    for number, line in enumerate(lines):
        figure.text(left, 1 - (0.28 + 0.3 * number) / high, line, color=INK, fontsize=size, weight="bold", va="center")
    place = 1 - (0.3 + 0.3 * len(lines)) / high
    text = textwrap.shorten(answer.text, letters, placeholder=" …")
    said = figure.text(left, place, text, color=HEARD, fontsize=size - 1, weight="bold", va="center")
    figure.draw_without_rendering()
    right = said.get_window_extent().x1 / figure.bbox.width
    sure = f"{answer.scores[answer.text]:.0%} sure" if answer.text in answer.scores else ""
    figure.text(right + 0.15 / figure.get_figwidth(), place, sure, color=SOFT, fontsize=size - 4, va="center")


def _bare(axes: Axes, name: str) -> None:
    axes.set_facecolor(PAPER)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_ylabel(name, color=SOFT, fontsize=10, rotation=0, ha="right", va="center", labelpad=6)


def _frames(axes: Axes, media: Media, seconds: float) -> None:
    """As many frames as fit side by side undistorted; each is the frame nearest to the middle of its interval."""
    _bare(axes, "picture")
    axes.set_ylim(0, 1)
    assert media.frames is not None
    box = axes.get_window_extent()
    height, width = media.frames.shape[1:3]
    count = max(1, round(box.width / (box.height * width / height)))
    for place in range(count):
        left, right = seconds * place / count, seconds * (place + 1) / count
        nearest = int(np.abs(np.asarray(media.times) - (left + right) / 2).argmin())
        gap = 0.02 * (right - left)
        axes.imshow(
            media.frames[nearest], extent=(left + gap, right - gap, 0, 1), aspect="auto", interpolation="antialiased"
        )


def _waveform(axes: Axes, media: Media, answer: Answer) -> None:
    """The envelope of the waveform; the answer's audio segments are tinted."""
    _bare(axes, "sound")
    axes.set_ylim(-1.05, 1.05)
    assert media.waveform is not None
    if media.silent:
        axes.text(0.5, 0.72, "silent", transform=axes.transAxes, color=SOFT, ha="center", va="center", fontsize=10)
        axes.axhline(0, color=LINE, linewidth=0.8)
        return
    for segment in answer.segments:
        if segment.stream in ("audio", "audio-visual"):
            axes.axvspan(segment.start, segment.end, color=HEARD, alpha=0.14, linewidth=0)
    pieces = np.array_split(media.waveform, min(1400, len(media.waveform)))
    low, high = np.array([p.min() for p in pieces]), np.array([p.max() for p in pieces])
    loudest = max(float(np.abs(media.waveform).max()), 1e-2)
    times = (np.arange(len(pieces)) + 0.5) * len(media.waveform) / media.sample_rate / len(pieces)
    axes.fill_between(times, low / loudest, high / loudest, color=INK, linewidth=0.4, alpha=0.75)
    axes.axhline(0, color=LINE, linewidth=0.8)


def _weights(axes: Axes, weights: tuple[float, ...], name: str, empty: Sequence[bool]) -> None:
    """One bar per second: the three largest in full colour, empty seconds hollow; a dashed line at uniform weight."""
    _bare(axes, name)
    gone = [i < len(empty) and empty[i] for i in range(len(weights))]
    heaviest = {i for i in np.argsort(weights)[::-1][:3] if not gone[i]}
    places = np.arange(len(weights)) + 0.5
    colours = ["none" if gone[i] else COLOURS[name] + ("" if i in heaviest else "70") for i in range(len(weights))]
    edges = [SOFT if nothing else "none" for nothing in gone]
    axes.bar(places, weights, width=0.86, color=colours, edgecolor=edges, linewidth=0.6, linestyle=":")
    even = 1 / len(weights)
    axes.axhline(even, color=SOFT, linewidth=0.9, linestyle=(0, (4, 4)))
    axes.set_ylim(0, max(*weights, 2 * even) * 1.08)
    axes.spines["bottom"].set(visible=True, color=LINE)


def _heads(answer: Answer) -> dict[str, Any]:
    """Head -> scores to show: those of the answer, then those of each unimodal head."""
    heads = {"answer": answer.scores} | dict(answer.evidence.opinions if answer.evidence else {})
    return {name: scores for name, scores in heads.items() if scores}


def _opinions(figure: Figure, span: tuple[float, float, float, float], heads: dict[str, Any], answer: Answer) -> None:
    """The likeliest answers of each head, inside `span`: left, right, top, bottom, as fractions of the figure."""
    left, right, top, bottom = span
    rows = figure.add_gridspec(len(heads), 1, hspace=0.42, left=left, right=right, top=top, bottom=bottom)
    for row, (name, scores) in enumerate(heads.items()):
        axes = figure.add_subplot(rows[row])
        _bare(axes, "")
        likeliest = sorted(scores.items(), key=lambda pair: -pair[1])[:SHOWN]
        for i, (text, score) in enumerate(likeliest):
            mine = text == answer.text
            axes.barh(-i, 1, height=0.72, color=FILL, linewidth=0)
            axes.barh(-i, score, height=0.72, color=HEARD if mine else "#c9c4ba", linewidth=0)
            label = textwrap.shorten(text, LABEL, placeholder=" …")
            axes.text(0.03, -i, label, color=INK, fontsize=9, va="center", weight="bold" if mine else "normal")
            axes.text(1.17, -i, f"{score:.0%}", color=INK, fontsize=9, va="center", ha="right")
        axes.set_xlim(0, 1.17)
        axes.set_ylim(-SHOWN + 0.45, 0.55)
        axes.set_xticks([])
        axes.set_title(HEADS.get(name, name), color=SOFT, fontsize=10, loc="left", pad=3)
