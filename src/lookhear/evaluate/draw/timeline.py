"""Figure of a timeline: frames, seen and heard events as bars over the seconds, loudness, spoken sentences."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from lookhear.errors import DependencyError
from lookhear.evaluate.draw.picture import COLOURS, INK, PAPER, SOFT
from lookhear.timeline.scene import short
from lookhear.timeline.value import Event, Timeline
from lookhear.types import Media

ROWS = 6  # most labels per sense
WIDE, LEFT, RIGHT = 12, 0.17, 0.98  # width in inches; edges of the plots as shares of it
TILES, TILE = 8, 1.2  # frames above the bars, and their height in inches
STREAM = {"seen": COLOURS["seen"], "heard": COLOURS["heard"]}


def drawn(timeline: Timeline, media: Media, path: Path) -> Path:
    """Draw `timeline` over the frames of `media`, to `path` (png, svg or pdf). Raises DependencyError."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise DependencyError(
            "Drawing a timeline needs matplotlib, which is not installed. Run: pip install 'lookhear[report]'"
        ) from None
    rows = [(stream, *row) for stream in ("seen", "heard") for row in longest(timeline.of(stream))]
    frames = media.frames if media.frames is not None and len(media.frames) else None
    sizes = (TILE if frames is not None else 0.01, 0.32 * max(1, len(rows)), 0.6)
    tall = sum(sizes) + 0.85
    figure = Figure(figsize=(WIDE, tall), facecolor=PAPER)
    edges = {"left": LEFT, "right": RIGHT, "top": 1 - 0.1 / tall, "bottom": 0.55 / tall}
    top, middle, bottom = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": sizes, "hspace": 0.08, **edges}
    )
    for axes in (top, middle, bottom):
        axes.set_facecolor(PAPER)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, colors=SOFT, labelsize=10)
        axes.set_xlim(0, timeline.duration)
    top.set_yticks([])
    if frames is not None:
        wide = timeline.duration / TILES
        for i, frame in enumerate(np.linspace(0, len(frames) - 1, TILES).round().astype(int)):
            tile = cropped(frames[frame], (RIGHT - LEFT) * WIDE / TILES / TILE)
            top.imshow(tile, extent=(i * wide, (i + 0.97) * wide, 0, 1), aspect="auto")
    top.set_ylim(0, 1)
    middle.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    middle.set_yticks(range(len(rows)), [f"{stream}: {short(label)}" for stream, label, _ in rows])
    for place, (stream, _, events) in enumerate(rows):
        spans = [(e.start, e.end - e.start) for e in events]
        middle.broken_barh(spans, (place - 0.32, 0.64), color=STREAM[stream], alpha=max(e.score for e in events))
    if timeline.loudness:
        levels = np.maximum([*timeline.loudness, timeline.loudness[-1]], -60)  # each lasts from its second to the next
        bottom.fill_between(np.arange(len(levels)), -60, levels, color=STREAM["heard"], alpha=0.35, step="post")
    bottom.set_ylim(-60, 0)
    bottom.set_yticks([-30], ["dB"])
    bottom.set_xlabel("seconds", color=SOFT)
    for sentence in timeline.sentences[:6]:
        words = textwrap.shorten(sentence.text, 60, placeholder=" …")
        bottom.text(sentence.start, -8, words, color=INK, fontsize=9, style="italic", va="top", clip_on=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, facecolor=PAPER)
    return path


def cropped(frame: UInt8[np.ndarray, "height width 3"], ratio: float) -> UInt8[np.ndarray, "row column 3"]:
    """The middle of a frame, `ratio` times as wide as high."""
    height, width = frame.shape[:2]
    high, wide = min(height, round(width / ratio) or 1), min(width, round(height * ratio) or 1)
    y, x = (height - high) // 2, (width - wide) // 2
    return frame[y : y + high, x : x + wide]


def longest(events: tuple[Event, ...]) -> list[tuple[str, list[Event]]]:
    """The ROWS labels with the largest sum of duration times score, with their events, largest first."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.label, []).append(event)
    ordered = sorted(found.items(), key=lambda pair: -sum(e.score * (e.end - e.start) for e in pair[1]))
    return ordered[:ROWS]
