"""Browse saved evaluations: filters, cases, disagreement between models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError
from lookhear.evaluate import report as reports
from lookhear.evaluate.records import to_record
from lookhear.types import Answer, Example

PAGE = 50  # cases per page
MEDIA = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".m4a", ".wav", ".flac", ".mp3", ".ogg")


@dataclass(frozen=True)
class Filter:
    """Which cases are shown. Empty fields do not filter."""

    kind: str = ""
    """a group or a question type: `Audio`, `Audio/Counting`"""
    right: bool | None = None
    part: str = ""
    """head or tail"""
    least: float = 0.0
    """smallest confidence of the answer"""
    most: float = 1.0
    """largest confidence of the answer"""
    text: str = ""
    """text that the question, the answer or the reference contains"""
    disagree: int | None = None
    """number of another report with a different answer"""


@dataclass
class Results:
    """One saved evaluation."""

    folder: Path
    name: str
    whole: reports.Report
    places: dict[str, int] = field(default_factory=dict)  # id of a question -> its index

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Name, scores and possible filter values of the evaluation."""
        report = self.whole.to_json()
        parts = sorted({str(e.meta["part"]) for e in self.whole.examples if e.meta.get("part")})
        return {
            "name": self.name,
            "questions": len(self.whole.examples),
            "kinds": [*reports.columns_of(self.whole.examples)[1:]],
            "parts": parts,
            "judged": self.whole.overall is not None,
            "scores": {k: v for k, v in report.items() if k != "classes"},
        }


def load(folders: Sequence[Path]) -> list[Results]:
    """Load the evaluations saved in `folders`; a run folder may hold one as `report/`. Raises DatasetError."""
    loaded: list[Results] = []
    for folder in folders:
        place = next((f for f in (folder, folder / "report") if (f / "answers.jsonl").is_file()), folder)
        whole = reports.load(place)
        name = str(whole.card.get("model") or folder.name)
        names = [one.name for one in loaded]
        name = name if name not in names else f"{name} ({folder.name})"
        places = {example.id: i for i, example in enumerate(whole.examples)}
        loaded.append(Results(folder, name, whole, places))
    return loaded


def cases(every: Sequence[Results], number: int, wanted: Filter, offset: int) -> dict[str, Any]:
    """A page of the cases of report `number` that pass the filter."""
    one = every[number]
    passed = [i for i in range(len(one.whole.examples)) if _passes(every, one, i, wanted)]
    shown = [_row(every, one, i) for i in passed[offset : offset + PAGE]]
    return {"total": len(passed), "of": len(one.whole.examples), "offset": offset, "cases": shown}


def case(every: Sequence[Results], number: int, id: str) -> dict[str, Any]:
    """One complete case, as in `answers.jsonl`, with the answers of the other reports to the same question."""
    one = every[number]
    place = _place(one, id)
    example, answer = one.whole.examples[place], one.whole.answers[place]
    right = bool(one.whole.right[place]) if one.whole.overall is not None else None
    return {**to_record(example, answer, right), "model": one.name, "others": _others(every, one, id)}


def example_of(every: Sequence[Results], number: int, id: str) -> Example:
    """The question of a case. Raises DatasetError."""
    return every[number].whole.examples[_place(every[number], id)]


def _place(one: Results, id: str) -> int:
    if id not in one.places:
        raise DatasetError(f"No question {id[:80]!r} in {one.name}.")
    return one.places[id]


def confidence(answer: Answer) -> float | None:
    """The model's confidence in its answer; None if it is unknown."""
    return answer.scores.get(answer.text, max(answer.scores.values(), default=None))  # type: ignore[arg-type]


def _passes(every: Sequence[Results], one: Results, place: int, wanted: Filter) -> bool:
    example, answer = one.whole.examples[place], one.whole.answers[place]
    kind = "/".join(example.kind)
    if wanted.kind and kind != wanted.kind and not kind.startswith(wanted.kind + "/"):
        return False
    if wanted.right is not None and bool(one.whole.right[place]) != wanted.right:
        return False
    if wanted.part and example.meta.get("part") != wanted.part:
        return False
    sure = confidence(answer)
    if (wanted.least > 0 or wanted.most < 1) and (sure is None or not wanted.least <= sure <= wanted.most):
        return False
    if wanted.disagree is not None:
        other = _answer(every[wanted.disagree], example.id)
        if other is None or other.text == answer.text:
            return False
    words = wanted.text.lower().split()
    said = f"{example.question} {answer.text} {example.reference.text if example.reference else ''}".lower()
    return not [word for word in words if word not in said]


def _answer(one: Results, id: str) -> Answer | None:
    return one.whole.answers[one.places[id]] if id in one.places else None


def _others(every: Sequence[Results], one: Results, id: str) -> list[dict[str, Any]]:
    rows = []
    for other in every:
        answer = _answer(other, id)
        if other is not one and answer is not None:
            right = bool(other.whole.right[other.places[id]]) if other.whole.overall is not None else None
            rows.append({"model": other.name, "answer": answer.text, "right": right, "confidence": confidence(answer)})
    return rows


def _row(every: Sequence[Results], evaluation: Results, place: int) -> dict[str, Any]:
    example, answer = evaluation.whole.examples[place], evaluation.whole.answers[place]
    return {
        "id": example.id,
        "question": example.question,
        "kind": list(example.kind),
        "answer": answer.text,
        "reference": example.reference.text if example.reference else None,
        "right": bool(evaluation.whole.right[place]) if evaluation.whole.overall is not None else None,
        "confidence": confidence(answer),
        "part": example.meta.get("part"),
        "others": _others(every, evaluation, example.id),
    }


def find_media(id: str, folders: Sequence[Path]) -> Path | None:
    """Find the recording `id` inside `folders`: by its name, by a path that ends in it, or by the name with a suffix.

    Nothing outside `folders` is ever returned.
    """
    name = id.replace("\\", "/").partition("@")[0]
    for folder in folders:
        root = folder.resolve()
        for at in (name, Path(name).name):
            for ending in ("", *MEDIA):
                for sub in ("", "videos", "video", "audio", "clips"):
                    try:
                        path = (root / sub / f"{at.lstrip('/')}{ending}").resolve()
                        if path.is_relative_to(root) and path.is_file() and path.suffix.lower() in MEDIA:
                            return path
                    except (OSError, ValueError):
                        continue
    return None
