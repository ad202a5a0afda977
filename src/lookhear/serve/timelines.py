"""The timeline of a clip: from the model if it makes one, else properties that need no model.

These are loudness, cuts, black and silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from lookhear.media.decode import stream
from lookhear.media.sampling import Sampling
from lookhear.timeline import Timeline
from lookhear.types import Clip

PIECE = 20.0  # seconds decoded at a time
FPS = 4.0
SIZE = (36, 64)
CUT = 40.0  # mean pixel difference (0..255) between two sampled frames that counts as a cut
BLACK = 12.0  # mean pixel value (0..255) below which a frame is black
SILENCE = -60.0  # dB full scale
QUIETEST = -90.0

Tell = Callable[[Any], None]


@runtime_checkable
class MakesTimelines(Protocol):
    """A model that makes a timeline of a clip."""

    def timeline(self, clip: Clip, progress: Callable[[float], None] | None = None) -> Timeline: ...


def timeline(clip: Clip, model: Any, tell: Tell) -> dict[str, Any]:
    """The timeline of `clip` as JSON. Raises MediaError."""
    if isinstance(model, MakesTimelines):
        return model.timeline(clip, lambda seconds: tell({"seconds": round(seconds, 2)})).to_json()
    return signal_timeline(clip, tell)


def signal_timeline(clip: Clip, tell: Tell) -> dict[str, Any]:
    """Loudness, cuts, black and silence, without any model."""
    loudness: list[float] = []
    levels: list[tuple[float, float]] = []  # (time, mean pixel value)
    cuts: list[float] = []
    before: np.ndarray | None = None
    done, frames = 0.0, 0
    notes: tuple[str, ...] = ()
    for piece in stream(clip, Sampling(fps=FPS, offset=0.0, size=SIZE), PIECE):
        if piece.waveform is not None:
            loudness += _loudness(piece.waveform, piece.sample_rate)
        for time, frame in zip(piece.times, piece.frames if piece.frames is not None else (), strict=False):
            small = frame.astype(np.float32)
            levels.append((float(time), float(small.mean())))
            if before is not None and float(np.abs(small - before).mean()) > CUT:
                cuts.append(round(float(time), 2))
            before = small
            frames += 1
        done += piece.duration
        notes = piece.notes
        tell({"seconds": round(done, 2), "loudness": loudness})
    return {
        "version": 1,
        "source": clip.id,
        "duration": round(done, 3),
        "events": [],
        "sentences": [],
        "loudness": loudness,
        "cuts": cuts,
        "black": _stretches([(t, level < BLACK) for t, level in levels], 1 / FPS),
        "silence": _stretches([(float(i), level < SILENCE) for i, level in enumerate(loudness)], 1.0),
        "frames": frames,
        "ranked": {},
        "listened": False,
        "notes": [*notes, "this model makes no timeline: no events are named"],
    }


def _loudness(waveform: np.ndarray, rate: int) -> list[float]:
    """Loudness of each second in dB full scale."""
    levels: list[float] = []
    for start in range(0, len(waveform), rate):
        second = waveform[start : start + rate].astype(np.float64)
        if len(second) >= rate // 2 or not levels:
            level = float(np.sqrt(np.mean(second**2))) if len(second) else 0.0
            levels.append(round(max(QUIETEST, 20 * float(np.log10(max(level, 1e-9)))), 1))
    return levels


def _stretches(marks: list[tuple[float, bool]], step: float) -> list[list[float]]:
    """Contiguous runs of marked steps, each `step` seconds long, as [start, end] in seconds."""
    spans: list[list[float]] = []
    for time, on in marks:
        if on and spans and abs(spans[-1][1] - time) < step / 2:
            spans[-1][1] = round(time + step, 2)
        elif on:
            spans.append([round(time, 2), round(time + step, 2)])
    return spans
