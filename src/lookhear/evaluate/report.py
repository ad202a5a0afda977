"""Reports: accuracy overall, by group and by question type, with 95 % intervals clustered by video.

    report(examples, answers) -> Report ── table("markdown") · to_json() · save(folder)   folder ── load ──▶ Report

All averages are micro averages: "Audio" pools the questions of its types, as in published tables. `metrics` are the
metrics of each task with intervals, `classes` the scores by class. For tasks whose answers are not simply right or
wrong (times, places, sentences) there is no `overall`, and the table shows the metrics. If questions are marked as head
or tail (`meta["part"]`, as in MUSIC-AVQA-R), both are also scored separately. A saved report contains every answer, so
that tables, tests and plots can be made without a model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import files, statistics
from lookhear.errors import DatasetError, FileError, not_installed
from lookhear.evaluate import scores, tables
from lookhear.evaluate.columns import ORDER
from lookhear.evaluate.records import from_record, to_record
from lookhear.evaluate.scores import Score
from lookhear.evaluate.videos import clusters_of, video_of
from lookhear.files import dumps
from lookhear.types import Answer, Example

__all__ = [
    "PARTS",
    "Report",
    "clusters_of",
    "columns_of",
    "load",
    "membership",
    "part_of",
    "places_of_parts",
    "report",
    "video_of",
]

PARTS = ("head", "tail")  # questions with a frequent answer, and those with a rare one


@dataclass(frozen=True, eq=False)
class Report:
    """Examples, answers and scores of an evaluation. `card` describes model, data and settings."""

    examples: Sequence[Example]
    answers: Sequence[Answer]
    right: np.ndarray  # bool (question,); all False if answers are not right or wrong
    overall: Score | None  # None if answers are not right or wrong
    groups: Mapping[str, Score]
    types: Mapping[str, Score]
    card: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, scores.Measured]] = field(default_factory=dict)  # kind of task -> metric
    classes: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)  # kind -> class -> column
    parts: Mapping[str, Report] = field(default_factory=dict)  # `head` and `tail`, if the test set has both

    def to_json(self) -> dict[str, Any]:
        """The scores as JSON values, in percent, with the `card` if there is one."""
        values: dict[str, Any] = {}
        if self.overall is not None:
            values["overall"] = self.overall.to_json()
            values["groups"] = {name: score.to_json() for name, score in self.groups.items()}
            values["types"] = {name: score.to_json() for name, score in self.types.items()}
        values["metrics"] = {k: {name: m.to_json() for name, m in some.items()} for k, some in self.metrics.items()}
        if self.parts:
            values["parts"] = {name: part.to_json() for name, part in self.parts.items()}
        if self.classes:
            values["classes"] = {kind: scores.rounded(table) for kind, table in self.classes.items()}
        return values | ({"card": dict(self.card)} if self.card else {})

    def table(self, format: str = "text") -> str:
        """The scores as `text`, `markdown`, `latex` or `csv`: types in the papers' order, then their group's average.

        Except in LaTeX, tables of each task's metrics and classes follow. The last line is about the model's
        certificate that it sees and hears.
        """
        return "\n\n".join(filter(None, (tables.report_text(self, format), tables.senses(self.card, format))))

    def __repr__(self) -> str:
        whole = f", {self.overall.accuracy:.2f} % right" if self.overall else ""
        return f"<Report of {self.card.get('model', 'answers')}: {len(self.examples)} questions{whole}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.table())}</pre>"

    def to_frame(self) -> Any:
        """A pandas DataFrame with one row per question: question, answer, reference, correctness, probability.

        `export` writes it as a file. Raises DependencyError without pandas.
        """
        try:
            import pandas
        except ImportError as error:
            raise not_installed(error, "A report as a table of pandas") from None
        return pandas.DataFrame(
            {
                "id": [e.id for e in self.examples],
                "video": [video_of(e) for e in self.examples],
                "kind": ["/".join(e.kind) for e in self.examples],
                "question": [e.question for e in self.examples],
                "reference": [e.reference.text if e.reference else None for e in self.examples],
                "answer": [a.text for a in self.answers],
                "right": [bool(r) if self.overall is not None else None for r in self.right],
                "score": [a.scores.get(a.text) for a in self.answers],
                "notes": ["; ".join(a.notes) for a in self.answers],
            }
        )

    def export(self, path: Path | str) -> None:
        """Write `to_frame` as `.csv` or `.parquet`. Raises FileError for another suffix, DependencyError."""
        path = Path(path)
        if path.suffix not in (".csv", ".parquet"):
            raise FileError(f"{str(path)!r} names no table: its name must end in .csv or .parquet.")
        frame = self.to_frame()
        with files.whole(path) as part:
            if path.suffix == ".csv":
                frame.to_csv(part, index=False)
                return
            try:
                frame.to_parquet(part, index=False)
            except ImportError as error:
                raise not_installed(ModuleNotFoundError(str(error), name="pyarrow"), "Parquet") from None

    def save(self, folder: Path | str) -> None:
        """Write report.json, answers.jsonl (one line per question) and table.md into `folder`."""
        folder = Path(folder)
        judged = [bool(one) if self.overall is not None else None for one in self.right]
        records = map(to_record, self.examples, self.answers, judged)
        texts = {
            "answers.jsonl": (dumps(record) + "\n" for record in records),
            "report.json": [dumps(self.to_json(), indent=2) + "\n"],
            "table.md": [self.table("markdown") + "\n"],
        }
        for name, lines in texts.items():
            with files.whole(folder / name) as part, part.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)


def report(
    examples: Sequence[Example],
    answers: Sequence[Answer],
    card: Mapping[str, Any] | None = None,
    resamples: int = statistics.RESAMPLES,
    seed: int = 0,
) -> Report:
    """Score `answers` against the references of `examples`, in the same order. Raises DatasetError."""
    whole = _scored(examples, answers, dict(card or {}), resamples, seed)
    places = places_of_parts(examples)
    if whole.overall is None or not places:
        return whole
    apart = {
        part: _scored([examples[i] for i in some], [answers[i] for i in some], {}, resamples, seed)
        for part, some in places.items()
    }
    return replace(whole, parts=apart)


def places_of_parts(examples: Sequence[Example]) -> dict[str, list[int]]:
    """`head` and `tail` -> the indices of their questions; empty if no question is marked or all are of one part."""
    places = {part: [i for i, e in enumerate(examples) if part_of(e) == part] for part in PARTS}
    return {part: some for part, some in places.items() if 0 < len(some) < len(examples)}


def part_of(example: Example) -> str:
    """`head` or `tail` if the question is marked so, else ""."""
    part = example.meta.get("part", "")
    return part if part in PARTS else ""


def _scored(
    examples: Sequence[Example], answers: Sequence[Answer], card: Mapping[str, Any], resamples: int, seed: int
) -> Report:
    """A report without its parts."""
    if len(examples) != len(answers):
        raise DatasetError(f"{len(answers)} answers for {len(examples)} questions. Give one answer for each, in order.")
    without = next((e.id for e in examples if e.reference is None), None)
    if without is not None:
        raise DatasetError(f"Question {without!r} has no reference answer, so nothing can be scored against it.")
    clusters = clusters_of(examples)
    measured = scores.measured(examples, answers, clusters, resamples, seed)
    both = scores.by_class(examples, answers)
    whole = tuple(examples), tuple(answers)
    right = scores.right(examples, answers)
    if right is None:
        return Report(*whole, np.zeros(len(examples), bool), None, {}, {}, card, measured, both)
    names = columns_of(examples)
    inside = membership(examples, names)
    edges = 100 * statistics.bootstrap(right, clusters, inside, resamples, seed)
    by_column = {}
    for i, name in enumerate(names):
        total, hits = int(inside[:, i].sum()), int(right[inside[:, i]].sum())
        low, high = (float(edge) for edge in edges[i])
        by_column[name] = Score(hits, total, 100 * hits / total if total else float("nan"), (low, high))
    overall = by_column.pop(names[0])
    groups = {name: score for name, score in by_column.items() if "/" not in name}
    types = {name: score for name, score in by_column.items() if "/" in name}
    return Report(*whole, right, overall, groups, types, card, measured, both)


def load(folder: Path | str) -> Report:
    """Load the report in `folder`; scores are recomputed from its answers. Raises DatasetError."""
    folder = Path(folder)
    try:
        lines = (folder / "answers.jsonl").read_text("utf-8").removesuffix("\n").split("\n")
        card = files.read_json(folder / "report.json", dict).get("card", {})
    except FileNotFoundError as error:
        run = (folder / "recipe.yaml").is_file()
        hint = f" It is a run; make one: lookhear evaluate {folder} … --out REPORT" if run else ""
        raise DatasetError(f"No report in {str(folder)!r}: {Path(error.filename).name} is missing.{hint}") from None
    except (FileError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder}: not readable as a report: {error}") from None
    if not isinstance(card, dict):
        raise DatasetError(f"{folder / 'report.json'}: its card is {str(card)[:40]!r}, not an object.")
    examples, answers = [], []
    for number, line in enumerate(lines, 1):
        try:
            example, answer = from_record(json.loads(line))
        except files.UNLIKE as error:
            raise DatasetError(f"{folder / 'answers.jsonl'}:{number}: not an answer ({error!r}): {line[:80]}") from None
        examples.append(example)
        answers.append(answer)
    return report(examples, answers, card)


def columns_of(examples: Sequence[Example]) -> list[str]:
    """`Overall`, then each group and its types, in the papers' order."""
    seen: dict[str, dict[str, None]] = {}
    for example in examples:
        types = seen.setdefault(example.kind[0], {}) if example.kind else {}
        if len(example.kind) > 1:
            types["/".join(example.kind[1:])] = None
    names = ["Overall"]
    for group in _in_order(seen, tuple(ORDER)):
        names += [group, *(f"{group}/{kind}" for kind in _in_order(seen[group], ORDER.get(group, ())))]
    return names


def membership(examples: Sequence[Example], names: Sequence[str]) -> np.ndarray:
    """bool (question, column): whether a question belongs to each of the columns `names` (see `columns_of`)."""
    place = {name: i for i, name in enumerate(names)}
    inside = np.zeros((len(examples), len(names)), dtype=bool)
    inside[:, 0] = True
    for row, example in enumerate(examples):
        for depth in {min(1, len(example.kind)), len(example.kind)} - {0}:
            inside[row, place["/".join(example.kind[:depth])]] = True
    return inside


def _in_order(names: Mapping[str, Any], first: Sequence[str]) -> list[str]:
    return [name for name in first if name in names] + [name for name in names if name not in first]
