"""Rephrase questions by a grammar: offline, reproducible, 25 ways or more per question.

MUSIC-AVQA-R rephrased each question by ChatGPT and kept a rephrasing if two of three people voted for it. Here patterns
that keep the meaning (`_grammar.py`) generate sentences, and those with the most words not used yet are chosen. For
rephrasings by a language model see `endpoint.py`, for votes by people `sheets.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from lookhear.curate.robust._grammar import GRAMMAR, OPENINGS
from lookhear.errors import DatasetError
from lookhear.types import Example

COUNT = 25  # rephrasings of each question in MUSIC-AVQA-R, before the vote
DRAWN = 400  # sentences sampled per template, from which the most different are chosen
OPENED = 0.4  # share of rephrasings with words before the question
ONE_SOUND = re.compile(
    r"(?:u[bcfgklmnrst][aeiou]|eu|one\b|hour|honest|honour|heir)", re.I
)  # words whose first sound is not what the first letter suggests: a ukulele, an hour
CHOICE = re.compile(r"\[([^\[\]]*)\]")


def rephrasings(template: str, values: Sequence[str], count: int = COUNT, seed: int = 0) -> list[str]:
    """`count` other ways to ask `template` filled with `values`, all different, none with a question mark.

    The choice and its order depend on template and seed only, so all questions of a template have the same ways. Fewer
    are returned if the grammar has fewer. Raises DatasetError for a template that is not in the grammar.
    """
    return [articles(form.format(*values)) for form in forms(template, count, seed)]


@lru_cache(maxsize=256)
def forms(template: str, count: int = COUNT, seed: int = 0) -> tuple[str, ...]:
    """`count` sentences with slots (`{0}`) that ask what `template` asks. Raises DatasetError."""
    key = key_of(template)
    if key not in GRAMMAR:
        raise DatasetError(
            f"No grammar for question {template!r}. Use rephrase(), or a model: lookhear robust --endpoint."
        )
    random_ = random.Random(f"{seed} {key}")
    every = list(dict.fromkeys(form for pattern in GRAMMAR[key] for form in expand(pattern)))
    left = random_.sample(every, min(DRAWN, len(every)))
    openings = random_.sample(OPENINGS, len(OPENINGS))
    used: set[str] = set()
    chosen: list[str] = []
    while left and len(chosen) < count:
        best = max(left, key=lambda form: len(set(form.split()) - used))
        left.remove(best)
        used |= set(best.split())
        chosen.append(opened(openings[len(chosen) % len(openings)], best) if random_.random() < OPENED else best)
    return tuple(chosen)


def rephrase(example: Example, count: int = COUNT, seed: int = 0) -> list[str]:
    """`count` ways to ask an example: by the grammar if it has the template, else with openings before the question."""
    template = str(example.meta.get("template", ""))
    if key_of(template) in GRAMMAR:
        return rephrasings(template, list(example.meta["templ_values"]), count, seed)
    return [opened(opening, example.question) for opening in OPENINGS[:count]]


def opened(opening: str, question: str) -> str:
    """`question` after an opening such as `Please tell me, {0}`; only its first capital changes."""
    first, _, rest = question.partition(" ")
    lower = first if first in ("I", "I'm") or first[1:] != first[1:].lower() else first[:1].lower() + first[1:]
    return opening.replace("{0}", f"{lower} {rest}".strip())


def articles(text: str) -> str:
    """`text` with `a` or `an` by the first sound of the next word: an accordion, a ukulele."""

    def right(found: re.Match[str]) -> str:
        article, blank, word = found.groups()
        vowel = (word[0] in "aeiouAEIOU") != bool(ONE_SOUND.match(word))
        return f"{article[0]}{'n' * vowel}{blank}{word}"

    return re.sub(r"\b([Aa])n?( )(\w+)", right, text)


def expand(pattern: str) -> Iterator[str]:
    """Every sentence of a pattern: `[a|b]` is a choice, and choices may be nested."""
    inner = CHOICE.search(pattern)
    if inner is None:
        yield pattern
        return
    for option in inner[1].split("|"):
        yield from expand(pattern[: inner.start()] + option + pattern[inner.end() :])


def key_of(template: str) -> str:
    """A template as a key of the grammar: single blanks, no question mark."""
    return " ".join(template.split()).rstrip("?？").rstrip()
