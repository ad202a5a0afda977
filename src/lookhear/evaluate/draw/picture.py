"""One picture of one answer: what was seen and heard, how much each second weighed, what each head thought."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lookhear.errors import DependencyError
from lookhear.types import Answer, Media

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE, PAPER = "#1d1b26", "#8a8794", "#dedad2", "#fbfaf7"
COLOURS = {"seen": "#2f6f8f", "heard": "#c2622f"}
HEADS = {"joint": "together", "audio": "by ear", "visual": "by eye"}
SHOWN = 3  # answers of each head


def picture(media: Media, question: str, answer: Answer, path: Path | str) -> Path:
    """Draw frames, waveform, weight per second of both, and the heads' opinions; the question and answer are the title.

    `media` is the clip as decoded, at any sampling. Written to `path` (its suffix says the format: png, pdf, svg).
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DependencyError(
            "Drawing evidence needs matplotlib, which is not installed. Run: pip install 'lookhear[report]'"
        ) from None
    evidence = answer.evidence
    seconds = max(media.duration, *(len(w) for w in (evidence.seen, evidence.heard)) if evidence else (0,), 1.0)
    figure = Figure(figsize=(12, 5.4), facecolor=PAPER)
    grid = figure.add_gridspec(
        *(4, 2), width_ratios=(4.2, 1), height_ratios=(1.15, 0.7, 0.9, 0.7),
        left=0.065, right=0.98, top=0.80, bottom=0.10, hspace=0.10, wspace=0.16,
    )  # fmt: skip
    tracks = [figure.add_subplot(grid[row, 0]) for row in range(4)]
    _frames(tracks[0], media, seconds)
    _weights(tracks[1], evidence.seen if evidence else (), "seen")
    _waveform(tracks[2], media, answer, seconds)
    _weights(tracks[3], evidence.heard if evidence else (), "heard")
    for axes in tracks:
        axes.set_xlim(0, seconds)
        axes.tick_params(axis="x", length=0, labelbottom=axes is tracks[-1], colors=SOFT, labelsize=9)
    tracks[-1].set_xlabel("seconds", color=SOFT, fontsize=9)
    _opinions(figure, grid[:, 1], answer)
    _title(figure, question, answer)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, facecolor=PAPER)
    return path


def _title(figure: Figure, question: str, answer: Answer) -> None:
    asked = textwrap.shorten(question, 110, placeholder=" …")
    figure.text(0.065, 0.93, asked, color=INK, fontsize=16, weight="bold", va="center")
    sure = f"   {answer.scores[answer.text]:.0%} sure" if answer.text in answer.scores else ""
    said = figure.text(0.065, 0.865, answer.text, color=COLOURS["heard"], fontsize=15, weight="bold", va="center")
    figure.draw_without_rendering()
    right = said.get_window_extent().x1 / figure.bbox.width
    figure.text(right, 0.863, sure, color=SOFT, fontsize=12, va="center")
    if answer.notes:
        figure.text(0.065, 0.02, " · ".join(answer.notes), color=SOFT, fontsize=9, style="italic")


def _bare(axes: Axes, name: str) -> None:
    axes.set_facecolor(PAPER)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_ylabel(name, color=SOFT, fontsize=10, rotation=0, ha="right", va="center", labelpad=10)


def _absent(axes: Axes, words: str) -> None:
    axes.set_facecolor("#f0ede6")
    axes.text(0.5, 0.5, words, transform=axes.transAxes, color=SOFT, ha="center", va="center", fontsize=11)


def _frames(axes: Axes, media: Media, seconds: float) -> None:
    """As many frames as fit side by side without distortion, each the one nearest the middle of its place."""
    _bare(axes, "picture")
    axes.set_ylim(0, 1)
    if media.frames is None or not len(media.frames):
        return _absent(axes, "no picture")
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
    return None


def _waveform(axes: Axes, media: Media, answer: Answer, seconds: float) -> None:
    """The sound's envelope; stretches the answer points to in what was heard are tinted."""
    _bare(axes, "sound")
    axes.set_ylim(-1.05, 1.05)
    if media.waveform is None or not len(media.waveform):
        return _absent(axes, "no sound track")
    for segment in answer.segments:
        if segment.stream in ("audio", "audio-visual"):
            axes.axvspan(segment.start, segment.end, color=COLOURS["heard"], alpha=0.14, linewidth=0)
    pieces = np.array_split(media.waveform, min(1400, len(media.waveform)))
    low, high = np.array([p.min() for p in pieces]), np.array([p.max() for p in pieces])
    loudest = max(float(np.abs(media.waveform).max()), 1e-4)
    times = (np.arange(len(pieces)) + 0.5) * len(media.waveform) / media.sample_rate / len(pieces)
    axes.fill_between(times, low / loudest, high / loudest, color=INK, linewidth=0.4, alpha=0.75)
    axes.axhline(0, color=LINE, linewidth=0.8)
    return None


def _weights(axes: Axes, weights: tuple[float, ...], name: str) -> None:
    """One bar a second; the three heaviest are full colour, the dashed line is what an even spread would be."""
    _bare(axes, name)
    if not weights:
        return _absent(axes, f"no weights of what was {name}")
    heaviest = set(np.argsort(weights)[::-1][:3])
    colours = [COLOURS[name] if i in heaviest else COLOURS[name] + "70" for i in range(len(weights))]
    axes.bar(np.arange(len(weights)) + 0.5, weights, width=0.86, color=colours, linewidth=0)
    even = 1 / len(weights)
    axes.axhline(even, color=SOFT, linewidth=0.9, linestyle=(0, (4, 4)))
    axes.set_ylim(0, max(*weights, 2 * even) * 1.08)
    axes.spines["bottom"].set(visible=True, color=LINE)
    return None


def _opinions(figure: Figure, place: Any, answer: Answer) -> None:
    """The likeliest answers: overall, then of each head that has its own opinion."""
    heads = {"answer": answer.scores} | dict(answer.evidence.opinions if answer.evidence else {})
    heads = {name: scores for name, scores in heads.items() if scores}
    if not heads:
        return
    rows = place.subgridspec(len(heads), 1, hspace=0.42)
    for row, (name, scores) in enumerate(heads.items()):
        axes = figure.add_subplot(rows[row])
        _bare(axes, "")
        top = sorted(scores.items(), key=lambda pair: -pair[1])[:SHOWN]
        for i, (text, score) in enumerate(top):
            mine = text == answer.text
            axes.barh(-i, 1, height=0.72, color="#f0ede6", linewidth=0)
            axes.barh(-i, score, height=0.72, color=COLOURS["heard"] if mine else "#c9c4ba", linewidth=0)
            axes.text(0.03, -i, text, color=INK, fontsize=9, va="center", weight="bold" if mine else "normal")
            axes.text(1.17, -i, f"{score:.0%}", color=INK, fontsize=9, va="center", ha="right")
        axes.set_xlim(0, 1.17)
        axes.set_ylim(-SHOWN + 0.45, 0.55)
        axes.set_xticks([])
        axes.set_title(HEADS.get(name, name), color=SOFT, fontsize=10, loc="left", pad=3)
