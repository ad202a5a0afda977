"""The result of a program: an answer with confidence and evidence, or the reason why it is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lookhear.timeline.concepts import Concept, Meaning
from lookhear.timeline.grammar import Query
from lookhear.timeline.scene import Scene
from lookhear.timeline.value import Event
from lookhear.types import Region, Segment

CANNOT = "cannot say"
STREAM = {"heard": "audio", "seen": "visual"}  # stream of events -> stream of segments
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Finding:
    """An answer of a program. `among` are other candidates with their confidences.

    If not `known`, it cannot be answered.
    """

    text: str
    confidence: float = 0.0
    segments: tuple[Segment, ...] = ()
    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()
    among: Mapping[str, float] = field(default_factory=dict)
    opinions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    known: bool = True


class Unknown(Exception):  # noqa: N818  not an error: the way a program says that it does not know
    """A program cannot answer; the text is the reason."""


def unknown(reason: str) -> Finding:
    """A finding without an answer, for this reason."""
    return Finding(CANNOT, notes=(reason,), known=False)


def segments_of(events: Sequence[Event]) -> tuple[Segment, ...]:
    """The times of events, as segments."""
    return tuple(Segment(event.label, event.start, event.end, STREAM[event.stream]) for event in events)


def regions_of(events: Sequence[Event]) -> tuple[Region, ...]:
    """The boxes of events, as regions."""
    return tuple(Region(event.label, event.box, time=(event.start + event.end) / 2) for event in events if event.box)


def streams(scene: Scene, query: Query) -> list[str]:
    """The modalities that a question asks about and the clip has. Raises Unknown if there is none."""
    wanted = [query.stream] if query.stream else ["heard", "seen"]
    found = [stream for stream in wanted if scene.has(stream)]
    if not found:
        raise Unknown({"heard": "The clip has no sound.", "seen": "The clip has no picture."}[wanted[0]])
    return found


def concept(meaning: Meaning) -> Concept:
    """The concept of a phrase. Raises Unknown, with the nearest known one, if there is none."""
    if meaning.concept is None:
        near = f"; the nearest word is {meaning.near!r}, which is not the same" if meaning.near else ""
        raise Unknown(f"No class is known for {meaning.phrase!r}{near}.")
    if meaning.concept.nameless:
        near = ", ".join(meaning.concept.heard)
        more = f"; nearest: {near}" if near else ""
        raise Unknown(f"No class for {meaning.phrase!r} exists in the sound and picture classifiers{more}.")
    return meaning.concept


def senses(scene: Scene, wanted: Concept, query: Query) -> list[str]:
    """The modalities that can perceive a thing and that a question asks about. Raises Unknown."""
    asked = streams(scene, query)
    possible = [stream for stream in asked if scene.columns(wanted, stream)]
    if not possible:
        sense = "sound" if asked == ["heard"] else "picture" if asked == ["seen"] else "sound or picture"
        other = "heard" if asked == ["seen"] else "seen"
        able = f" It could only be {other}." if asked != ["heard", "seen"] and _has_class(wanted, other) else ""
        raise Unknown(f"No class of {sense} is called {wanted.name!r}.{able}")
    return possible


def _has_class(thing: Concept, stream: str) -> bool:
    return bool(thing.heard if stream == "heard" else thing.seen)


def named(query: Query, count: int = 1) -> list[Concept]:
    """The concepts that a question names, at least `count`. Raises Unknown."""
    if len(query.things) < count:
        raise Unknown("The question names nothing whose class is known.")
    return [concept(thing) for thing in query.things]


def stretches_of(scene: Scene, thing: Concept, stream: str) -> tuple[Segment, ...]:
    """The times at which a thing is heard or seen, as segments."""
    return tuple(
        Segment(thing.name, round(s.start, 2), round(s.end, 2), STREAM[stream]) for s in scene.when(thing, stream)
    )


def boxes_of(scene: Scene, thing: Concept) -> tuple[Region, ...]:
    """The boxes of a thing, from the events with one of its labels."""
    names = set(thing.seen)
    track = scene.track("seen")
    from lookhear.timeline.ontology import groups

    classes = set().union(*(groups()[n].classes for n in names if n in groups())) if names else set()
    labels = names | ({track.names[i] for i in classes} if track else set())
    return regions_of([event for event in scene.events("seen") if event.label in labels])


def number(count: int) -> str:
    """A count as a word, as datasets of the field write it."""
    return NUMBERS[count] if count < len(NUMBERS) else "more than ten"


def seconds(value: float) -> str:
    """A time in seconds as text."""
    return f"{value:.1f}".removesuffix(".0") + (" second" if value == 1 else " seconds")
