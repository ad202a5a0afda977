"""Read files of predictions: JSON objects or lists, JSON lines, CSV, our answers.jsonl, TSPM's TSPM.result.

{"12": "one", "13": "no"}                              one object
[{"question_id": 12, "prediction": "one"}, …]          a list of rows; also one row per line, or a CSV with a header
12 <tab> True <tab> 8 <tab> 8                          TSPM.result: id, whether right, true class, predicted class
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookhear.catalog import unknown
from lookhear.errors import DatasetError

IDS = ("question_id", "questionid", "qid", "id", "uid", "index")
ANSWERS = (
    "answer",
    "prediction",
    "pred",
    "predicted",
    "pred_answer",
    "predicted_answer",
    "response",
    "reply",
    "output",
)
RESULT = re.compile(r"(\S+)[ \t]+(?:True|False)[ \t]+(\d+)[ \t]+(\d+)")


@dataclass(frozen=True)
class Predictions:
    """Answers by question id. `empty` are ids whose answer is NaN, null or blank; `repeated` counts equal repeats."""

    answers: Mapping[str, str]
    empty: tuple[str, ...] = ()
    repeated: int = 0


def read(path: Path | str, vocabulary: Sequence[str] = ()) -> Predictions:
    """The predictions in a file of any of the formats above, with ids as text.

    `vocabulary` names the classes of a file with class numbers (TSPM.result). Raises DatasetError, with the line or id,
    for an invalid prediction and for an id with two different answers.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DatasetError(f"No predictions at {str(path)!r}. Give a JSON file of {{question_id: answer}}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not readable as text ({error}).") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DatasetError(f"{path}: empty. Expected predictions: {{question_id: answer}}, rows, or CSV.")
    if all(RESULT.fullmatch(line.strip()) for line in lines[:20]):
        return _gathered(_result(lines, path, vocabulary), path)
    if path.suffix.lower() in (".csv", ".tsv"):
        return _gathered(_table(text, path), path)
    return _gathered(_json(text, lines, path), path)


def _json(text: str, lines: Sequence[str], path: Path) -> Iterable[tuple[str, Any, str]]:
    """(id, answer, where) of each prediction in a JSON value, or in JSON lines."""
    try:
        pairs: list[tuple[str, Any]] = []  # items of the outermost object, whose hook is called last

        def kept(some: list[tuple[str, Any]]) -> dict[str, Any]:
            pairs[:] = some
            return dict(some)

        parsed = json.loads(text, object_pairs_hook=kept)
    except (ValueError, RecursionError) as error:
        if len(lines) < 2 or not lines[0].lstrip().startswith("{"):
            raise DatasetError(f"{path}: not JSON: {error}.") from None
        return [_row(_line(line, n, path), f"line {n}", path) for n, line in enumerate(lines, 1)]
    if isinstance(parsed, list):
        return [_row(row, f"row {n}", path) for n, row in enumerate(parsed, 1)]
    if isinstance(parsed, Mapping):
        inner = next(
            (parsed[k] for k in ("predictions", "answers", "results") if isinstance(parsed.get(k), list)), None
        )
        if inner is not None:
            return [_row(row, f"row {n}", path) for n, row in enumerate(inner, 1)]
        if len(lines) == 1 and _key(parsed, IDS) and _key(parsed, ANSWERS):
            return [_row(parsed, "line 1", path)]
        return [(_id(id), value, f"question {id!r}") for id, value in pairs]
    raise DatasetError(f"{path}: expected an object of question_id: answer, or rows, got a {type(parsed).__name__}.")


def _line(line: str, number: int, path: Path) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}, line {number}: not JSON: {error}.") from None


def _row(row: Any, where: str, path: Path) -> tuple[str, Any, str]:
    """(id, answer, where) of one row."""
    if not isinstance(row, Mapping):
        raise DatasetError(f"{path}, {where}: expected an object with an id and an answer, got {str(row)[:60]!r}.")
    names = {}
    for what, known in (("id", IDS), ("answer", ANSWERS)):
        names[what] = _key(row, known)
        if not names[what]:
            hint = unknown(f"{what} of a question", next(iter(row), ""), known)
            raise DatasetError(f"{path}, {where}: no {what} among {', '.join(map(str, row)) or 'no keys'}. {hint}")
    id = row[names["id"]]
    if id is None or id != id or id == "":
        raise DatasetError(f"{path}, {where}: the question id is {id!r}. Give every row the id of its question.")
    return _id(id), row[names["answer"]], where


def _key(row: Mapping[str, Any], known: Sequence[str]) -> str:
    by = {str(name).strip().lower(): name for name in row}
    return next((by[name] for name in known if name in by), "")


def _table(text: str, path: Path) -> Iterable[tuple[str, Any, str]]:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" or "\t" in text.split("\n", 1)[0] else "excel"
    rows = list(csv.reader(io.StringIO(text), dialect))
    head, body = rows[0], rows[1:]
    if not (_key(dict.fromkeys(head), IDS) and _key(dict.fromkeys(head), ANSWERS)):
        if len(head) != 2:
            raise DatasetError(f"{path}: no column of ids and answers among {', '.join(head)}. Name them id, answer.")
        head, body = ["id", "answer"], rows  # two columns without a header
    return [_row(dict(zip(head, row, strict=False)), f"line {n}", path) for n, row in enumerate(body, 2) if row]


def _result(lines: Sequence[str], path: Path, vocabulary: Sequence[str]) -> Iterable[tuple[str, Any, str]]:
    if not vocabulary:
        raise DatasetError(f"{path} holds numbers of classes, and this dataset has no fixed order of answers.")
    for number, line in enumerate(lines, 1):
        found = RESULT.fullmatch(line.strip())
        if not found or int(found[3]) >= len(vocabulary):
            raise DatasetError(f"{path}, line {number}: {line.strip()!r} is not: id, True or False, class, class.")
        yield found[1], vocabulary[int(found[3])], f"line {number}"


def _gathered(rows: Iterable[tuple[str, Any, str]], path: Path) -> Predictions:
    """Predictions by id; NaN, null and blank answers are `empty`. Raises DatasetError for contradicting rows."""
    answers: dict[str, str] = {}
    empty: dict[str, None] = {}
    repeated = 0
    for id, value, where in rows:
        if value is None or value != value or (isinstance(value, str) and value.strip().lower() in ("", "nan", "null")):
            empty[id] = None
            continue
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise DatasetError(f"{path}, {where}: the answer must be a text, got {json.dumps(value)[:80]}.")
        text = value if isinstance(value, str) else f"{value:g}"
        repeated += id in answers
        if answers.setdefault(id, text) != text:
            raise DatasetError(f"{path}: question {id!r} is answered twice, {answers[id]!r} and {text!r}.")
    return Predictions(answers, tuple(i for i in empty if i not in answers), repeated)


def _id(value: Any) -> str:
    """An id as text; `12.0` becomes 12, because pandas writes 12 as 12.0 in a column with missing values."""
    text = str(value).strip()
    return text.removesuffix(".0") if re.fullmatch(r"\d+\.0", text) else text
