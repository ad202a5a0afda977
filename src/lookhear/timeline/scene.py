"""Queries on a timeline: probability that a thing is heard or seen, its time spans, and its loudness.

A thing named in a question is more likely to be present than an arbitrary class, so a constant is added to its log
odds.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float

from lookhear.timeline import calibrated, decide
from lookhear.timeline.concepts import Concept
from lookhear.timeline.decide import Stretch
from lookhear.timeline.ontology import groups, larger_than, sounds
from lookhear.timeline.value import Event, Timeline, Track

STREAMS = ("heard", "seen")


class Scene:
    """Looks up things in one timeline.

    Class scores are available only for clips processed in this run or kept on disk.
    """

    def __init__(self, timeline: Timeline):
        self.timeline = timeline
        self._asked: dict[tuple[Concept, str, bool], float] = {}

    def ready(self) -> Scene:
        """This scene with all rows computed, so that later questions take less time."""
        _ = self._rows, self._whole
        return self

    def track(self, stream: str) -> Track | None:
        """The rows of scores of a stream."""
        return self.timeline.heard if stream == "heard" else self.timeline.seen

    def has(self, stream: str) -> bool:
        """Whether the clip has that track and it was processed."""
        return self.track(stream) is not None

    @cached_property
    def _rows(self) -> dict[str, np.ndarray]:
        heard, seen = self.timeline.heard, self.timeline.seen
        rows = {"heard": calibrated.heard_sharp(heard)} if heard else {}
        return rows | ({"seen": calibrated.seen_rows(seen)} if seen else {})

    @cached_property
    def _whole(self) -> dict[str, np.ndarray]:
        heard, seen = self.timeline.heard, self.timeline.seen
        whole = {"heard": calibrated.heard_whole(heard)} if heard else {}
        return whole | ({"seen": calibrated.seen_whole(seen)} if seen else {})

    def columns(self, concept: Concept, stream: str) -> list[int]:
        """The columns of a stream's rows for a concept; empty if it has no class there."""
        track = self.track(stream)
        if track is None:
            return []
        labels = _places(stream, track.names)
        return [labels[name] for name in (concept.heard if stream == "heard" else concept.seen) if name in labels]

    def scores(self, concept: Concept, stream: str) -> Float[np.ndarray, " time"]:
        """The concept's score in each row: of sound classes, the probability of any; of pictures, the sum."""
        return _joined(self._rows[stream][:, self.columns(concept, stream)], stream)

    def probability(self, concept: Concept, stream: str, asked: bool = True) -> float:
        """Probability that the concept is heard (or seen) in the clip, given that a question names it."""
        which = (concept, stream, asked)
        if which not in self._asked:
            self._asked[which] = self._probability(concept, stream, asked)
        return self._asked[which]

    def _probability(self, concept: Concept, stream: str, asked: bool) -> float:
        columns = self.columns(concept, stream)
        if not columns:
            return 0.0
        score = _joined(self._whole[stream][None, columns], stream)
        likely = calibrated.heard_probability(score) if stream == "heard" else calibrated.seen_probability(score)
        return float(
            calibrated.sigmoid(calibrated.logit(likely) + (calibrated.constants()["asked"][stream] if asked else 0))[0]
        )

    def when(self, concept: Concept, stream: str) -> list[Stretch]:
        """The time spans in which the concept is heard or seen, assuming that it is present."""
        track = self.track(stream)
        if track is None or not self.columns(concept, stream):
            return []
        rule = decide.HEARD if stream == "heard" else decide.SEEN
        return decide.stretches(track, self.scores(concept, stream), self.timeline.duration, rule)

    def events(self, stream: str, kind: str = "") -> list[Event]:
        """The events of a stream of one kind ("instrument", "animal", "vehicle", or any)."""
        return [event for event in self.timeline.of(stream) if not kind or of_kind(event, kind)]

    def loudness(self, start: float, end: float) -> float:
        """Mean level of a time span in dB full scale."""
        levels = self.timeline.loudness[int(start) : max(int(start) + 1, int(np.ceil(end)))]
        return float(10 * np.log10(np.mean([10 ** (level / 10) for level in levels]))) if levels else -100.0


@lru_cache(maxsize=8)
def _places(stream: str, names: tuple[str, ...]) -> dict[str, int]:
    """Label -> column. Groups precede picture classes, and take precedence where both have one name."""
    labels = names if stream == "heard" else (*groups(), *names)
    places: dict[str, int] = {}
    for i, label in enumerate(labels):
        places.setdefault(label, i)
    return places


def _joined(columns: np.ndarray, stream: str) -> np.ndarray:
    if columns.shape[1] == 1:
        return columns[:, 0]
    if stream == "heard":
        return 1 - np.prod(1 - np.clip(columns, 0, 1), axis=1)
    return np.clip(columns.sum(axis=1), 0, 1)


KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # kind -> ancestor classes of sound, groups of pictures
    "instrument": (("Musical instrument",), ("musical instrument",)),
    "string instrument": (("Plucked string instrument", "Bowed string instrument"), ("string instrument",)),
    "wind instrument": (("Wind instrument, woodwind instrument", "Brass instrument"), ("wind instrument",)),
    "percussion instrument": (("Percussion",), ("percussion instrument",)),
    "animal": (("Animal",), ("animal",)),
    "bird": (("Bird", "Fowl"), ("bird",)),
    "insect": (("Insect",), ("insect",)),
    "vehicle": (("Vehicle",), ("vehicle",)),
    "machine": (
        ("Vehicle", "Engine", "Household sounds", "Tools", "Mechanisms"),
        ("vehicle", "tool", "household", "computer", "electronics", "slot machine"),
    ),
    "tool": (("Tools", "Light engine (high frequency)"), ("tool",)),
    "sport": ((), ("sport",)),
    "person": (("Human sounds",), ("person",)),
    "music": (("Music",), ("musical instrument",)),
}


def of_kind(event: Event, kind: str) -> bool:
    """Whether an event is of one of the KINDS; the general class itself does not count."""
    heard, seen = KINDS[kind]
    if event.stream == "heard":
        return any(sound in sounds().above.get(event.label, ()) for sound in heard)
    return any(event.label in _pictured(picture) for picture in seen)


@lru_cache(maxsize=32)
def _pictured(kind: str) -> frozenset[str]:
    """The groups and ImageNet class names inside a larger group."""
    among = groups()
    inside = {g for g in among if kind == g or kind in larger_than(g, among)} - {g for g in among if among[g].general}
    return frozenset(inside | {name for i, name in enumerate(_imagenet()) if i in among[kind].classes})


def basic(event: Event) -> str:
    """The everyday name of an event's class: a sorrel horse is a horse.

    Animals, instruments and vehicles use the group.
    """
    among = groups()
    if event.stream == "heard" or event.label in among or event.label not in _imagenet():
        return short(event.label)
    number = _imagenet().index(event.label)
    wide = {"animal", "musical instrument", "vehicle"}
    fit = [
        g for g in among.values() if number in g.classes and not g.general and wide & set(larger_than(g.name, among))
    ]
    return min(fit, key=lambda g: len(g.classes)).name if fit else short(event.label)


@lru_cache(maxsize=1)
def _imagenet() -> tuple[str, ...]:
    import json

    from lookhear.encoders.efficientnet_lite import NAMES

    return tuple(json.loads(NAMES.checked("the picture's class names").read_text("utf-8")))


def short(label: str) -> str:
    """A label in its short form: `Violin, fiddle` is a violin."""
    return label.split(",")[0].split(" (")[0].split(" / ")[0].lower()
