"""All questions about a scene that have an answer, and the information needed for balancing.

`harvest` lists the questions whose program returns an answer. Each question has a `cue`, the answer suggested by the
modality that should *not* decide, and a `guess`, the answers that remain possible if one knows which players are on
stage and which are heard, but not the relation in question.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import permutations, product

from lookhear.soundstage.questions import programs
from lookhear.soundstage.questions.programs import TEMPLATES, Program, Template
from lookhear.soundstage.scene.facts import Facts, number
from lookhear.soundstage.scene.scene import INSTRUMENTS, Scene

DOMAINS = {
    "LR": ("left", "right", "middle"),
    "FL": ("first", "last"),
    "TH": ("first", "second", "third", "fourth", "fifth"),
    "BA": ("before", "after"),
    "LL": ("loudest", "lowest"),
    "LRer": ("leftest", "rightest"),
}
BY_PROGRAM: dict[Program, Template] = {t.answer: t for t in TEMPLATES.values()}
PLACED = {BY_PROGRAM[p].text for p in (programs.placed_louder, programs.placed_busier)}
SIDED = {BY_PROGRAM[p].text for p in (programs.side_louder, programs.side_busier)}
ABOUT_ABSENT = {  # templates that also make sense for instruments that do not occur in the scene
    BY_PROGRAM[p].text
    for p in (
        *(programs.both_heard, programs.is_heard, programs.both_seen, programs.is_seen),
        *(programs.number_of, programs.number_sounding_of),
    )
}
COMPARATIVE = {t.text for t in TEMPLATES.values() if t.kind[1] == "Comparative"}
ORDER = {t.text for t in TEMPLATES.values() if {"FL", "TH", "BA"} & set(t.slots)}
COUNTING_SAME = {BY_PROGRAM[p].text for p in (programs.number_of, programs.number_sounding_of)}


@dataclass(frozen=True)
class Question:
    """A template with filled slots, and its answer in one scene."""

    template: str
    values: tuple[str, ...]
    answer: str
    cue: Hashable = None

    @property
    def fixed(self) -> tuple[str, ...]:
        """The slot values that are not instruments, such as "left" or "first"."""
        return tuple(v for v in self.values if v not in INSTRUMENTS)

    @property
    def objects(self) -> tuple[str, ...]:
        """The slot values that are instruments."""
        return tuple(v for v in self.values if v in INSTRUMENTS)


def answer(scene: Scene | Facts, template: str, values: tuple[str, ...]) -> str | None:
    """The answer word, or None if the question has no clear answer in this scene."""
    facts = scene if isinstance(scene, Facts) else Facts(scene)
    return TEMPLATES[template].answer(facts, *values)


def harvest(facts: Facts, template: str) -> list[Question]:
    """All fillings of `template` that have an answer in this scene."""
    program = TEMPLATES[template].answer
    found = ((values, program(facts, *values)) for values in fillings(facts, template))
    return [Question(template, values, word, cue(facts, template, values)) for values, word in found if word]


def fillings(facts: Facts, template: str) -> Iterator[tuple[str, ...]]:
    """Candidate slot values for a scene: the instruments that occur (or also absent ones) and the words that fit."""
    present = tuple(facts.players)
    slots = TEMPLATES[template].slots
    if template in PLACED:
        for (a, one), (b, other) in permutations(facts.places.items(), 2):
            yield one.instrument, a, other.instrument, b
        return
    if template in SIDED:
        yield from permutations(facts.places, 2)
        return
    objects = INSTRUMENTS if template in ABOUT_ABSENT else present
    for values in product(*(DOMAINS.get(slot, objects) for slot in slots)):
        if slots.count("Object") < 2 or (values[0] != values[1] and (values[0] in present or values[1] in present)):
            yield values


def wordings(template: str) -> list[tuple[str, ...]]:
    """Candidate values of the slots that are not instruments; excludes pairs such as "left and left"."""
    found = product(*(DOMAINS[slot] for slot in TEMPLATES[template].slots if slot != "Object"))
    beside = TEMPLATES[template].answer in (programs.neighbour, programs.beside_sounding)
    return [words for words in found if len(set(words)) == len(words) and not (beside and "middle" in words)]


def cue(facts: Facts, template: str, values: tuple[str, ...]) -> Hashable:
    """The answer suggested by the other modality (or by the number of players); selection is balanced against it."""
    program = TEMPLATES[template].answer
    if program in (programs.is_heard, programs.both_heard):
        return sum(facts.on_stage[one] > 0 for one in values)
    if program in (programs.is_seen, programs.both_seen, programs.number_of):
        return sum(one in facts.heard_types for one in values)
    if program is programs.number_sounding_of:
        return facts.on_stage[values[0]]
    if program is programs.types_seen:
        return len(facts.heard_types)
    if program in (programs.number_heard, programs.number_sounding, programs.number_silent, programs.types_sounding):
        return len(facts.visible)
    if program is programs.from_the_stage:
        return len(facts.visible), len(facts.heard), any(p.miming for p in facts.visible)
    if program is programs.always:
        return bool(facts.by_type[values[0]].miming)
    return None


def guess(facts: Facts, template: str, values: tuple[str, ...]) -> frozenset[str] | None:
    """The answers that remain possible if the players are known but not the relation; None if there is no such set."""
    program = TEMPLATES[template].answer
    both = frozenset(p.instrument for p in facts.sounding)
    if program is programs.nth_entry:
        return both
    if program in (programs.before_after, programs.together):
        return both - {values[-1] if program is programs.before_after else values[0]}
    if program in (programs.neighbour, programs.beside_sounding, programs.at_the_end):
        return frozenset(facts.on_stage) - set(values)
    if program in (programs.where_outermost, programs.where_loudest):
        return frozenset(filter(None, map(facts.place, facts.sounding)))
    if program is programs.which_of:
        return frozenset(
            {"left", "right", "simultaneously"} | ({"middle"} if facts.on_stage[values[0]] == 3 else set())
        )
    if program is programs.number_sounding_of:
        return frozenset(number(n) for n in range(facts.on_stage[values[0]] + 1))
    if program is programs.number_silent:
        return frozenset(number(n) for n in range(len(facts.visible) + 1))
    if program is programs.number_sounding:
        return frozenset(number(n) for n in range(1, len(facts.visible) + 1))
    return None
