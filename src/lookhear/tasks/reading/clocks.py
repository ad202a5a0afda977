"""Find options that are times: "from 0:20 to 0:25" names the option "0:20-0:25", "at 0:22" the only one it lies in."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lookhear.datasets.reading import times
from lookhear.tasks.reading.claims import Mention

LEADING = re.compile(r"\b(?:from|between|at|around|about|during|in|within|roughly|of)\s+$")
Span = tuple[float, float]


def mentions(soft: str, texts: Sequence[str]) -> list[Mention]:
    """Mentions of options by their times, if every option is one time or one span and no two are equal."""
    spans = [_span(text) for text in texts]
    known = [span for span in spans if span is not None]
    if len(known) < len(spans) or len(set(known)) < len(known) or not known:
        return []
    mentioned, taken = list[Mention](), list[tuple[int, int]]()
    for match, span in times.spans(soft):
        taken.append(match)
        if span in known:
            mentioned.append(_mention(soft, *match, known.index(span)))
    for match, moment in times.points(soft):
        if any(start <= match[0] < end for start, end in taken):
            continue
        inside = [place for place, (start, end) in enumerate(known) if start <= moment <= end]
        if len(inside) == 1:
            mentioned.append(_mention(soft, *match, inside[0]))
    return mentioned


def _mention(soft: str, start: int, end: int, place: int) -> Mention:
    """The mention with its preposition: "from 0:20 to 0:25" is no passing mention."""
    before = LEADING.search(soft[max(0, start - 12) : start])
    return Mention(start - len(before[0]) if before else start, end, place)


def _span(text: str) -> Span | None:
    """The only time of an option as (start, end), or None."""
    spans = [span for _, span in times.spans(text)]
    points = [(moment, moment) for _, moment in times.points(text)]
    some = spans or points
    return some[0] if len(some) == 1 else None
