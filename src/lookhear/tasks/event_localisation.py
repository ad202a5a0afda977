"""Event localisation and video parsing: which events are seen and heard, and when (AVE, UnAV-100, LLP).

`meta["form"]` of an example: `ave` is one event with one range, `unav` several events with their ranges, `llp` the
events of each stream separately. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil

from lookhear.datasets.reading import replies
from lookhear.errors import DatasetError
from lookhear.metrics import av_parsing
from lookhear.metrics.av_parsing import SECONDS
from lookhear.pooled import Pooled, totals
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import events, prompts, reader, unwrap
from lookhear.types import Answer, Example, Segment

VERSION = 1
MAIN = {"": "segment/audio-visual", "ave": "accuracy", "llp": "segment/type"}
right = None  # answers are graded
FORMS = ("ave", "unav", "llp")
NOTHING = "No events."


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt with the list of events."""
    return prompts.prompt(_form(example), vocabulary or example.meta.get("labels", ()))


def target(example: Example, explain: bool = True) -> str:
    """The training target: events and times in the form of the example, after the reasoning or (`explain=False`) alone.

    Raises DatasetError if the reference has events without times, as in LLP's training set.
    """
    reference, form = reader.reference(example), _form(example)
    if form != "ave" and not reference.segments and reference.text:
        raise DatasetError(f"Example {example.id!r} does not say when its events are, so there is no target for it.")
    write = {"ave": _ave, "unav": _unav, "llp": _llp}[form]
    if not explain:
        return write(reference)
    return reader.explained(example, f"{_told(reference.segments)} Therefore: {write(reference)}.", parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse the events and times of a reply; labels are spelled as in the example's list.

    Parts that cannot be parsed are noted and the rest is kept. A reply without events is noted too, unless it says so
    in the words of a target (NOTHING).
    """
    form, known = _form(example), vocabulary or example.meta.get("labels", ())
    statement, why = unwrap.spoken(reply)
    if why:
        return Answer(raw=reply, notes=(UNREAD + why,))
    parsed = (replies.streams if form == "llp" else replies.events)(statement)
    if not parsed.segments and not parsed.labels:
        parsed = events.parse(statement, known, streams=form == "llp") or parsed
    segments = replies.in_order(replace(s, label=reader.canonical(s.label, known)) for s in parsed.segments)
    labels = dict.fromkeys(reader.canonical(label, known) for label in parsed.labels)
    problems = list(parsed.problems)
    strange = [label for label in labels if known and label not in known]
    problems += [f"no known event: {label!r}" for label in strange]
    if not labels and not problems and not (form != "ave" and NOTHING in statement):
        problems.append("the reply names no event")
    text = replies.names(segments) or ", ".join(labels)
    return Answer(text, segments=segments, raw=reply, notes=tuple(UNREAD + problem for problem in problems))


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """The metrics of a form, in percent, and `unread`. Without `form`, it is inferred from the references.

    `llp`: the ten F1 scores of `metrics.av_parsing.parsing`. `ave`: `accuracy` of seconds. `unav`: F1 of seconds and of
    events, over both streams together.
    """
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    form, seconds = form or _looks_like(references), _length(references)
    if form == "ave":
        return av_parsing.pooled_accuracy(answers, references, seconds) | reader.share(answers)
    scores = av_parsing.pooled(answers, references, seconds)
    names = scores if form == "llp" else ("segment/audio-visual", "event/audio-visual")
    return {name: scores[name] for name in names} | reader.share(answers)


def by_class(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, dict[str, float]]:
    """Event -> accuracy of its seconds in percent (`ave`), or F1 of its seconds in each stream."""
    form, seconds = form or _looks_like(references), _length(references)
    if form == "ave":
        right = av_parsing.event_accuracy_by_label(answers, references, seconds)
        return {label: {"accuracy": value} for label, value in right.items()}
    return av_parsing.parsing_by_label(answers, references, seconds)


def _looks_like(references: Sequence[Answer]) -> str:
    segments = [segment for reference in references for segment in reference.segments]
    if any(segment.stream != "audio-visual" for segment in segments):
        return "llp"
    single = all(len(reference.segments) <= 1 for reference in references)
    return "ave" if single and _length(references) == SECONDS else "unav"


def _length(references: Sequence[Answer]) -> int:
    """Number of whole seconds that cover every event; at least ten."""
    return max(SECONDS, ceil(max((s.end for reference in references for s in reference.segments), default=0)))


def _form(example: Example) -> str:
    form = example.meta.get("form")
    if form not in FORMS:
        raise DatasetError(f"Example {example.id!r} is of form {form!r}, which is none of {', '.join(FORMS)}.")
    return form


def _ave(reference: Answer) -> str:
    if len(reference.segments) > 1:
        raise DatasetError(f"{len(reference.segments)} events where AVE has one: {reference.text!r}.")
    times = [f"{_seconds(s.start)},{_seconds(s.end)}" for s in reference.segments] or [replies.NEVER]
    return f"<event> {reference.text} </event>, <range> {times[0]} </range>"


def _unav(reference: Answer) -> str:
    return (
        " ".join(f"<event>{label}, {''.join(times)}</event>" for label, times in _grouped(reference.segments))
        or NOTHING
    )


def _llp(reference: Answer) -> str:
    return (
        " ".join(
            f"<{stream}>{label},{','.join(times)}</{stream}>"
            for stream in ("visual", "audio")
            for label, times in _grouped([s for s in reference.segments if s.stream in (stream, "audio-visual")])
        )
        or NOTHING
    )


def _grouped(segments: Sequence[Segment]) -> list[tuple[str, list[str]]]:
    """(label, ranges) pairs, ordered by first occurrence."""
    times: dict[str, list[str]] = {}
    for segment in segments:
        times.setdefault(segment.label, []).append(f"({_seconds(segment.start)} {_seconds(segment.end)})")
    return list(times.items())


def _told(segments: Sequence[Segment]) -> str:
    """The segments as sentences, in order of time."""
    verbs = {"audio": "is heard", "visual": "is seen", "audio-visual": "is seen and heard"}
    told = [
        f"{s.label} {verbs[s.stream]} from second {_seconds(s.start)} to second {_seconds(s.end)}." for s in segments
    ]
    return " ".join(told) or "Nothing is both seen and heard at any time."


def _seconds(time: float) -> str:
    """A time with all its digits, without exponent."""
    return format(Decimal(repr(time)).normalize(), "f")
