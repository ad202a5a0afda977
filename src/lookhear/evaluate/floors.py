"""Blind floors: scores without picture and sound, which every model should exceed.

`most_frequent` answers each test question with the most frequent training answer to the same question; `chance` is the
expected score of uniform guessing among the training answers of the same template.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lookhear.catalog import unknown
from lookhear.errors import DatasetError, RecipeError
from lookhear.metrics.answers import normal
from lookhear.types import Answer, Example

BY = ("template", "question")


def most_frequent(train: Sequence[Example], test: Sequence[Example], by: str = "template") -> list[Answer]:
    """One answer per test example: the most frequent in `train` to the same `template`, or to the same `question`.

    A question not seen in training falls back to its template, then its kind, then all of training. `scores` holds the
    share of each training answer. Ties go to the answer seen first.
    """
    if by not in BY:
        raise RecipeError(unknown("key of a question-only floor", by, BY))
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for example in train:
        if example.reference is not None:
            for key in _keys(example, by):
                counts[key][example.reference.text] += 1
    if not counts:
        raise DatasetError("No training question with an answer, so there is no most frequent answer.")
    answers = {key: _answer(counter) for key, counter in counts.items()}
    return [next(answers[key] for key in _keys(example, by) if key in answers) for example in test]


def chance(train: Sequence[Example], test: Sequence[Example]) -> dict[str, float]:
    """Expected accuracy in percent of uniform guessing among a template's training answers, by column."""
    seen: dict[str, set[str]] = defaultdict(set)
    for example in train:
        if example.reference is not None:
            seen[template_of(example)].add(normal(example.reference.text))
    everything = set().union(*seen.values())
    rates: dict[str, list[float]] = defaultdict(list)
    for example in test:
        options = seen.get(template_of(example), everything)
        hit = example.reference is not None and normal(example.reference.text) in options
        for depth in range(min(len(example.kind), 2) + 1):
            name = "/".join(example.kind[:depth] if depth < 2 else example.kind) or "Overall"
            rates[name].append(100 * hit / len(options) if options else 0.0)
    return {name: sum(values) / len(values) for name, values in rates.items()}


def template_of(example: Example) -> str:
    """The template of a question; the question itself if the dataset has no templates."""
    return str(example.meta.get("template") or example.question)


def _keys(example: Example, by: str) -> Iterable[tuple[str, ...]]:
    if by == "question":
        yield ("question", example.question)
    yield ("template", template_of(example))
    yield ("kind", *example.kind)
    yield ("all",)


def _answer(counter: Mapping[str, int]) -> Answer:
    total = sum(counter.values())
    ordered = Counter(counter).most_common()
    return Answer(ordered[0][0], {text: count / total for text, count in ordered})
