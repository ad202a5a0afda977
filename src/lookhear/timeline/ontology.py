"""Ontologies of sound and picture classes: subclass relations, and classes that are too general or vague as answers.

Sounds are YAMNet's 521 AudioSet classes in `tables/sounds.txt`, indented under their parent class (after Google's
AudioSet ontology, CC BY 4.0). Pictures are the 1,000 ImageNet classes, in the groups of `tables/pictures.txt`; a
group's probability is the sum over its classes.

*name   only a heading, no class        ~name   a class too general to be an answer if a subclass is known
?name   a class that names no source (an echo, a hum, a manner of playing)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

TABLES = Path(__file__).parent / "tables"
MARKS = "*~?"
STYLES = ("Music genre", "Music role", "Music mood")  # kinds of music, which are never named instead of an instrument


@dataclass(frozen=True)
class Sounds:
    """The tree of sounds. `names` are the classes in YAMNet's order; `above` are their ancestors, nearest last."""

    names: tuple[str, ...]
    above: dict[str, tuple[str, ...]]
    marks: dict[str, str]

    def kinds(self, name: str) -> tuple[str, ...]:
        """`name`, if it is a class, and every class below it."""
        return tuple(n for n in self.names if n == name or name in self.above[n])

    def style(self, name: str) -> bool:
        """Whether `name` is a genre, role or mood of music."""
        return any(style in self.above[name] for style in STYLES)

    def specific(self, name: str) -> bool:
        """Whether `name` can be an answer: it names a source and has no subclasses that would be better answers."""
        return not self.marks[name] and not self.style(name)

    def raised(self, scores: Float[np.ndarray, "time class"]) -> Float[np.ndarray, "time class"]:
        """Scores in which a class is at least as likely as its specific kinds together: 1 - product of (1 - score)."""
        left = np.log1p(-np.clip(scores.astype(np.float64), 0, 1 - 1e-6))
        return 1 - np.exp(left @ _below())


@lru_cache(maxsize=1)
def sounds() -> Sounds:
    """The tree of `tables/sounds.txt`."""
    names: list[str] = []
    above: dict[str, tuple[str, ...]] = {}
    marks: dict[str, str] = {}
    path: list[str] = []
    for line in (TABLES / "sounds.txt").read_text("utf-8").splitlines():
        text = line.strip()
        depth, mark = len(line) - len(line.lstrip()), text[0] if text[0] in MARKS else ""
        name = text.removeprefix(mark)
        above[name], marks[name] = tuple(path[:depth]), mark
        path = [*path[:depth], name]
        if mark != "*":
            names.append(name)
    return Sounds(tuple(names), above, marks)


@lru_cache(maxsize=1)
def _below() -> Float[np.ndarray, "class class"]:
    """Matrix with 1 where the column's class is the row's class or a class of which the row's is a specific kind."""
    tree = sounds()
    place = {name: i for i, name in enumerate(tree.names)}
    matrix = np.eye(len(place))
    for name, i in place.items():
        if not tree.marks[name]:
            for parent in tree.above[name]:
                if parent in place and tree.marks[parent] != "?":
                    matrix[i, place[parent]] = 1
    return matrix


@dataclass(frozen=True)
class Group:
    """ImageNet classes that a viewer would call by one name.

    A `general` group is no answer if a part of it is known.
    """

    name: str
    larger: str
    classes: frozenset[int]
    general: bool


@lru_cache(maxsize=1)
def groups() -> dict[str, Group]:
    """The groups of `tables/pictures.txt` by name; a larger group also contains the classes of its smaller groups."""
    by_name: dict[str, Group] = {}
    for line in (TABLES / "pictures.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            head, _, numbers = line.partition(":")
            name, _, larger = head.removeprefix("~").partition(" < ")
            by_name[name] = Group(name, larger, frozenset(_numbers(numbers)), head.startswith("~"))
    whole = {}
    for name, group in by_name.items():
        parts = [g.classes for other, g in by_name.items() if name in (other, *larger_than(other, by_name))]
        whole[name] = Group(name, group.larger, frozenset().union(*parts), group.general)
    return whole


def larger_than(name: str, among: dict[str, Group]) -> list[str]:
    """The groups that contain the group `name`, smallest first."""
    path = []
    while name := among[name].larger:
        path.append(name)
    return path


def _numbers(text: str) -> Sequence[int]:
    ranges = [part.partition("-") for part in text.split()]
    return [n for low, _, high in ranges for n in range(int(low), int(high or low) + 1)]
