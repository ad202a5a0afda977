"""Map words to classes: the AudioSet classes and the ImageNet groups and classes of a named thing.

"puppy" ─ table of words ─▶ dog: heard Dog (and its kinds), seen the group dog
"sax" ─ class names of both label sets ─▶ …        "infant weeping" ─ nearest by word vectors ─▶ baby crying
"erhu" ─▶ no class: the answer names the nearest class and says that it is not the same

Word vectors come from the package `wordllama` (its weights are read by path). Without it, words outside the tables are
unknown, and the answer says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from lookhear.timeline import vectors
from lookhear.timeline.ontology import TABLES, groups, larger_than, sounds

NEAR = 0.55  # smallest cosine at which an unknown word is replaced by a known one
ARTICLES = {
    "a",
    "an",
    "the",
    "some",
    "any",
    "this",
    "that",
    "these",
    "those",
    "of",
    "sound",
    "sounds",
    "noise",
    "noises",
}


@dataclass(frozen=True)
class Concept:
    """A thing that questions can name: its sound classes (with their subclasses) and its picture groups or classes.

    A `nameless` concept has no class of its own; its classes are only the nearest, so its presence is unknown.
    """

    name: str
    heard: tuple[str, ...]
    seen: tuple[str, ...]
    nameless: bool = False

    @property
    def instrument(self) -> bool:
        """Whether it is a musical instrument or a group of instruments."""
        return self.within("Musical instrument", "musical instrument")

    @property
    def animal(self) -> bool:
        """Whether it is an animal or a group of animals."""
        return self.within("Animal", "animal")

    def within(self, sound: str, picture: str) -> bool:
        """Whether it is a subclass of a sound class, or part of a picture group."""
        tree, among = sounds(), groups()
        heard = any(sound == c or sound in tree.above.get(c, ()) for c in self.heard)
        seen = any(g == picture or picture in larger_than(g, among) for g in self.seen if g in among)
        return heard or seen


@dataclass(frozen=True)
class Meaning:
    """Meaning of a phrase. `concept` is None if no known word is near; `near` then names the nearest one."""

    phrase: str
    concept: Concept | None
    sure: float  # 1 for a word of the tables, the cosine for a similar word
    near: str = ""


@lru_cache(maxsize=1)
def table() -> dict[str, Concept]:
    """Word -> concept, from `tables/concepts.txt` and the class names."""
    concepts: dict[str, Concept] = {}
    own = {}
    for line in (TABLES / "concepts.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            words, heard, seen = (part.strip() for part in line.split("|"))
            name, _, others = words.removeprefix("~").partition(":")
            concept = Concept(name, _listed(heard), _listed(seen), words.startswith("~"))
            own[name] = concept
            concepts |= {word: concept for word in _words(others) if word not in concepts}
    concepts |= own
    tree, among = sounds(), groups()
    for name in tree.names:
        if tree.marks[name] != "?" and not tree.style(name):
            for word in _words(name.lower()):
                concepts.setdefault(singular(word), Concept(word, (name,), ()))
    for name in among:
        concepts.setdefault(name, Concept(name, (), (name,)))
    return concepts


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


def _words(text: str) -> list[str]:
    plain = re.sub(r"\([^()]*\)", "", text)
    return [word.strip() for word in plain.split(",") if word.strip() and word.strip() != "etc."]


def singular(word: str) -> str:
    """A noun phrase in the singular, without articles and words like "sound of"; an approximate rule for English."""
    words = [w for w in re.sub(r"[^\w' -]", " ", word.lower().replace("_", " ")).split() if w not in ARTICLES]
    if not words:
        return ""
    last = words[-1]
    if last in table_of_plurals():
        last = table_of_plurals()[last]
    elif len(last) > 3 and last.endswith("ies"):
        last = last[:-3] + "y"
    elif len(last) > 3 and re.search(r"(ch|sh|x|ss)es$", last):
        last = last[:-2]
    elif len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        last = last[:-1]
    return " ".join([*words[:-1], last])


@lru_cache(maxsize=1)
def table_of_plurals() -> dict[str, str]:
    """Irregular plurals, and singular words that look like plurals."""
    odd = {"mice": "mouse", "geese": "goose", "people": "people", "children": "child", "men": "man", "women": "woman"}
    return odd | {
        w: w for w in ("bagpipes", "maracas", "drums", "fireworks", "glass", "gas", "news", "wolves", "dishes")
    }


def meaning(phrase: str, extra: Sequence[str] = ()) -> Meaning:
    """Meaning of `phrase`; `extra` are further class names of pictures that are accepted (ImageNet's)."""
    word = singular(phrase)
    known = table()
    if word in known or phrase.lower() in known:
        return Meaning(phrase, known.get(word) or known[phrase.lower()], 1.0)
    if name := _by_part(tuple(extra)).get(word):
        return Meaning(phrase, Concept(name, (), (name,)), 1.0)
    for part in _shorter(word):
        if part in known:
            return Meaning(phrase, known[part], 0.9)
    if not word or not vectors.is_installed():
        return Meaning(phrase, None, 0.0)
    near, cosine = vectors.nearest(word, tuple(known))
    concept = known[near]
    trusted = cosine >= NEAR and vectors.whole(word)
    return Meaning(phrase, concept if trusted else None, cosine, concept.name)


@lru_cache(maxsize=4)
def _by_part(names: tuple[str, ...]) -> dict[str, str]:
    """Each alternative of a class name, as "cab, taxi", in the singular -> the first class that has it."""
    parts = ((singular(part), name) for name in reversed(names) for part in re.split(r"[/(),]| or ", name))
    return {part: name for part, name in parts if part}


def _shorter(word: str) -> list[str]:
    """A phrase without its first words: a "small brown dog" is a dog."""
    words = word.split()
    return [" ".join(words[i:]) for i in range(1, len(words))]
