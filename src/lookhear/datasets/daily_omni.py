"""Daily-Omni: 1,197 questions with four choices on 684 daily-life videos of 30 or 60 s (Zhou et al., 2025).

Annotations: github.com/Lliar-liar/Daily-Omni, qa.json (repository GPL-3.0; data CC BY-NC-SA); videos from there too.

    <root>/qa.json
    <root>/Videos/<video id>/<video id>_video.mp4      any folder with video, media or clip in its name

`kind` is the type: Event Sequence 306, AV Event Alignment 238, Context understanding 193, Reasoning 175, Inference 154,
Comparative 131. Records 365 and 372 are the same question.
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.types import Example

FILES = ("qa.json", "daily_omni/qa.json")
FIELDS = Fields(
    question=("Question",), options=("Choice",), answer=("Answer",), video=("video_id",), kind=("Type",),
    duration=("video_duration",), meta=("video_category", "content_parent_category"),
)  # fmt: skip


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(
        only_file("daily_omni", root, split, FILES), FIELDS, Recordings(Path(root), ends=("_video", "_audio"))
    )


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any((Path(root) / file).is_file() for file in FILES)
