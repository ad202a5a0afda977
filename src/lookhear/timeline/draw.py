"""Draw a timeline in the terminal: one row per label, heard above seen, then speech and signal facts."""

from __future__ import annotations

from itertools import pairwise

from lookhear.timeline.scene import short
from lookhear.timeline.value import Event, Timeline

WIDE, NAME, ROWS = 60, 26, 8  # characters of the bars and of a label; largest number of labels per modality
FULL, EMPTY = "█", "·"
LEVELS = " ▁▂▃▄▅▆▇█"


def bars(timeline: Timeline, wide: int = WIDE) -> list[str]:
    """The lines of the drawing."""
    lines = [f"{timeline.source}  {timeline.duration:g} s"]
    for stream in ("heard", "seen"):
        rows = _by_label(timeline.of(stream))
        for i, (label, events) in enumerate(rows[:ROWS]):
            head = stream if i == 0 else ""
            best = max(event.score for event in events)
            lines.append(
                f"  {head:6s} {short(label)[:NAME]:{NAME}s} |{_bar(events, timeline.duration, wide)}| {best:4.0%}"
            )
        if len(rows) > ROWS:
            lines.append(f"  {'':6s} … and {len(rows) - ROWS} more")
        if not rows and ((stream == "heard" and timeline.loudness) or (stream == "seen" and timeline.frames)):
            near = ", ".join(f"{short(n)} {p:.0%}" for n, p in (timeline.ranked or {}).get(stream, ())[:3])
            lines.append(f"  {stream:6s} nothing stands out{f' (nearest: {near})' if near else ''}")
    if timeline.loudness:
        lines.append(
            f"  {'level':6s} {'':{NAME}s} |{_levels(timeline.loudness, wide)}| {max(timeline.loudness):.0f} dB at most"
        )
    for sentence in timeline.sentences:
        lines.append(f"  {'said':6s} {sentence.start:6.1f} s  {sentence.text}")
    for name, times in (("cuts", timeline.cuts), ("black", timeline.black), ("silent", timeline.silence)):
        if times:
            told = ", ".join(f"{t:g}" if isinstance(t, float) else f"{t[0]:g} to {t[1]:g}" for t in times[:8])
            lines.append(f"  {name:6s} {told} s" + (f" and {len(times) - 8} more" if len(times) > 8 else ""))
    return lines + [f"  {'note':6s} {note}" for note in timeline.notes]


def _by_label(events: tuple[Event, ...]) -> list[tuple[str, list[Event]]]:
    """Labels with their events, ordered by duration times probability."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.label, []).append(event)
    return sorted(found.items(), key=lambda pair: -sum(e.score * (e.end - e.start) for e in pair[1]))


def _bar(events: list[Event], duration: float, wide: int) -> str:
    row = [EMPTY] * wide
    for event in events:
        first = min(wide - 1, int(event.start / duration * wide))
        for i in range(first, max(first + 1, min(wide, round(event.end / duration * wide)))):
            row[i] = FULL
    return "".join(row)


def _levels(loudness: tuple[float, ...], wide: int) -> str:
    """Levels from -60 dB to 0 dB full scale; the maximum where one character covers several seconds."""
    count = min(wide, len(loudness))
    edges = [round(i * len(loudness) / count) for i in range(count + 1)]
    tallest = [max(loudness[a:b]) for a, b in pairwise(edges)]
    row = "".join(LEVELS[max(0, min(8, round((level + 60) / 60 * 8)))] for level in tallest)
    return "".join(row[i * count // wide] for i in range(wide))
