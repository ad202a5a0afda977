"""The same question in other words, from a grammar: offline, the same for everybody, 25 ways and more.

MUSIC-AVQA-R rephrased each template with a paraphrasing program and kept what three people agreed on. Here the words
come from patterns that keep the meaning by construction (`_grammar.py`); a language model does the same through
`endpoint.py`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from lookhear.curate.robust._grammar import GRAMMAR
from lookhear.errors import DatasetError
from lookhear.types import Example

COUNT = 25  # rephrasings of each question in MUSIC-AVQA-R, before the vote
FRAMES = (  # around a question that has no template here; the question itself stays as it is
    *(
        "{0}",
        "Watch and listen: {0}",
        "Look and listen: {0}",
        "About this clip: {0}",
        "Tell me: {0}",
        "Please answer: {0}",
    ),
    *("Going by picture and sound: {0}", "From what you see and hear: {0}", "One question: {0}", "Say: {0}"),
)
CHOICE = re.compile(r"\[([^\[\]]*)\]")


def rephrasings(template: str, values: Sequence[str], count: int = COUNT, seed: int = 0) -> list[str]:
    """`count` other ways to ask `template` filled with `values`, all different, none with a question mark.

    Which ones and in what order depends on template and seed only, so every question of a template is asked in the same
    ways. Fewer are given where there are not so many. Raises DatasetError for a template that is not in the grammar.
    """
    key = key_of(template)
    if key not in GRAMMAR:
        raise DatasetError(
            f"No grammar for question {template!r}. Use rephrase(), or a model: lookhear robust --endpoint."
        )
    forms = list(dict.fromkeys(form for pattern in GRAMMAR[key] for form in expand(pattern)))
    random.Random(f"{seed} {key}").shuffle(forms)
    return [form.format(*values) for form in forms[:count]]


def rephrase(example: Example, count: int = COUNT, seed: int = 0) -> list[str]:
    """`count` other ways to ask an example: by its template where the grammar has it, else with words put before it."""
    template = str(example.meta.get("template", ""))
    if key_of(template) in GRAMMAR:
        return rephrasings(template, list(example.meta["templ_values"]), count, seed)
    question = example.question[:1].lower() + example.question[1:]
    return [frame.format(question) for frame in FRAMES[1 : count + 1]]


def expand(pattern: str) -> Iterator[str]:
    """Every sentence of a pattern: `[a|b]` is a choice, and choices may hold choices."""
    inner = CHOICE.search(pattern)
    if inner is None:
        yield pattern
        return
    for option in inner[1].split("|"):
        yield from expand(pattern[: inner.start()] + option + pattern[inner.end() :])


def key_of(template: str) -> str:
    """A template as the grammar names it: single blanks, no question mark."""
    return " ".join(template.split()).rstrip("?？").rstrip()
