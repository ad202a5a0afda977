"""Reader of multiple-choice questions in any published layout, by a map from fields to keys.

    FIELDS = Fields(question=("Question",), options=("Choice",), answer=("Answer",), video=("video_id",))
    read(path, FIELDS, recordings) ─▶ Annotations: examples with meta["options"], and the faults of their rows

A field lists possible keys. The first key that a record has is used, and a dot enters a nested object. Options are a
list, an object with letters as keys, several keys, or lines of one text; leading letters are removed.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, json_rows, read_rows, text_of
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import table_rows
from lookhear.datasets.reading.times import seconds
from lookhear.errors import DatasetError, quote
from lookhear.types import Answer, Clip, Example

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PREFIX = re.compile(r"^\s*\(?([A-Za-z])\)?\s*[.):、：]\s*|^\s*\(([A-Za-z])\)\s*")
SPACED = re.compile(r"^\s*([A-Z])\s+(\S.*)$", re.DOTALL)  # "A Kitchen", if every option of a question has its letter
LETTER = re.compile(r"^\s*\(?([A-Za-z])\)?[.):]?\s*$")
TAGGED = re.compile(r"<answer>([^<]{0,500})</answer>", re.IGNORECASE)
SUFFIX = re.compile(r"\.(?:mp4|mkv|webm|mov|avi|wav|mp3|flac|m4a|jpg|jpeg|png)$", re.IGNORECASE)


@dataclass(frozen=True)
class Fields:
    """Possible keys of a record for each field. Each key in `kind` that a record has adds a part to `Example.kind`."""

    question: Sequence[str] = ("question", "Question", "question_text", "problem", "question_content")
    options: Sequence[str] = ("options", "Choice", "choices", "candidates", "multi_choice", "mcq", "Options")
    answer: Sequence[str] = ("answer", "Answer", "correct_option", "correct_answer", "solution", "answer_idx")
    video: Sequence[str] = ("video_id", "video", "video_name", "video_path", "videoID", "url", "audio_id", "audio_path")
    audio: Sequence[str] = ()
    id: Sequence[str] = ("question_id", "qid", "id", "index")
    kind: Sequence[str] = ()
    duration: Sequence[str] = ("duration", "video_duration")
    first: int = 0  # number of the first option, if answers are numbers
    meta: Sequence[str] = ()  # further keys to keep in `Example.meta`


@dataclass
class OddRows:
    """Collects faults of rows that are readable but odd."""

    path: Path
    faults: list[Fault] = field(default_factory=list)

    def __call__(self, kind: str, line: int, why: str, text: str, record: int) -> None:
        self.faults.append(Fault(kind, self.path, line, why, quote(text), record))


def read(
    path: Path,
    fields: Fields,
    recordings: Recordings,
    split: str = "",
    rows: Iterable[tuple[int, Any, str]] | None = None,
    make: Callable[[Mapping[str, Any], Example], Example] | None = None,
) -> Annotations:
    """The questions of a file; `make(record, example)` may modify each example, `rows` replaces the file's rows."""
    odd, number = OddRows(path), iter(range(10**9))

    def example_of_record(record: Mapping[str, Any], line: int) -> Example:
        if not isinstance(record, Mapping):
            raise DatasetError(f"a {type(record).__name__} where a question is wanted")
        made = example(record, fields, recordings, line, next(number), split or path.stem, odd)
        return make(record, made) if make else made

    return read_rows(path, file_rows(path) if rows is None else rows, example_of_record).with_faults(odd.faults)


def file_rows(path: Path) -> Iterable[tuple[int, Any, str]]:
    """The records of a JSON list, JSON lines, or a CSV or TSV table."""
    name = path.name.removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return table_rows(path, (), "\t" if name.endswith(".tsv") else ",")
    text = text_of(path).lstrip()
    if name.endswith(".jsonl") or (text.startswith("{") and _is_lines(text)):
        return _lines(path, text)
    if text.startswith("{"):
        return _of_object(path, text)
    return json_rows(path)


def example(
    record: Mapping[str, Any], fields: Fields, recordings: Recordings, line: int, number: int, split: str, odd: OddRows
) -> Example:
    """Convert a record to an example. Raises DatasetError or KeyError if this is not possible."""
    question, video = str(need(record, fields.question)).strip(), str(need(record, fields.video))
    texts, letters = options_of(record, fields.options)
    given = need(record, fields.answer)
    shown = f"{video}: {question}"
    if letters and letters != list(LETTERS[: len(letters)]):
        odd("letters out of order", line, f"options are lettered {' '.join(letters)}", shown, number)
    place = place_of(given, texts, letters, fields.first)
    reference = Answer(texts[place]) if place is not None else Answer(str(given))
    if place is None and texts:
        odd("answer not a choice", line, f"answer {given!r} is not among {texts!r}", shown, number)
    name = SUFFIX.sub("", Path(video).name)
    sound = get(record, fields.audio)
    clip = recordings.clip(name, Path(video).stem)
    if sound:
        other = recordings.clip(SUFFIX.sub("", Path(str(sound)).name))
        clip = Clip(clip.video, other.audio)
    length = get(record, fields.duration)
    meta: dict[str, Any] = {"video_id": name, "line": line, "record": number, "options": tuple(texts)}
    if place is not None:
        meta["place"] = place  # the text of the correct option may occur twice
    if length is not None and (until := length_of(length)) is not None:
        meta["duration"] = until
    meta |= {key: record[key] for key in fields.meta if key in record}
    own = get(record, fields.id)
    return Example(
        id=f"{split}-{number}" if own is None else str(own),
        task="question_answering",
        clip=clip,
        question=question,
        reference=reference,
        kind=tuple(_plain(value) for key in fields.kind if (value := get(record, (key,))) not in (None, "")),
        meta=meta if own is None else {**meta, "question_id": own},
    )


