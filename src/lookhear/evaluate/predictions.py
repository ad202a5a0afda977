"""Anybody's predictions, {question_id: answer}, matched to a dataset's questions; what does not match is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError
from lookhear.metrics.answers import normal
from lookhear.types import Answer, Example


@dataclass(frozen=True)
class Matched:
    """One answer for each question, empty where none was given, and what did not fit."""

    answers: tuple[Answer, ...]
    missing: tuple[str, ...]  # ids of questions without a prediction: they count as wrong
    extra: tuple[str, ...]  # ids of predictions without a question: they count for nothing
    outside: tuple[tuple[str, str], ...]  # (id, answer) that no question of the dataset can have as its answer
    shared: int  # questions answered by a prediction that another question of the same id has as well

    def to_json(self) -> dict[str, int]:
        return {
            "missing": len(self.missing),
            "extra": len(self.extra),
            "outside_vocabulary": len(self.outside),
            "shared": self.shared,
        }

    def lines(self) -> list[str]:
        """What a reader of the score must know, one line each."""
        said = [f"{id!r}: {text!r}" for id, text in self.outside]
        notes = [
            (self.missing, "questions have no prediction and count as wrong", map(repr, self.missing)),
            (self.extra, "predictions are for no question of this split", map(repr, self.extra)),
            (self.outside, "predictions are outside the dataset's answers", said),
        ]
        lines = [f"{len(what)} {words}, such as {', '.join(list(some)[:3])}" for what, words, some in notes if what]
        return lines + (
            [f"{self.shared} questions share the prediction of an earlier one of the same id"] * bool(self.shared)
        )


def read(path: Path | str) -> dict[str, str]:
    """The predictions in a JSON file, ids as texts. Raises DatasetError naming the line or the id that is wrong."""
    path = Path(path)
    try:
        found = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=lambda pairs: _unique(pairs, path))
    except FileNotFoundError:
        raise DatasetError(f"No predictions at {str(path)!r}. Give a JSON file of {{question_id: answer}}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise DatasetError(f"{path}: expected one object of question_id: answer, got a {type(found).__name__}.")
    wrong = next(((id, text) for id, text in found.items() if not isinstance(text, str)), None)
    if wrong:
        raise DatasetError(f"{path}: the answer of question {wrong[0]!r} must be a text, got {json.dumps(wrong[1])}.")
    return found


def match(predictions: dict[str, str], examples: Sequence[Example], vocabulary: Sequence[str] = ()) -> Matched:
    """The prediction of each example, by its id or else by the question id in its file.

    `vocabulary` is every answer there can be; where it is empty, a question's own options are.
    """
    known = {normal(word) for word in vocabulary}
    answers, missing, outside, used, shared = [], [], [], set(), 0
    for example in examples:
        fallback = str(example.meta.get("question_id", example.id))
        id = example.id if example.id in predictions else fallback
        if id not in predictions:
            missing.append(example.id)
            answers.append(Answer(notes=("no prediction",)))
            continue
        shared += id in used
        used.add(id)
        text = predictions[id]
        answers.append(Answer(text))
        options = {normal(option) for option in example.meta.get("options", ())} or known
        if options and normal(text) not in options:
            outside.append((example.id, text))
    extra = [id for id in predictions if id not in used]
    return Matched(tuple(answers), tuple(missing), tuple(extra), tuple(outside), shared)


def _unique(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for id, value in pairs:
        if found.setdefault(id, value) != value:
            raise DatasetError(f"{path}: question {id!r} is answered twice, {found[id]!r} and {value!r}.")
    return found
