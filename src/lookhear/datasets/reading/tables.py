"""Read tables (comma, tab or other separators) row by row, and make examples of labelled clips."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Fault, text_of
from lookhear.errors import DatasetError, quote
from lookhear.types import Answer, Clip, Example

Row = tuple[int, Any, str]  # line, record, the row's text


def table_rows(
    path: Path, columns: Sequence[str], delimiter: str = ",", header: bool = True, strip: bool = True
) -> Iterator[Row]:
    """Yield (line, {column: cell}, text) for each row; rows with too few or too many cells as Faults.

    With `header` the first line names the columns and must contain all of `columns`; otherwise `columns` name the cells
    in order. Quoting is supported in comma-separated tables only. Blank lines are skipped; `strip` removes whitespace
    around cells.
    """
    file = io.StringIO(text_of(path), newline="")
    if delimiter == ",":
        reader = csv.reader(file)
    else:
        reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    names: Sequence[str] = columns
    last = 0
    if header:
        names = [name.strip() for name in next(reader, [])]
        last = reader.line_num
        missing = [name for name in columns if name not in names]
        if missing:
            raise DatasetError(f"{path}: the first line has no column {missing[0]!r}. Is this the annotation file?")
    for cells in reader:
        line, last = last + 1, reader.line_num
        text = quote(delimiter.join(cells))
        if not text:
            continue
        if len(cells) != len(names):
            why = f"{len(cells)} cells where {len(names)} are promised"
            yield line, Fault("malformed", path, line, why, text), text
        else:
            yield line, {n: cell.strip() if strip else cell for n, cell in zip(names, cells, strict=True)}, text


def labelled(id: str, task: str, clip: Clip, label: str, labels: Sequence[str], line: int, **meta: Any) -> Example:
    """Example of a clip with one class of `labels`. Raises DatasetError for any other class."""
    checked_label(label, labels)
    meta = {"video_id": clip.video.id if clip.video else id, "line": line, "labels": tuple(labels)} | meta
    return Example(id=id, task=task, clip=clip, question="", reference=Answer(label), meta=meta)


def checked_label(label: str, labels: Sequence[str]) -> str:
    """`label`, if it is one of `labels`."""
    if label not in labels:
        raise DatasetError(f"label {label!r} is none of the {len(labels)} there are")
    return label


def numbered(number: str, labels: Sequence[str], first: int = 0) -> str:
    """The label with `number`, counting from `first`. Raises DatasetError."""
    if not number.isdecimal() or len(number) > 9 or not first <= int(number) < first + len(labels):
        raise DatasetError(f"class {number!r} is not a number from {first} to {first + len(labels) - 1}")
    return labels[int(number) - first]