def get(record: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value under the first of `keys` that the record has, or None."""
    for key in keys:
        value: Any = record
        for part in [key] if key in record else key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def need(record: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """Like `get`, but raises KeyError if the record has none of `keys`."""
    value = get(record, keys)
    if value is None:
        raise KeyError(" or ".join(keys))
    return value


def options_of(record: Mapping[str, Any], keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """(texts, their letters) of a record's options; both empty if it has none."""
    given = get(record, keys)
    if given is None:
        single = [key for key in LETTERS if key in record]
        single = single or [
            k
            for i in range(26)
            for k in record
            if k.lower() in (f"option_{LETTERS[i].lower()}", f"choice_{i + 1}", f"option{i + 1}")
        ]
        given = [record[key] for key in single if record[key] not in (None, "")]
    if isinstance(given, str):
        given = _of_text(given)
    if isinstance(given, Mapping):
        return [_option(value) for value in given.values()], [str(key).strip("() .") for key in given]
    texts = [_option(example_of_record) for example_of_record in given]
    marks = [PREFIX.match(text) for text in texts]
    letters = [m[m.lastindex or 1].upper() for m in marks if m]
    enough = len(texts) if len(texts) < 3 else len(texts) - 1  # one option may lack its full stop: "B Horse chewing"
    if len(letters) >= enough and len(set(letters)) > 1 and set(letters) <= set(LETTERS[: len(texts)]):
        plain = [text[m.end() :].strip() if m else text.strip() for m, text in zip(marks, texts, strict=True)]
        return plain, letters if len(letters) == len(texts) else []
    spaced = [SPACED.match(text) for text in texts]
    if len(texts) > 2 and all(m and m[1] == LETTERS[i] for i, m in enumerate(spaced[:26])):
        return [m[2].strip() for m in spaced if m], list(LETTERS[: len(texts)])
    return texts, []


def place_of(named: Any, texts: Sequence[str], letters: Sequence[str], first: int = 0) -> int | None:
    """Index of the option that an answer names by letter, by text with or without letter, or by number from `first`.

    None if it names none.
    """
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    if isinstance(named, bool) or named is None:
        return None
    first_ones = list(LETTERS[: len(texts)])
    marks = list(letters) if sorted(letters) == first_ones else first_ones  # repeated letters are ignored
    if isinstance(named, int):
        return named - first if 0 <= named - first < len(texts) else None
    text = str(named).strip()
    if tagged := TAGGED.search(text):
        text = tagged[1].strip()
    if text in texts:
        return list(texts).index(text)
    if (alone := LETTER.match(text)) and alone[1].upper() in marks:
        return marks.index(alone[1].upper())
    if (mark := PREFIX.match(text)) and (mark[1] or mark[2]).upper() in marks:
        return marks.index((mark[1] or mark[2]).upper())
    if text.isdecimal() and len(text) < 4 and 0 <= int(text) - first < len(texts):
        return int(text) - first
    alike = [i for i, option in enumerate(texts) if option.strip().casefold() == text.casefold()]
    return alike[0] if alike else None


def length_of(value: Any) -> float | None:
    """Seconds of a duration such as "30s", 12.5, "03:28" or "1:02:03"; None for anything else, such as "short"."""
    text = str(value).strip().lower().removesuffix("s").strip()
    return seconds(text) if re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?|\d{1,3}(?:[:：]\d{2}){1,2}", text) else None


def _of_text(given: str) -> Any:
    """Options written as one text: a Python or JSON list, or one option per line."""
    if given.lstrip().startswith(("[", "{")) and len(given) < 20_000:
        for parse in (json.loads, ast.literal_eval):
            try:
                return parse(given)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    return [line.strip() for line in re.split(r"\n|\s(?=\(?[B-Z][.)] )", given) if line.strip()]


def _option(value: Any) -> str:
    if isinstance(value, Mapping):  # an option that is a text, an image or a sound
        return str(get(value, ("text", "input", "value", "content")) or "")
    return str(value)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _is_lines(text: str) -> bool:
    first, _, rest = text.partition("\n")
    return first.rstrip().endswith("}") and rest.lstrip().startswith("{")


def _lines(path: Path, text: str) -> Iterable[tuple[int, Any, str]]:
    for line, row in enumerate(text.split("\n"), 1):
        if row.strip():
            try:
                yield line, json.loads(row), row
            except (ValueError, RecursionError) as error:
                yield line, Fault("malformed", path, line, f"not JSON ({error})", quote(row)), ""


def _of_object(path: Path, text: str) -> Iterable[tuple[int, Any, str]]:
    """Records in the only list of an object, or one record per key, with the key kept as `_key`."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not JSON: {error}. Is this the question file?") from None
    lists = [value for value in content.values() if isinstance(value, list)]
    if len(lists) == 1:
        records = lists[0]
    else:
        records = [{"_key": key, **value} for key, value in content.items() if isinstance(value, Mapping)]
    for number, record in enumerate(records, 1):
        yield number, record, quote(json.dumps(record, ensure_ascii=False)[:400])


def only_file(name: str, root: Path | str, split: str, files: Sequence[str]) -> Path:
    """The file of a benchmark that has only a test set: one of `files`, or the file named by `split`."""
    root = Path(root)
    wanted = (split,) if Path(split).suffix else files if split == "test" else ()
    chosen = next((path for file in wanted for path in sorted(root.glob(file)) if path.is_file()), None)
    if chosen is None:
        there = "test" if any(list(root.glob(file)) for file in files) else "none"
        raise DatasetError(
            f"No split {split!r} of {name} under {str(root)!r}. There are: {there}. Its file is {' or '.join(files)}."
        )
    return chosen
