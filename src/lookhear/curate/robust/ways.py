"""Rephrasings of a template (ways) and the votes on them: which ways are kept, and how far the voters agree.

A way has letters in braces for the template's values: "Does the {A} play louder than the {B}". Voters judge the
template, once for all its questions; for a question without a template they judge the question.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lookhear.curate.robust._grammar import GRAMMAR
from lookhear.curate.robust.rephrase import OPENINGS, articles, forms, key_of, opened
from lookhear.errors import DatasetError
from lookhear.types import Example

LETTERS = "ABCDEFGH"
VOTERS = 3
NEEDED = 2  # votes that keep a rephrasing, as in MUSIC-AVQA-R


@dataclass(frozen=True)
class Rephrasing:
    """One rephrasing of `template`, its writer, and its votes: True if the meaning is kept."""

    template: str
    text: str
    writer: str = ""
    votes: tuple[bool, ...] = ()

    def kept(self, needed: int = NEEDED) -> bool:
        """Whether at least `needed` votes are True."""
        return sum(self.votes) >= needed


def template_of(example: Example) -> str:
    """The text that is rephrased: the template, or the question if it has none."""
    return str(example.meta.get("template") or example.question)


def lettered(template: str) -> tuple[str, tuple[str, ...]]:
    """(text, letters): `Is the <Object> left?` as `Is the {A} left?`. Raises DatasetError for too many slots."""
    used: list[str] = []

    def letter(_: re.Match[str]) -> str:
        if len(used) == len(LETTERS):
            raise DatasetError(f"Template {template!r} has more than {len(LETTERS)} slots.")
        used.append(LETTERS[len(used)])
        return f"{{{used[-1]}}}"

    return re.sub(r"<\w+>", letter, template.strip()), tuple(used)


def by_grammar(templates: Sequence[str], count: int, seed: int = 0) -> list[Rephrasing]:
    """`count` ways of each template by the grammar; a template that it lacks gets openings before the question."""
    ways = []
    for template in templates:
        if key_of(template) in GRAMMAR:
            letters = [f"{{{letter}}}" for letter in LETTERS]
            texts = [form.format(*letters) for form in forms(template, count, seed)]
        else:
            texts = [opened(opening, lettered(template)[0].rstrip("?？ ")) for opening in OPENINGS[:count]]
        ways += [Rephrasing(template, text, "grammar") for text in texts]
    return ways


def filled(text: str, example: Example) -> str:
    """A way with its letters replaced by the values of an example, without a question mark."""
    values = example.meta.get("templ_values", ()) if "template" in example.meta else ()
    for letter, value in zip(LETTERS, values, strict=False):
        text = text.replace(f"{{{letter}}}", str(value))
    return articles(text.rstrip("?？ "))


def of_templates(ways: Iterable[Rephrasing]) -> dict[str, list[Rephrasing]]:
    """Template -> its ways, in order."""
    found: dict[str, list[Rephrasing]] = defaultdict(list)
    for way in ways:
        found[way.template].append(way)
    return dict(found)


def voted(ways: Iterable[Rephrasing], votes: Iterable[Mapping[tuple[str, str], bool]]) -> list[Rephrasing]:
    """`ways` with the votes of every voter; a way that a voter left out gets no vote from that voter."""
    every = list(votes)
    return [replace(w, votes=tuple(v[w.template, w.text] for v in every if (w.template, w.text) in v)) for w in ways]


def agreement(ways: Sequence[Rephrasing], needed: int = NEEDED) -> dict[str, float | int | None]:
    """Statistics of the votes: ways voted on, percent kept, percent unanimous, and Fleiss' kappa.

    Unanimity and kappa count only the ways with the most votes. Kappa is None if all votes are equal, because chance
    agreement is then complete. MUSIC-AVQA-R reports 92.4 % kept.
    """
    judged = [way for way in ways if way.votes]
    if not judged:
        return {"ways": 0, "votes": 0, "kept": None, "unanimous": None, "kappa": None}
    most = max(len(way.votes) for way in judged)
    whole = [sum(way.votes) for way in judged if len(way.votes) == most]
    return {
        "ways": len(judged),
        "votes": sum(len(way.votes) for way in judged),
        "kept": round(100 * sum(way.kept(needed) for way in judged) / len(judged), 2),
        "unanimous": round(100 * sum(yes in (0, most) for yes in whole) / len(whole), 2),
        "kappa": _kappa(whole, most),
    }


def by_writer(ways: Sequence[Rephrasing], needed: int = NEEDED) -> dict[str, dict[str, int]]:
    """Writer -> number of ways `written` and `kept`."""
    written, kept = Counter(w.writer for w in ways), Counter(w.writer for w in ways if w.kept(needed))
    return {name: {"written": count, "kept": kept[name]} for name, count in written.items()}


def _kappa(yes: Sequence[int], voters: int) -> float | None:
    if voters < 2:
        return None
    share = sum(yes) / (voters * len(yes))
    chance = share**2 + (1 - share) ** 2
    alike = sum(y * (y - 1) + (voters - y) * (voters - y - 1) for y in yes) / (len(yes) * voters * (voters - 1))
    return None if chance == 1 else round((alike - chance) / (1 - chance), 4)
