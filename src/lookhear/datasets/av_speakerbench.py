"""AV-SpeakerBench: 3,212 questions with four choices on who speaks, when and how, in real videos (Nguyen et al., 2025).

Annotations: huggingface.co/datasets/plnguyen2908/AV-SpeakerBench, a table that is exported to JSON, JSON lines or CSV;
code at github.com/plnguyen2908/AV-SpeakerBench. The files are not shipped; the columns are those of its page.

    <root>/test.json                                   or test.jsonl, test.csv, av_speakerbench.*
    <root>/videos/<video id>.mp4                       any folder with video, media or clip in its name

`kind` is the task, if a row has it.
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.types import Example

FILES = ("test.json", "test.jsonl", "test.csv", "av_speakerbench.json*", "av_speakerbench.csv")
FIELDS = Fields(
    options=("choices", "options", "candidates"),
    video=("video_id", "video_path", "video", "clip_id"),
    kind=("task_id", "task", "question_type", "category"),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(only_file("av_speakerbench", root, split, FILES), FIELDS, Recordings(Path(root)))


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any(path.is_file() for file in FILES for path in Path(root).glob(file))
