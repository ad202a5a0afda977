"""JointAVBench: 2,853 questions whose answers need sound and picture jointly, on film clips (Chao et al., 2025).

Annotations: github.com/jointavbench/JointAVBench and its Hugging Face page, one record per question. The questions are
not shipped; the keys are those of its evaluation code.

    <root>/jointavbench.json                           or test.json, test.jsonl, *_qa.json
    <root>/videos/<video id>.mp4                       any folder with video, media or clip in its name

`kind` is the task, if a row has it (15 tasks over four kinds of sound).
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.types import Example

FILES = ("jointavbench.json", "test.json", "test.jsonl", "*_qa.json")
FIELDS = Fields(
    video=("video_name", "video_id", "segment_id", "video_path", "video"),
    answer=("correct_answer", "answer"),
    kind=("task", "question_type", "audio_type"),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(only_file("jointavbench", root, split, FILES), FIELDS, Recordings(Path(root)))


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any(path.is_file() for file in FILES for path in Path(root).glob(file))
