"""Find the things that a question names: the longest phrases in the word tables, and the remaining words.

"is a big dog chasing the cat" ─▶ dog at 2..4, cat at 5..7; left over: big, chasing
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, zip_longest

from lookhear.timeline import wording
from lookhear.timeline.concepts import Concept, Meaning, meaning, singular, table
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
    if words[after] == "stop" and words[0] in ("do", "does", "did"):  # the verb: "does the music stop"
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


def distinct(places: Sequence[Place], words: Sequence[str]) -> list[Place]:
    """Places without repeated mentions and without what a thing does: the bark of "the dog barks".

    Where two things that it does are joined by "or", these are what is asked about: "is the dog barking or howling".
    """
    places = [_act(p, after) if after and "or" in words[p.last : after.first] else p for p, after in _next(places)]
    for subject, (first, second) in zip(places, pairwise(places[1:]), strict=False):
        if "or" in words[first.last : second.first] and _manner(first, subject) and _manner(second, subject):
            return [_done(p, subject) for p in places if p.first >= first.first]
    kept: list[Place] = []
    for one in places:
        named = words[max(0, one.first - 1)] in ("a", "an") or words[one.first] in ("a", "an")  # "is the animal a dog"
        if not any(_manner(one, other) and not (named and _mean(one) != _mean(other)) for other in kept):
            kept.append(one)
    return kept


def _mean(place: Place) -> Concept | None:
    return place.meaning.concept


def _next(places: Sequence[Place]) -> zip_longest:
    return zip_longest(places, places[1:])


def _act(place: Place, other: Place) -> Place:
    """What is done, where two such words are offered: the "crying" of "is the baby crying or laughing"."""
    last = place.meaning.phrase.split()[-1]
    doing = last.endswith("ing") and other.meaning.phrase.endswith("ing") and " " in singular(place.meaning.phrase)
    return Place(place.last - 1, place.last, meaning(last)) if doing and meaning(last).concept else place


def _done(place: Place, subject: Place) -> Place:
    """One of two things that a subject does, by its own class; a bird that sings is no person who sings."""
    own = deed(place, subject)
    unknown = own is None and human(place)
    return Place(place.first, place.last, Meaning(place.meaning.phrase, None if unknown else own or _mean(place), 1.0))


def deed(place: Place, subject: Place) -> Concept | None:
    """The class of what a thing does: Bark for the "barks" of "the dog barks"; None if it has no class below it."""
    its = _mean(subject)
    forms = (place.meaning.phrase, *wording.variants(place.meaning.phrase))
    own = next((form for form in forms if form in deeds()), "")
    if its is None or not own or place.meaning.phrase == subject.meaning.phrase:
        return None
    below = {kind for heard in its.heard for kind in sounds().kinds(heard)} - set(its.heard)
    return Concept(own, (deeds()[own],), ()) if deeds()[own] in below else None


def usual(doing: Concept, subject: Place) -> bool:
    """Whether the table of words takes a deed to be what such a thing does: a dog that is heard is said to bark."""
    return any(table().get(form) == _mean(subject) for form in (doing.name, *wording.variants(doing.name)))


@lru_cache(maxsize=1)
def deeds() -> dict[str, str]:
    """Single words of the names of sound classes, and the classes."""
    named = ((word.strip(), name) for name in sounds().names for word in name.lower().split(","))
    return {word: name for word, name in named if " " not in word}


def _manner(later: Place, other: Place) -> bool:
    """Whether a phrase mentions an earlier thing again, or names only what it does."""
    mine, its = _mean(later), _mean(other)
    if mine is None or its is None or mine == its:
        return mine is not None and mine == its
    kinds = {k for h in its.heard for k in sounds().kinds(h)}
    instrument = any("Musical instrument" in sounds().above.get(h, ()) for h in mine.heard)
    if mine.heard and set(mine.heard) < kinds and not instrument:
        return True
    return (
        later.first == other.last and _human(mine.heard) and not _person(its) and later.meaning.phrase.endswith("ing")
    )


def human(place: Place) -> bool:
    """Whether a place names a sound that people make."""
    return place.meaning.concept is not None and _human(place.meaning.concept.heard)


def _human(heard: Sequence[str]) -> bool:
    """Whether the sounds are all made by people: a bird that sings is not a person who sings."""
    return bool(heard) and all("Human sounds" in sounds().above.get(h, ()) for h in heard)


def _person(thing) -> bool:
    return thing.name == "person" or _human(thing.heard)


@lru_cache(maxsize=1)
def fixed() -> frozenset[str]:
    """Words that never describe a thing: words of the question's form and words that only state its presence."""
    return lists()["form"] | lists()["subject"] | lists()["presence"]
