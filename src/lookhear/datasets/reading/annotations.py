"""Read annotation files row by row; unreadable rows are quoted with their line numbers."""

from __future__ import annotations

import gzip
import json
import logging
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError, quote
from lookhear.files import UNLIKE
from lookhear.types import Example

log = logging.getLogger("lookhear")


@dataclass(frozen=True)
class Fault:
    """A fault in an annotation file: its kind, file and line, the reason, and the beginning of the row."""

    kind: str  # "malformed" (no example), or the name of an oddity in a readable row
    file: Path
    line: int
    why: str
    text: str = ""
    record: int | None = None  # index of the question, from 0, for a readable row

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.why}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True)
class Annotations:
    """Contents of one split: its examples in file order, with unique ids, and the faults of its rows."""

    file: Path
    rows: int
    examples: tuple[Example, ...]
    faults: tuple[Fault, ...] = ()

    def with_faults(self, odd: Sequence[Fault]) -> Annotations:
        """A copy with further faults, which concern readable rows."""
        return replace(self, faults=(*self.faults, *odd))

    def loaded(self) -> list[Example]:
        """The examples as a list; warns once if rows were left out."""
        lost = [fault for fault in self.faults if fault.kind == "malformed"]
        if lost:
            log.warning("%s of %s rows left out; the first: %s", len(lost), self.rows, lost[0])
        return list(self.examples)


def read_rows(path: Path, rows: Iterable[tuple[int, Any, str]], make: Callable[[Any, int], Example]) -> Annotations:
    """Apply `make(record, line)` to every row; its DatasetError, KeyError and the like become faults.

    A repeated id gets the suffix `#2`, `#3` and so on, so that ids are unique and every published row is scored;
    `meta["question_id"]` keeps the id of the file.
    """
    examples: list[Example] = []
    faults: list[Fault] = []
    seen: Counter[str] = Counter()
    count = 0
    for line, record, text in rows:
        count += 1
        try:
            if isinstance(record, Fault):
                faults.append(record)
                continue
            example = make(record, line)
        except KeyError as error:
            faults.append(Fault("malformed", path, line, f"no key {error.args[0]!r}", quote(text)))
            continue
        except (DatasetError, *UNLIKE) as error:
            faults.append(Fault("malformed", path, line, str(error).rstrip("."), quote(text)))
            continue
        seen[example.id] += 1
        if seen[example.id] > 1:
            example = replace(example, id=f"{example.id}#{seen[example.id]}")
        examples.append(example)
    return Annotations(path, count, tuple(examples), tuple(faults))


def json_rows(path: Path) -> Iterator[tuple[int, Any, str]]:
    """Yield (line, record, text) for each object of the JSON list in `path`; malformed ones as Faults."""
    text = text_of(path)
    decoder, comma = json.JSONDecoder(), re.compile(r"[\s,]*")
    start = re.compile(r"\s*\[\s*").match(text)
    if start is None:
        raise DatasetError(f"{path}: not a JSON list: {text[:60]!r}. Is this the annotation file?")
    at, line, counted = start.end(), 1, 0
    while at < len(text) and text[at] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            record, end = decoder.raw_decode(text, at)
            yield line, record, text[at:end]
        except (ValueError, RecursionError) as error:
            after = re.compile(r"[}\]]\s*,\s*(?=\{)|\n\s*(?=\{)").search(text, at + 1)
            end = after.end() if after else len(text)
            yield line, Fault("malformed", path, line, f"not JSON ({quote(str(error))})", quote(text[at:end])), ""
        gap = comma.match(text, end)
        at = gap.end() if gap else end


def file_object(path: Path) -> dict[str, Any]:
    """Parse a JSON file, plain or `.gz`."""
    try:
        found = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not JSON: {error}. Is this the annotation file?") from None
    if not isinstance(found, dict):
        raise DatasetError(f"{path}: a {type(found).__name__} where an object is wanted. Is this the annotation file?")
    return found


def text_of(path: Path) -> str:
    """The text of an annotation file, without byte-order mark; `.gz` files are decompressed."""
    try:
        if path.suffix == ".gz":
            return gzip.decompress(path.read_bytes()).decode("utf-8-sig")
        return path.read_text("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path}: not a whole gzip file ({error}). Is this the annotation file?") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text (byte {error.start}). Is this the annotation file?") from None


def find_split(name: str, root: Path, split: str, folders: Sequence[str], patterns: Sequence[str]) -> Path:
    """The file of `split`, by the patterns of `find_splits`; a split ending in `.json` or `.csv` is a file name.

    Raises DatasetError, which lists the existing splits.
    """
    if Path(split).suffix in (".json", ".csv"):
        path = next((root / f / split for f in ("", *folders) if (root / f / split).is_file()), None)
    else:
        path = find_splits(root, folders, patterns).get(split)
    if path is None:
        there = ", ".join(find_splits(root, folders, patterns)) or "none"
        raise DatasetError(f"No split {split!r} of {name} under {str(root)!r}. There are: {there}.")
    return path


def find_splits(root: Path, folders: Sequence[str], patterns: Sequence[str]) -> dict[str, Path]:
    """Split -> file, for every file in `folders` whose name matches one of `patterns`; the first file of a split
    counts.

    A pattern is a regular expression whose group is the split's name. `valid` is renamed to `val`.
    """
    splits: dict[str, Path] = {}
    for folder in folders:
        files = sorted((root / folder).iterdir()) if (root / folder).is_dir() else []
        for pattern in patterns:
            for path in files:
                if match := re.fullmatch(pattern, path.name):
                    splits.setdefault("val" if match[1] == "valid" else match[1], path)
    return splits
