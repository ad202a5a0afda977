"""The question template, and comparisons used by several question programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lookhear.soundstage.scene.facts import (
    BUSIER,
    LONGER,
    LOUDER,
    NEAR,
    Facts,
    beyond,
    length,
)
from lookhear.soundstage.scene.scene import Player

Program = Callable[..., str | None]


@dataclass(frozen=True)
class Template:
    """A question with slots, its MUSIC-AVQA question type, and the program `answer(facts, *values)`."""

    text: str
    kind: tuple[str, str]
    answer: Program

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the slots in order: Object, LR, LL, FL, TH, BA, LRer."""
        return tuple(part.split(">")[0] for part in self.text.split("<")[1:])


TEMPLATES: dict[str, Template] = {}


def template(text: str, *kind: str) -> Callable[[Program], Program]:
    def add(program: Program) -> Program:
        TEMPLATES[text] = Template(text, (kind[0], kind[1]), program)
        return program

    return add


def yes(truth: bool | None) -> str | None:
    return None if truth is None else "yes" if truth else "no"


def compare(player: Player | None, other: Player | None, what: str) -> str | None:
    """Whether `player` is louder, faster or longer than `other`; None within the margin or if either is silent."""
    if player is None or other is None or player is other or not (player.sounding and other.sounding):
        return None
    if what == "louder":
        return yes(beyond(player.level - other.level, LOUDER))
    if what == "longer":
        return yes(beyond(length(player) - length(other), LONGER))
    if max(player.rate, other.rate) < BUSIER * min(player.rate, other.rate) - NEAR:
        return None
    return yes(player.rate > other.rate)


def at(facts: Facts, side: str, instrument: str | None = None) -> Player | None:
    """The player at a place, if it is the only one of its type and plays the named type."""
    there = facts.places.get(side)
    if there is None or facts.by_type.get(there.instrument) is not there:
        return None
    return there if instrument in (None, there.instrument) else None
