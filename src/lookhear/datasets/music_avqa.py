"""MUSIC-AVQA: 45,867 questions about 9,288 music videos, 33 templates, 42 answers (Li et al., CVPR 2022).

Annotations: github.com/GeWu-Lab/MUSIC-AVQA, data/json_update (version `update`, the default) and data/json (version
`original`); videos by request there. Licence: the repository has an MIT file and says GPL-3.0 in its README; the videos
are YouTube's. The two versions differ: in `original` some question ids occur twice with different answers (27 in val,
55 in test); `update` has each once: 31,927 / 4,568 / 9,129 questions. The split is by question, not by video.

    <root>/json_update/avqa-{train,val,test}.json      or data/json_update/, or <root> itself
    <root>/json/avqa-{train,val,test}.json             or data/json/, orig_json/
    <root>/videos/00000001.mp4                         any folder with video, media or clip in its name

Rows contain templates and slot values: `question` is filled as in the official code, `meta` holds the template.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.templates import ANSWERS, example
from lookhear.errors import DatasetError
from lookhear.types import Example

VOCABULARY = ANSWERS
VERSIONS = ("update", "original")
FOLDERS = {"update": ("json_update", "data/json_update", ""), "original": ("json", "data/json", "orig_json")}
PATTERNS = (r"avqa-(\w+)\.json",)


def load(root: Path | str, split: str, version: str = "update") -> list[Example]:
    """Every readable question of `split` in file order; `split` may be a file name, or one such as `train_fake`."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "update") -> Annotations:
    """The questions of `split`, with unreadable rows as faults."""
    root = Path(root)
    path = find_split(f"music_avqa@{version}", root, split, folders(root, version), PATTERNS)
    recordings = Recordings(root)

    def make(record: dict[str, Any], line: int) -> Example:
        video = record["video_id"]
        if not isinstance(video, str) or not isinstance(record["anser"], str):
            raise DatasetError(f"video_id {video!r} and anser {record['anser']!r} must be texts")
        made = example(record, recordings.clip(video))
        if len(made.kind) != 2:
            raise DatasetError(f"type {record['type']!r} is not a task and a question type")
        return replace(made, meta={**made.meta, "line": line})

    return read_rows(path, json_rows(path), make)


def splits(root: Path | str, version: str = "update") -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), folders(Path(root), version), PATTERNS))


def folders(root: Path, version: str) -> tuple[str, ...]:
    """Folders in which the files of a version are searched, relative to the root."""
    return (*FOLDERS[version], "") if version == "original" and root.name in ("json", "orig_json") else FOLDERS[version]
