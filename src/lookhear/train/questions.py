"""Training and validation questions of a recipe, with the vocabulary and the needed features."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookhear import config, datasets
from lookhear.catalog import unknown
from lookhear.errors import DatasetError, RecipeError
from lookhear.metrics.answers import normal
from lookhear.model import options
from lookhear.store.features import FeatureStore
from lookhear.store.fill import Progress, fill
from lookhear.types import Example


@dataclass(frozen=True)
class Questions:
    """Questions of a run; `notes` describe omitted questions, `digest` is a hash of the training questions."""

    train: tuple[Example, ...]
    val: tuple[Example, ...]
    vocabulary: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        facts = (f"{e.id}\t{e.clip.id}\t{e.question}\t{e.reference and e.reference.text}\n" for e in self.train)
        return hashlib.sha256("".join(facts).encode()).hexdigest()

    def labels(self, examples: Sequence[Example]) -> list[int]:
        """Class index of each reference in the vocabulary; -1 for an unknown answer."""
        place = {normal(a): i for i, a in enumerate(self.vocabulary)}
        return [place.get(normal(e.reference.text), -1) if e.reference else -1 for e in examples]


def read(data: config.Data) -> Questions:
    """Read the training and validation questions of a recipe. Unusable questions are counted. Raises DatasetError."""
    splits = {
        split: _with_answers(
            of_types(_unique(datasets.load(data.name, data.root, split), split), data.types), data.answers, split
        )
        for split in (data.train, data.val)
        if split
    }
    options.check(data.options)
    train, val = _first(splits[data.train], data.clips), splits.get(data.val, ())
    fixed = datasets.of(data.name).vocabulary
    if data.options == "text":
        train, val, fixed = options.pairs(train), options.pairs(val), options.PAIRED
    elif data.options == "mask" and not fixed:
        fixed = options.vocabulary(train)
    fixed = tuple(data.vocabulary) or fixed
    answers = Counter(e.reference.text for e in train if e.reference)
    questions = Questions(tuple(train), tuple(val), tuple(fixed or answers))
    known = [e for e, label in zip(train, questions.labels(train), strict=True) if label >= 0]
    if not known:
        raise DatasetError(
            f"None of the {len(train)} answers in split {data.train!r} is among the {len(questions.vocabulary)} "
            f"answers of {data.name!r}, so nothing can be learned. An answer is {next(iter(answers), None)!r}."
        )
    lost = len(train) - len(known)
    notes = (
        (f"{lost} of {len(train)} training questions have an answer outside the vocabulary: left out",) if lost else ()
    )
    return Questions(tuple(known), questions.val, questions.vocabulary, notes)


def with_features(
    questions: Questions, recipe: config.Recipe, wanted: Sequence[str], store: FeatureStore, progress: Progress | None
) -> Questions:
    """Compute the features missing in `store`, and drop the questions whose clips cannot be read."""
    tally = fill(store, recipe.features, wanted, [*questions.train, *questions.val], progress=progress)
    if not tally.failed:
        return questions
    bad = dict(tally.failed)
    kept = [[e for e in part if e.clip.id not in bad] for part in (questions.train, questions.val)]
    if not kept[0]:
        clip, reason = tally.failed[0]
        raise DatasetError(f"None of the clips could be read ({len(bad)} tried). The first, {clip!r}: {reason}")
    ledger = Path(recipe.data.store_folder) / "ledger.jsonl"
    note = f"{len(bad)} clips could not be read: their questions are left out; see {ledger}"
    return Questions(tuple(kept[0]), tuple(kept[1]), questions.vocabulary, (*questions.notes, note))


def of_types(examples: Sequence[Example], types: Sequence[str]) -> Sequence[Example]:
    """The questions of given types, as `Audio/Comparative` or `Comparative`; all if `types` is empty."""
    wrong = [t for t in types if not any(t in _names(e) for e in examples)]
    if wrong:
        known = sorted({"/".join(e.kind) for e in examples})
        raise RecipeError(unknown("question type", wrong[0], known))
    return [e for e in examples if not types or any(t in _names(e) for t in types)]


def _with_answers(examples: Sequence[Example], answers: Sequence[str], split: str) -> Sequence[Example]:
    """The questions with given answers; all if `answers` is empty. Raises RecipeError if none is left."""
    wanted = {normal(answer) for answer in answers}
    kept = [e for e in examples if e.reference and normal(e.reference.text) in wanted] if wanted else examples
    if not kept:
        raise RecipeError(f"data.answers={list(answers)}: no question in split {split!r} has one of these answers.")
    return kept


def _names(example: Example) -> tuple[str, str]:
    """Names of a question's type: the full one and its last word."""
    return "/".join(example.kind), example.kind[-1] if example.kind else ""


def _first(examples: Sequence[Example], clips: int | None) -> Sequence[Example]:
    """The questions about the first `clips` clips of the split."""
    if clips is None:
        return examples
    if clips < 1:
        raise RecipeError(f"data.clips={clips}: must be 1 or more, or left out.")
    taken = set(list(dict.fromkeys(e.clip for e in examples))[:clips])
    return [e for e in examples if e.clip in taken]


def _unique(examples: Sequence[Example], split: str) -> Sequence[Example]:
    twice = [name for name, count in Counter(e.id for e in examples).items() if count > 1]
    if twice:
        raise DatasetError(
            f"Question id {twice[0]!r} occurs twice in split {split!r} ({len(twice)} such ids). "
            "Ids must be unique; see what else is wrong: lookhear check"
        )
    return examples
