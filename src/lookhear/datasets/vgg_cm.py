"""VGG-CM: which of two videos belongs to a sound, or which of two sounds to a video (Crab+, 2026).

Annotations: AVUIE_2 of huggingface.co/datasets/Jayson236/Crab_Plus; media are VGGSound's (CC BY 4.0).

    <root>/a2v/train.json, test.json                   one sound, two videos; also under AVUIE_2/
    <root>/v2a/train.json, test.json                   one video, two sounds
    <root>/<the paths in the files>                    relative ones as they are, others by their longest ending

Versions `both` (default), `a2v` and `v2a`; `kind` is the direction. The answer is "one" or "two"; other forms in the
files, 1, first or "video1", are converted. The clip holds the first candidate, `meta["second"]` the Source of the
other. AV-UIE v2 has 10.3 K for training.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, json_rows, read_rows
from lookhear.datasets.reading.media import below
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Source

VERSIONS = ("both", "a2v", "v2a")
VOCABULARY = LABELS = ("one", "two")
KINDS = {"a2v": "Audio to video", "v2a": "Video to audio"}
FOLDERS = ("", "AVUIE_2")
WORDS = {"1": "one", "one": "one", "first": "one", "2": "two", "two": "two", "second": "two"}


def load(root: Path | str, split: str, version: str = "both") -> list[Example]:
    """Every readable pair of `split`, in one direction or both."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "both") -> Annotations:
    """The pairs of `split`, with unreadable rows as faults; for `both`, `file` is the first of the two files."""
    root = Path(root)
    ways = [way for way in KINDS if version in (way, "both")]
    parts = [_read(root, path, way) for way in ways if (path := _file(root, way, split))]
    if not parts:
        there = ", ".join(splits(root, version)) or "none"
        raise DatasetError(f"No split {split!r} of vgg_cm@{version} under {str(root)!r}. There are: {there}.")
    examples = tuple(example for part in parts for example in part.examples)
    faults = tuple(fault for part in parts for fault in part.faults)
    return replace(parts[0], rows=sum(part.rows for part in parts), examples=examples, faults=faults)


def splits(root: Path | str, version: str = "both") -> list[str]:
    """The splits whose files are under `root`."""
    ways = [way for way in KINDS if version in (way, "both")]
    return [s for s in ("train", "val", "test") if any(_file(Path(root), way, s) for way in ways)]


def one_or_two(said: Any) -> str:
    """Normalise an answer to "one" or "two"."""
    word = str(said).strip().lower().removeprefix("video").removeprefix("audio").strip(" _.")
    if word not in WORDS:
        raise DatasetError(f"answer {said!r} is neither one nor two")
    return WORDS[word]


def _read(root: Path, path: Path, way: str) -> Annotations:
    query, asked = ("audio", "video") if way == "a2v" else ("video", "audio")

    def make(record: dict[str, Any], line: int) -> Example:
        first, second, other = (
            Source(Path(record[key]).stem, below(root, record[key]))
            for key in (f"{asked}1_path", f"{asked}2_path", f"{query}_path")
        )
        return Example(
            id=f"{way}-{line}",
            task="cross_modal_matching",
            clip=Clip(first, other) if way == "a2v" else Clip(other, first),
            question="",
            reference=Answer(one_or_two(record[f"correct_{asked}"])),
            kind=(KINDS[way],),
            meta={
                "video_id": other.id,
                "line": line,
                "form": way,
                "labels": LABELS,
                "second": second,
                "reasoning": str(record.get("label") or ""),
            },
        )

    return read_rows(path, json_rows(path), make)


def _file(root: Path, way: str, split: str) -> Path | None:
    names = (f"{way}/{split}.json", f"{way}_{split}.json")
    return next((p for f in FOLDERS for name in names if (p := root / f / name).is_file()), None)
