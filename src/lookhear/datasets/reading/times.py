"""Parse times in free text: "from 2 to 5 s", "0:02-0:05", "at 1:02:03", "2.5 seconds". Runs in linear time.

stretches("a bark from 0:02 to 0:05")  ->  [(2.0, 5.0)]
moments("she waves at 03:16")          ->  [196.0]
"""

from __future__ import annotations

import re

CLOCK = r"\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?:\.\d{1,3})?"
CLOCKS = re.compile(rf"(?<![\d:：]){CLOCK}(?![\d:：])")
PLAIN = r"\d{1,9}(?:\.\d{1,6})?"
UNIT = r"(?:s|sec|secs|second|seconds)\b"
JOIN = (
    r"\s{0,3}(?:to|until|till|through|(?:, )?and(?: (?:then )?(?:it )?(?:ends|stops|finishes|ceases|is gone|is over)"
    r"(?: (?:at|by|around|after))?(?: (?:about|around))?)?|-|–|—|~|→|,)\s{0,3}"
)


def _edge(side: str) -> str:
    """Regular expression for one end of a time span: a clock time, or a number with an optional unit."""
    return (
        rf"(?:(?:seconds?|time)\s{{0,2}})?(?P<{side}clock>{CLOCK})"
        rf"|(?:(?P<{side}said>seconds?)\s{{0,2}})?(?P<{side}plain>{PLAIN})\s{{0,2}}(?P<{side}unit>{UNIT})?"
    )


STRETCH = re.compile(rf"(?<![\w.:：])(?:{_edge('a')}){JOIN}(?:{_edge('b')})(?!\w|[:：]\d|\.\d)", re.IGNORECASE)
TIMED = [side + mark for side in "ab" for mark in ("clock", "unit", "said")]  # groups that make two numbers times
MOMENT = re.compile(
    rf"(?<![\w.:：])(?:(?P<clock>{CLOCK})|(?P<plain>{PLAIN})\s{{0,2}}{UNIT}|"
    rf"seconds?\s{{1,2}}(?P<after>{PLAIN}))(?!\w|[:：]\d|\.\d)",
    re.IGNORECASE,
)


def seconds(clock: str) -> float:
    """Seconds of `m:ss`, `mm:ss` or `h:mm:ss`, with an ASCII or full-width colon, or of plain seconds."""
    total = 0.0
    for part in clock.replace("：", ":").split(":"):
        total = 60 * total + float(part)
    return total


def stretches(text: str) -> list[tuple[float, float]]:
    """(start, end) of each time span, in order of the text; plain numbers count only if one of them has a unit."""
    return [span for _, span in spans(text)]


def spans(text: str) -> list[tuple[tuple[int, int], tuple[float, float]]]:
    """(offsets, (start, end)) of each time span, in order of the text."""
    times = []
    for m in STRETCH.finditer(text):
        if any(m.group(*TIMED)):
            times.append((m.span(), (_side(m, "a"), _side(m, "b"))))
    return times


def _side(match: re.Match[str], side: str) -> float:
    return seconds(match[side + "clock"] or match[side + "plain"])


def moments(text: str) -> list[float]:
    """Every time in the text, including the ends of spans, in order."""
    return [time for _, time in points(text)]


def points(text: str) -> list[tuple[tuple[int, int], float]]:
    """(offsets, time) of every time in the text, in order."""
    return [(m.span(), seconds(m["clock"] or m["plain"] or m["after"])) for m in MOMENT.finditer(text)]
