"""Parse the evidence of a reply, "heard 1:39-1:42; seen at 1:42", into segments.

A time belongs to the modality (seen or heard) that is named last before it in the same sentence or line; times without
a modality are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lookhear.datasets.reading.replies import in_order
from lookhear.datasets.reading.times import moments, stretches
from lookhear.tasks.reading.unwrap import spoken
from lookhear.types import Segment

SENSE = re.compile(
    r"\b(?:(?P<audio>heard?|hears?|hearing|audio|audible|sound(?:s|ed|ing)?|says?|said|spoken|speech|voice)"
    r"|(?P<visual>seen?|sees?|seeing|visual(?:ly)?|visible|vision|shown?|shows?|picture|frame|on screen|appears?))\b",
    re.IGNORECASE,
)
PARTS = re.compile(r"\n|[.;!?](?=\s|$)")
LONGEST = 20_000  # most characters that are parsed


def parse(reply: str, label: str = "") -> tuple[Segment, ...]:
    """The evidence of a reply as segments with label `label`; a single time becomes one second."""
    text, _ = spoken(reply)
    text = text if len(text) <= LONGEST else text[: LONGEST // 2] + "\n" + text[-LONGEST // 2 :]
    segments: list[Segment] = []
    begin = 0
    for end in [*(m.end() for m in PARTS.finditer(text)), len(text)]:
        part = text[begin:end]
        begin = end
        marks = list(SENSE.finditer(part))
        for i, mark in enumerate(marks):
            piece = part[mark.end() : marks[i + 1].start() if i + 1 < len(marks) else len(part)]
            stream = "audio" if mark["audio"] else "visual"
            spans = [(a, b) for a, b in stretches(piece) if a <= b]
            edges = {edge for span in spans for edge in span}
            spans += [(time, time + 1) for time in moments(piece) if time not in edges]
            segments += [Segment(label, a, b if b > a else a + 1, stream) for a, b in spans]
    return in_order(dict.fromkeys(segments))


def written(segments: Sequence[Segment]) -> str:
    """Segments in the form of a reply, in whole seconds, one line per modality: `heard 0:02-0:05, 0:07-0:09`."""
    lines = []
    for stream, word in (("audio", "heard"), ("visual", "seen")):
        spans: list[list[int]] = []
        for start, end in sorted(
            (math.floor(s.start), max(math.ceil(s.end), math.floor(s.start) + 1))
            for s in segments
            if s.stream in (stream, "audio-visual")
        ):
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], end)
            else:
                spans.append([start, end])
        if spans:
            lines.append(f"{word} " + ", ".join(f"{_clock(a)}-{_clock(b)}" for a, b in spans))
    return "\n".join(lines)


def _clock(second: int) -> str:
    return f"{second // 60}:{second % 60:02d}"
