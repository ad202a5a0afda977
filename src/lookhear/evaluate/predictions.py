"""Match predictions to the questions of a dataset and score them; unmatched ones are counted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lookhear import datasets, statistics
from lookhear.evaluate import beside, prediction_files
from lookhear.evaluate import report as reports
from lookhear.evaluate.report import Report
from lookhear.metrics import answers as metric
from lookhear.metrics.answers import normal
from lookhear.types import Answer, Example

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Matched:
    """One answer per question (empty if missing), and the predictions that did not match."""

    answers: tuple[Answer, ...]
    missing: tuple[str, ...]  # ids of questions without a prediction: they count as wrong
    extra: tuple[str, ...]  # ids of predictions without a question: they are ignored
    outside: tuple[tuple[str, str], ...]  # (id, answer) for answers outside the vocabulary
    shared: int  # questions that share a prediction with an earlier question of the same id
    written: tuple[tuple[str, str, str], ...] = ()  # (id, answer, allowed answer that differs only in form)
    lenient: bool = False  # whether the answers in `written` were accepted
    empty: int = 0  # predictions that are NaN, null or blank; they count as missing
    repeated: int = 0  # rows that repeat an id with the same answer

    def to_json(self) -> dict[str, int]:
        return {
            "missing": len(self.missing),
            "extra": len(self.extra),
            "outside_vocabulary": len(self.outside),
            "shared": self.shared,
            "empty": self.empty,
            "repeated": self.repeated,
            ("lenient" if self.lenient else "differ_in_writing"): len(self.written),
        }

    def lines(self) -> list[str]:
        """Notes on the score, one line each."""
        said = [f"{id!r}: {text!r}" for id, text in self.outside]
        notes = [
            (self.missing, "questions have no prediction and count as wrong", map(repr, self.missing)),
            (self.extra, "predictions are for no question of this split", map(repr, self.extra)),
            (self.outside, "predictions are outside the dataset's answers", said),
        ]
        meant = [f"{id!r}: {text!r} for {word!r}" for id, text, word in self.written]
        reads = "are read as meant (--lenient)" if self.lenient else "count as wrong; --lenient reads them as meant"
        notes.append((self.written, f"predictions differ from an answer only in writing: they {reads}", meant))
        lines = [f"{len(what)} {words}, such as {', '.join(list(some)[:3])}" for what, words, some in notes if what]
        lines += [f"{self.empty} predictions are NaN, null or blank: missing ones"] * bool(self.empty)
        lines += [f"{self.repeated} rows repeat an id with the same answer"] * bool(self.repeated)
        return lines + (
            [f"{self.shared} questions share the prediction of an earlier one of the same id"] * bool(self.shared)
        )


def scored(
    path: Path | str, name: str, root: Path | str, split: str = "test", lenient: bool = False
) -> tuple[Report, Matched]:
    """Score a file of predictions on a dataset; returns the report and the match. Raises DatasetError."""
    path = Path(path)
    dataset = datasets.of(name)
    vocabulary = dataset.answers(root)
    predictions = prediction_files.read(path, vocabulary)
    examples = datasets.load(name, root, split)
    matched = match(predictions.answers, examples, vocabulary, lenient)
    matched = replace(matched, empty=len(predictions.empty), repeated=predictions.repeated)
    card = {
        "model": path.stem,
        "dataset": name,
        "split": split,
        "videos": len({reports.video_of(e) for e in examples}),
        "interval": f"95 %, bootstrap over videos, {statistics.RESAMPLES} resamples",
        **matched.to_json(),
        **beside.of(examples, matched.answers, name),
    }
    if dataset.rephrased:
        same = [e.meta["question_id"] for e in examples]
        alike = metric.consistency(matched.answers, [e.truth for e in examples], same)
        card["consistency"] = {name: round(value, 4) for name, value in alike.items() if not math.isnan(value)}
    return reports.report(examples, matched.answers, card), matched


def match(
    predictions: Mapping[str, str], examples: Sequence[Example], vocabulary: Sequence[str] = (), lenient: bool = False
) -> Matched:
    """The prediction of each example, by its id or else by the question id in its file.

    `vocabulary` is the list of allowed answers; if it is empty, the question's options are used. An answer that differs
    from one of these only in form ("Yes.", "acoustic guitar", "2") counts as wrong unless `lenient`.
    """
    known = {normal(word): word for word in vocabulary}
    answers, missing, used, shared = list[Answer](), list[str](), set[str](), 0
    outside, written = list[tuple[str, str]](), list[tuple[str, str, str]]()
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
        options = {normal(option): option for option in example.meta.get("options", ())} or known
        if options and normal(text) not in options:
            meant = [option for option in options.values() if _plain(option) == _plain(text)]
            if len(meant) == 1:
                written.append((example.id, text, meant[0]))
                text = meant[0] if lenient else text
            else:
                outside.append((example.id, text))
        answers.append(Answer(text))
    extra = [id for id in predictions if id not in used]
    lists = tuple(answers), tuple(missing), tuple(extra), tuple(outside)
    return Matched(*lists, shared, tuple(written), lenient)


def _plain(text: str) -> str:
    """Normalise an answer: case, punctuation, articles, underscores, number words."""
    words = re.sub(r"[\W_]+", " ", text.casefold()).split()
    words = [w for w in words if w not in ("a", "an", "the")]
    words = [NUMBERS[int(w)] if w.isdecimal() and len(w) < 4 and int(w) < len(NUMBERS) else w for w in words]
    if len(words) == 1 and words[0].isdigit():
        return "more than ten"
    return " ".join(words)
