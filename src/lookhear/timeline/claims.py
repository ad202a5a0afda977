"""Parse the claims of a yes/no question: things present, things absent, alternatives, and unverifiable words.

"is there a dog but no cat"   ─▶ dog, not cat          "is it a dog or a cat"   ─▶ either
"is the dog happy"            ─▶ dog, and "happy", which class labels cannot confirm
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lookhear.timeline.concepts import singular, table
from lookhear.timeline.phrases import Place, fixed, lists


@dataclass(frozen=True)
class Claims:
    """`wanted`: for each thing, whether it is claimed to be present. `unchecked`: words that labels cannot confirm."""

    wanted: tuple[bool, ...] = ()
    either: bool = False
    some: bool = False  # the claim is true if any one of the things is present
    unchecked: tuple[str, ...] = ()
    definite: bool = False
    spatial: str = ""  # spatial relation of two things: "on" in "a dog on a skateboard"


NONE = Claims()


def read(words: Sequence[str], places: Sequence[Place], known: Sequence[Place]) -> Claims:
    """The claims of a yes/no question whose things are at `places`; `known` also contains repeated mentions."""
    places = [p for p in places if not _agent(p)] or list(places)
    wanted = tuple(not _denied(words, place, places) for place in places)
    either = len(places) > 1 and any("or" in words[one.last : other.first] for one, other in pairwise(places))
    definite = bool(places) and _definite(words, places[0])
    taken = {i for place in (*places, *known) for i in range(place.first, place.last) if not _agent(place)}
    unchecked = _unchecked(words, places, definite, taken)
    last = places[-1].last if places else 0
    # "a dog or a …", where the second thing has no class
    other = len(places) == 1 and words[last : last + 1] == ["or"] and last + 1 not in taken
    return Claims(wanted, either or other, False, unchecked, definite, _spatial(words, places))


def _spatial(words: Sequence[str], places: Sequence[Place]) -> str:
    """The word for the spatial relation between two things; empty if there is none."""
    between = [words[one.last : other.first] for one, other in pairwise(places)]
    return next((w for part in between if len(part) <= 3 for w in part if w in lists()["spatial"]), "")


def _agent(place: Place) -> bool:
    concept = place.meaning.concept
    return concept is not None and concept.nameless and concept.name == "person"


def _definite(words: Sequence[str], place: Place) -> bool:
    """Whether a thing is mentioned as given: "the dog", "his guitar"."""
    inside = words[place.first]
    before = words[place.first - 1] if place.first else ""
    return inside in lists()["definite"] or (before in lists()["definite"] and inside not in ("a", "an", "any", "some"))


def _denied(words: Sequence[str], place: Place, places: Sequence[Place]) -> bool:
    """Whether a thing is negated in its part of the sentence; a negation also applies across "or"."""
    begin = 0
    for other in places:
        if other.last <= place.first:
            between = words[other.last : place.first]
            begin = other.last if "or" not in between or any(w in ("and", "but") for w in between) else begin
    return sum(w in lists()["denial"] for w in words[begin : place.last]) % 2 == 1


def _unchecked(words: Sequence[str], places: Sequence[Place], definite: bool, taken: set[int]) -> tuple[str, ...]:
    """Words beside the things that claim more than their presence."""
    if not places:
        return ()
    degrees = [words[i + 1] for i, w in enumerate(words[:-1]) if w in lists()["degree"] and i + 1 not in taken]
    if degrees:
        return tuple(degrees)
    rest = [i for i, w in enumerate(words) if i not in taken and w not in fixed() and not re.fullmatch(r"\d+|.", w)]
    rest = [i for i in rest if not words[i].endswith("'s") and not (i < places[0].first and _somebody(words[i]))]
    if definite:
        return tuple(words[i] for i in rest)
    joints, last = _joints(words), places[-1].last
    kept = []
    for i in rest:
        describes = any(0 < p.first - i <= 2 and not joints & set(range(i + 1, p.first)) for p in places)
        related = i >= last and any(w in lists()["relation"] for w in words[last:i])
        if related or (describes and i > 0 and not words[i].endswith("ing")):
            kept.append(words[i])
    return tuple(kept)


def _somebody(word: str) -> bool:
    concept = table().get(singular(word))
    return concept is not None and concept.name == "person"


def _joints(words: Sequence[str]) -> set[int]:
    """Positions of articles and conjunctions: a word before one of them does not describe the following noun."""
    return {
        i
        for i, w in enumerate(words)
        if w in lists()["clause"] or w in ("a", "an", "the", "any", "some", "to", "of", "with")
    }
