"""Other wordings of Soundstage's questions: those that tiny_omni is taught, and those that it is only asked.

grammar of lookhear.curate.robust.rephrase
  ├─ never taught   the 25 ways of seed 0, which `lookhear robust` and the audits ask
  │                 the last pattern of every third template (HELD), with all its sentences
  │                 the last eight openings ("Once more, {0}", …)
  └─ taught         all other sentences and openings
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random

from lookhear.curate.robust.rephrase import COUNT, GRAMMAR, OPENINGS, articles, expand, forms, key_of, opened
from lookhear.types import Example

HELD = tuple(list(GRAMMAR)[2::3])  # templates whose last pattern is not taught
OPENED = 0.4  # of the taught wordings stand after an opening
KEPT = 8  # openings that are not taught


@cache
def asked(template: str) -> frozenset[str]:
    """The sentences that are kept for asking, in small letters, without what stands before them."""
    found = set()
    for form in forms(template, COUNT, 0):
        heads = [o.replace("{0}", "") for o in OPENINGS if form.startswith(o.replace("{0}", ""))]
        found.add(form.removeprefix(max(heads, key=len, default="")).lower())
    return frozenset(found)


@cache
def taught(template: str) -> tuple[tuple[str, ...], ...]:
    """The sentences that are taught, by pattern."""
    key = key_of(template)
    patterns = GRAMMAR[key][:-1] if key in HELD else GRAMMAR[key]
    every = [tuple(f for f in dict.fromkeys(expand(p)) if f.lower() not in asked(template)) for p in patterns]
    return tuple(some for some in every if some)


def reworded(rng: Random, example: Example) -> Example:
    """The example in other words that are taught."""
    form = rng.choice(rng.choice(taught(example.meta["template"])))
    form = opened(rng.choice(OPENINGS[:-KEPT]), form) if rng.random() < OPENED else form
    return replace(example, question=articles(form.format(*example.meta["templ_values"])))


def of_held_patterns(rng: Random, example: Example) -> Example | None:
    """The example in a sentence of its template's held pattern; None where all patterns are taught."""
    key = key_of(example.meta["template"])
    if key not in HELD:
        return None
    form = rng.choice(list(dict.fromkeys(expand(GRAMMAR[key][-1]))))
    return replace(example, question=articles(form.format(*example.meta["templ_values"])))


def after_held_openings(rng: Random, example: Example) -> Example:
    """The question as written, after an opening that is not taught."""
    return replace(example, question=opened(rng.choice(OPENINGS[-KEPT:]), example.question))


def sentences() -> Iterator[str]:
    """Every sentence and opening that is taught."""
    for template in GRAMMAR:
        for some in taught(template):
            yield from some
    yield from OPENINGS[:-KEPT]


def words() -> Iterator[str]:
    """Every word of the grammar and the openings, after a blank; those that begin a sentence also without."""
    for pattern in (*(p for patterns in GRAMMAR.values() for p in patterns), *OPENINGS):
        text = re.sub(r"[\[\]|]", " ", f" {pattern}")
        yield f"{text.lower()} an"
        yield from re.findall(r"[A-Z][a-z]*", text)
