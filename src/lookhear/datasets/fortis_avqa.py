"""FortisAVQA: MUSIC-AVQA-R's questions with head or tail stated in every row (Ma et al., 2025).

Annotations: github.com/reml-group/fortisavqa (an MIT and a GPL-3.0 licence file side by side). Rows are those of
MUSIC-AVQA-R plus `split` (head or tail) and `x`, the share that decided it. There is one file, and the splits `head`
and `tail` are selected from it; `test` is all of it.

    <root>/fortisavqa.json                             or any single JSON file; several are told apart by split's name
    <root>/videos/00000001.mp4                         MUSIC-AVQA's videos
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.music_avqa_r import FOLDERS, PARTS, rephrased
from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.templates import ANSWERS
from lookhear.errors import DatasetError
from lookhear.types import Example

VOCABULARY = ANSWERS
REPHRASED = True  # one id for several questions is not a fault
PATTERNS = (r"([\w-]+)\.json",)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question of `split`: `test`, or the `head` or `tail` part of it."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions of `split`, with unreadable rows as faults."""
    root = Path(root)
    there = splits(root)
    whole = split not in there and split in (*PARTS, "test") and len(there) == 1
    path = find_split("fortis_avqa", root, there[0] if whole else split, FOLDERS, PATTERNS)
    recordings = Recordings(root)

    def make(record: dict[str, Any], line: int) -> Example:
        part = record["split"]
        if part not in PARTS:
            raise DatasetError(f"split {part!r} is neither head nor tail")
        made = rephrased(record, recordings, line, part)
        return replace(made, meta={**made.meta, "share": record["x"]}) if "x" in record else made

    found = read_rows(path, json_rows(path), make)
    if not whole or split not in PARTS:
        return found
    return replace(found, examples=tuple(e for e in found.examples if e.meta["part"] == split))


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))
