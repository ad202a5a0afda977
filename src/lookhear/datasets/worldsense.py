"""WorldSense: 3,172 questions with four choices on 1,662 videos that need sight and sound together (Hong et al., 2025).

Annotations: huggingface.co/datasets/honglyhly/WorldSense, worldsense_qa.json: one object per video, whose tasks task0,
task1, … hold question, candidates and answer; or the same as a flat table.

    <root>/worldsense_qa.json                          or test.json, test.jsonl, test.csv (flat)
    <root>/videos/<video id>.mp4                       any folder with video, media or clip in its name

`kind` is the domain (eight) and the type of task (26).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault
from lookhear.datasets.reading.choices import Fields, file_rows, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import quote
from lookhear.types import Example

FILES = ("worldsense_qa.json", "WorldSense/worldsense_qa.json", "test.json", "test.jsonl", "test.csv")
FIELDS = Fields(
    options=("candidates", "options"),
    video=("video", "video_id", "_key"),
    kind=("domain", "task_type"),
    meta=("task_domain", "sub_category", "audio_class"),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    path = only_file("worldsense", root, split, FILES)
    return read_choices(path, FIELDS, Recordings(Path(root)), rows=_questions(path))


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any(path.is_file() for file in FILES for path in Path(root).glob(file))


def _questions(path: Path) -> Iterator[tuple[int, Any, str]]:
    """One row per question; rows of the flat table are left unchanged."""
    for line, record, text in file_rows(path):
        tasks = {} if isinstance(record, Fault) else {k: v for k, v in record.items() if isinstance(v, dict)}
        nested = {k: v for k, v in tasks.items() if k.startswith("task")}
        video = {} if isinstance(record, Fault) else {k: v for k, v in record.items() if k not in tasks}
        for name, task in nested.items():
            yield line, {**video, **task, "id": f"{video.get('_key', line)}-{name}"}, quote(str(task.get("question")))
        if not nested:
            yield line, record, text
