"""Find the things that a question names: the longest phrases in the word tables, and the remaining words.

"is a big dog chasing the cat" ─▶ dog at 2..4, cat at 5..7; left over: big, chasing
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lookhear.timeline import wording
from lookhear.timeline.concepts import Meaning, meaning, singular, table
from lookhear.timeline.ontology import TABLES, sounds


@lru_cache(maxsize=1)
def lists() -> dict[str, frozenset[str]]:
    """The lists of `tables/words.txt`, by name."""
    made: dict[str, set[str]] = {}
    for line in (TABLES / "words.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, _, words = line.partition(":")
            made.setdefault(name, set()).update(words.split())
    return {name: frozenset(words) for name, words in made.items()}


def nouns_of_form() -> frozenset[str]:
    """Nouns that name nothing audible or visible."""
    return lists()["no thing"] | {"musical instrument", "sounding object", "camera shot"}


@dataclass(frozen=True)
class Place:
    """Words `first` to `last` (exclusive) of a question, and their meaning."""

    first: int
    last: int
    meaning: Meaning


def split(text: str) -> list[str]:
    """The words of a question."""
    return re.findall(r"[\w'-]+", text)


def named_things(words: Sequence[str], pictures: Sequence[str] = ()) -> list[Place]:
    """The named things of a question, in order. Words after the longest phrase are also tried in other forms."""
    seen, places, at = frozenset(p.lower() for p in pictures), [], 0
    while at < len(words):
        place = next(
            (p for size in range(min(4, len(words) - at), 0, -1) if (p := _phrase_at(words, at, size, seen))), None
        )
        if place is None:
            at += 1
        else:
            places.append(_compound(words, place, seen) or _plain(place, pictures))
            at = places[-1].last
    return places


def _plain(place: Place, pictures: Sequence[str]) -> Place:
    return Place(place.first, place.last, meaning(place.meaning.phrase, pictures))


def _compound(words: Sequence[str], place: Place, pictures: frozenset[str]) -> Place | None:
    """The meaning of a compound noun: a guitar case is not a guitar, and has no class."""
    after = place.last
    if after >= len(words) or singular(words[after]) not in lists()["head"] or words[after - 1].endswith("'s"):
        return None
    phrase = " ".join(words[place.first : after + 1])
    if singular(phrase) in table() or singular(phrase) in pictures:
        return None
    return Place(place.first, after + 1, Meaning(phrase, None, 0.0, place.meaning.phrase))


def _phrase_at(words: Sequence[str], at: int, size: int, pictures: frozenset[str]) -> Place | None:
    """The thing named by `size` words from position `at`, or None."""
    chosen = list(words[at : at + size])
    if size == 1 and words[at] in lists()["form"]:
        return None
    for phrase in (" ".join(chosen), *wording.turned(chosen)):
        word = singular(phrase)
        if (word in table() or (size > 1 and word in pictures)) and word not in nouns_of_form():
            return Place(at, at + size, Meaning(phrase, None, 1.0))
    if size == 1 and words[at] not in nouns_of_form():
        for form in wording.variants(words[at]):
            if form in table() and form not in nouns_of_form() and form not in lists()["form"] and len(form) > 3:
                return Place(at, at + 1, Meaning(form, None, 1.0))
    return None


def distinct(places: Sequence[Place]) -> list[Place]:
    """Places without repeated mentions and without what a thing does: the bark of "the dog barks"."""
    kept: list[Place] = []
    for one in places:
        if not any(_manner(one, other) for other in kept):
            kept.append(one)
    return kept


def _manner(later: Place, other: Place) -> bool:
    """Whether a phrase mentions an earlier thing again, or names only what it does."""
    mine, its = later.meaning.concept, other.meaning.concept
    if mine is None or its is None or mine == its:
        return mine is not None and mine == its
    kinds = {k for h in its.heard for k in sounds().kinds(h)}
    instrument = any("Musical instrument" in sounds().above.get(h, ()) for h in mine.heard)
    if mine.heard and set(mine.heard) < kinds and not instrument:
        return True
    return (
        later.first == other.last and _human(mine.heard) and not _person(its) and later.meaning.phrase.endswith("ing")
    )


def _human(heard: Sequence[str]) -> bool:
    """Whether the sounds are all made by people: a bird that sings is not a person who sings."""
    return bool(heard) and all("Human sounds" in sounds().above.get(h, ()) for h in heard)


def _person(thing) -> bool:
    return thing.name == "person" or _human(thing.heard)


@lru_cache(maxsize=1)
def fixed() -> frozenset[str]:
    """Words that never describe a thing: words of the question's form and words that only state its presence."""
    return lists()["form"] | lists()["subject"] | lists()["presence"]
