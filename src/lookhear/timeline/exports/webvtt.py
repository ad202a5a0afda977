"""WebVTT: one cue per event, sentence or silence, with the modality as its voice; opens in any player."""

from __future__ import annotations

from html import escape

from lookhear.timeline.exports.rows import tiers
from lookhear.timeline.value import Timeline


def write(timeline: Timeline) -> str:
    """The text of a .vtt file. Cues last at least one millisecond, as the format requires."""
    cues = sorted((a, max(b, a + 0.001), tier, text) for tier, rows in tiers(timeline).items() for a, b, text in rows)
    lines = ["WEBVTT", ""]
    for number, (start, end, tier, text) in enumerate(cues, 1):
        plain = escape(" ".join(text.split()), quote=False)  # `-->` and tags in a text must not be parsed
        lines += [str(number), f"{_clock(start)} --> {_clock(end)}", f"<v {tier}>{plain}</v>", ""]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
