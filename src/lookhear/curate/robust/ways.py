"""Ways to ask a template, and the votes on them: which are kept, and how far the voters agree.

A way holds letters in braces for the template's values: "Does the {A} play louder than the {B}". Votes are about the
template, so they are cast once for all its questions; a question without a template is voted on as it stands.
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
class Way:
    """One way to ask `template`, who wrote it, and for each vote whether it keeps the meaning."""

    template: str
    text: str
    writer: str = ""
    votes: tuple[bool, ...] = ()

    def kept(self, needed: int = NEEDED) -> bool:
        """Whether at least `needed` votes say that the meaning is kept."""
        return sum(self.votes) >= needed


def template_of(example: Example) -> str:
    """What is rephrased once for all: the template, or the question where there is none."""
    return str(example.meta.get("template") or example.question)


def lettered(template: str) -> tuple[str, tuple[str, ...]]:
    """`Is the <Object> left?` as `Is the {A} left?`, and its letters."""
    used: list[str] = []

    def letter(_: re.Match[str]) -> str:
        if len(used) == len(LETTERS):
            raise DatasetError(f"Template {template!r} has more than {len(LETTERS)} slots.")
        used.append(LETTERS[len(used)])
        return f"{{{used[-1]}}}"

    return re.sub(r"<\w+>", letter, template.strip()), tuple(used)


def by_grammar(templates: Sequence[str], count: int, seed: int = 0) -> list[Way]:
    """`count` ways of each template as the grammar has them; a template it lacks is asked with words put before it."""
    found = []
    for template in templates:
        if key_of(template) in GRAMMAR:
            letters = [f"{{{letter}}}" for letter in LETTERS]
            texts = [form.format(*letters) for form in forms(template, count, seed)]
        else:
            texts = [opened(opening, lettered(template)[0].rstrip("?？ ")) for opening in OPENINGS[:count]]
        found += [Way(template, text, "grammar") for text in texts]
    return found


def filled(text: str, example: Example) -> str:
    """A way with the values of an example in place of its letters, without a question mark."""
    values = example.meta.get("templ_values", ()) if "template" in example.meta else ()
    for letter, value in zip(LETTERS, values, strict=False):
        text = text.replace(f"{{{letter}}}", str(value))
    return articles(text.rstrip("?？ "))


def of_templates(ways: Iterable[Way]) -> dict[str, list[Way]]:
    """Template -> its ways, in order."""
    found: dict[str, list[Way]] = defaultdict(list)
    for way in ways:
        found[way.template].append(way)
    return dict(found)


def voted(ways: Iterable[Way], votes: Iterable[Mapping[tuple[str, str], bool]]) -> list[Way]:
    """`ways` with the votes of every voter; a voter who left a way out has cast none on it."""
    every = list(votes)
    return [replace(w, votes=tuple(v[w.template, w.text] for v in every if (w.template, w.text) in v)) for w in ways]


def agreement(ways: Sequence[Way], needed: int = NEEDED) -> dict[str, float | int | None]:
    """How the votes fell: ways voted on, percent kept, percent that all voters agree on, and Fleiss' kappa.

    Kappa is that of the ways that have as many votes as any; it is None where every vote is the same, because chance
    would then agree as well. MUSIC-AVQA-R reports 92.4 % kept.
    """
    some = [way for way in ways if way.votes]
    if not some:
        return {"ways": 0, "votes": 0, "kept": None, "unanimous": None, "kappa": None}
    most = max(len(way.votes) for way in some)
    whole = [sum(way.votes) for way in some if len(way.votes) == most]
    return {
        "ways": len(some),
        "votes": sum(len(way.votes) for way in some),
        "kept": round(100 * sum(way.kept(needed) for way in some) / len(some), 2),
        "unanimous": round(100 * sum(yes in (0, most) for yes in whole) / len(whole), 2),
        "kappa": _kappa(whole, most),
    }


def by_writer(ways: Sequence[Way], needed: int = NEEDED) -> dict[str, dict[str, int]]:
    """Writer -> how many ways were written and how many were kept."""
    written, kept = Counter(w.writer for w in ways), Counter(w.writer for w in ways if w.kept(needed))
    return {name: {"written": count, "kept": kept[name]} for name, count in written.items()}


def _kappa(yes: Sequence[int], voters: int) -> float | None:
    if voters < 2:
        return None
    share = sum(yes) / (voters * len(yes))
    chance = share**2 + (1 - share) ** 2
    alike = sum(y * (y - 1) + (voters - y) * (voters - y - 1) for y in yes) / (len(yes) * voters * (voters - 1))
    return None if chance == 1 else round((alike - chance) / (1 - chance), 4)
