"""Tolerant parser of the tags and brackets in AV-UIE targets and in replies of models.

    <answer> violin </answer>                                        answer
    <event> Bark </event> … <range> 0,4 </range>                     events (AVE)
    <event>dog barking, (0 4)(6 9)</event>                           events (UnAV-100)
    <visual>Dog,(0 4),(6 9)</visual> <audio>Speech,(1 7)</audio>     events (LLP; also visual_event, audio_event)
    [12,34,100,120], [50,60], [70,80], [60,90]                       coordinates

No function raises an error, whatever the text. Tags that cannot be parsed are listed in `problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lookhear.types import Segment

NEVER = "none"  # range of an event without duration
# Repetitions in the patterns are bounded and no number begins inside another, so parsing takes linear time.
BLANK = r"\s{0,8}"
NUMBER = r"(?<![\d.])\d{1,12}(?:\.\d{1,12})?(?![\d])"
BETWEEN = rf"{BLANK}(?:,|;|-|–|\bto\b|\s){BLANK}"
RANGE = re.compile(rf"({NUMBER}){BETWEEN}({NUMBER})")
BRACKETED = re.compile(rf"[(\[]{BLANK}({NUMBER}){BETWEEN}({NUMBER}){BLANK}(?:s|seconds?)?{BLANK}[)\]]")
LISTED = re.compile(
    rf"event{BLANK}:{BLANK}(?P<label>[^\n:]{{1,120}}?)[\s,;]{{1,8}}start_time{BLANK}:{BLANK}(?P<start>{NUMBER})"
    rf"[\s,;]{{1,8}}end_time{BLANK}:{BLANK}(?P<end>{NUMBER})",
    re.IGNORECASE,
)
COORDINATE = rf"{BLANK}(-?\d{{1,9}}(?:\.\d{{1,9}})?){BLANK}"
COORDINATES = re.compile(rf"[\[(]{COORDINATE},{COORDINATE}(?:,{COORDINATE},{COORDINATE})?[\])]")
STREAMS = {"visual": "visual", "visual_event": "visual", "audio": "audio", "audio_event": "audio"}


@dataclass(frozen=True)
class ParsedEvents:
    """Result of parsing: segments in temporal order, labels of all events, and tags that could not be parsed."""

    segments: tuple[Segment, ...] = ()
    problems: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()  # unique labels, including those of events without a time


def tagged(text: str, *names: str) -> list[tuple[str, str]]:
    """(name, content) of each tag with one of `names`, in order, ignoring case and blanks inside the tag.

    A closing tag may lack its slash, as in AV-UIE's own examples, or be missing; the content then ends at the next
    opening tag or at the end of the text.
    """
    tag = re.compile(rf"<{BLANK}(/?){BLANK}({'|'.join(map(re.escape, names))}){BLANK}/?{BLANK}>", re.IGNORECASE)
    marks = list(tag.finditer(text))
    contents: list[tuple[str, str]] = []
    opened: re.Match[str] | None = None
    for i, mark in enumerate(marks):
        if opened is None:
            opened = None if mark[1] else mark
            continue
        contents.append((opened[2].lower(), text[opened.end() : mark.start()].strip()))
        closes = mark[1] or (mark[2].lower() == opened[2].lower() and not (i + 1 < len(marks) and marks[i + 1][1]))
        opened = None if closes else mark
    if opened is not None:
        contents.append((opened[2].lower(), text[opened.end() :].strip()))
    return contents


def answer(text: str) -> str | None:
    """Content of the last <answer> tag; None if there is none or it is empty."""
    said = [content for _, content in tagged(text, "answer") if content]
    return said[-1] if said else None


def events(text: str) -> ParsedEvents:
    """Events in either form of <event>, or as `event: … start_time: … end_time: …`, without a stream."""
    parts = tagged(text, "event", "range")
    segments, problems, waiting, untimed = list[Segment](), list[str](), list[str](), list[str]()
    for name, content in parts:
        if name == "event":
            label, times = _label_and_times(content)
            if times:
                _add(segments, problems, label, times, "audio-visual")
            elif content:
                waiting.append(content)
            continue
        if not waiting:
            problems.append(f"a range without an event: {content!r}")
            continue
        label, times = waiting.pop(0), [(float(a), float(b)) for a, b in RANGE.findall(content)]
        if times:
            _add(segments, problems, label, times, "audio-visual")
        elif content.lower() == NEVER:
            untimed.append(label)
        else:
            problems.append(f"not a range: {content!r}")
    problems += [f"an event without a range: {label!r}" for label in waiting]
    if not parts:
        for found in LISTED.finditer(text):
            _add(segments, problems, found["label"], [(float(found["start"]), float(found["end"]))], "audio-visual")
    return _parsed_events(segments, problems, untimed)


def streams(text: str) -> ParsedEvents:
    """Events of the visual and of the audio stream, in LLP's form."""
    segments, problems = list[Segment](), list[str]()
    for name, content in tagged(text, *STREAMS):
        label, times = _label_and_times(content)
        if times:
            _add(segments, problems, label, times, STREAMS[name])
        else:
            problems.append(f"an event without a range: {content!r}")
    return _parsed_events(segments, problems)


def coordinates(text: str) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Boxes (four numbers) and points (two), in square or round brackets, in order."""
    found = [tuple(float(n) for n in match.groups() if n is not None) for match in COORDINATES.finditer(text)]
    return [numbers for numbers in found if len(numbers) == 4], [numbers for numbers in found if len(numbers) == 2]


def in_order(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments sorted by start, end and label: the order of references and of parsed replies."""
    return tuple(sorted(segments, key=lambda s: (s.start, s.end, s.label, s.stream)))


def names(segments: Iterable[Segment]) -> str:
    """The unique labels of `segments`, in their order."""
    return ", ".join(dict.fromkeys(segment.label for segment in segments))


def _parsed_events(segments: Sequence[Segment], problems: Sequence[str], untimed: Sequence[str] = ()) -> ParsedEvents:
    ordered = in_order(segments)
    return ParsedEvents(ordered, tuple(problems), tuple(dict.fromkeys((*(s.label for s in ordered), *untimed))))


def _label_and_times(content: str) -> tuple[str, list[tuple[float, float]]]:
    ranges = list(BRACKETED.finditer(content))
    label = content[: ranges[0].start()] if ranges else content
    return label.strip(" ,:;\n\t"), [(float(match[1]), float(match[2])) for match in ranges]


def _add(
    segments: list[Segment], problems: list[str], label: str, times: Sequence[tuple[float, float]], stream: str
) -> None:
    if not label.strip():
        problems.append("a range without an event")
        return
    for start, end in times:
        if start <= end:
            segments.append(Segment(label.strip(), start, end, stream))
        else:
            problems.append(f"{label.strip()!r} ends before it starts: {start:g} to {end:g}")
