"""OmniBench: 1,142 questions with four choices on a picture and a sound, which are both needed (Li et al., 2024).

Annotations: github.com/multimodal-art-projection/OmniBench and its Hugging Face page (m-a-p/OmniBench), JSON lines. A
picture is a video of one frame; the sound is a separate file. The answer is the text of an option.

    <root>/dataset/batch-5_1142_20240817.jsonl         or omnibench.json, test.json, test.jsonl
    <root>/mm_data/image/…, <root>/mm_data/audio/…     pictures and sounds, under the paths of their rows

`kind` is the type of task and of sound (speech, sound event, music).
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.types import Example

FILES = ("dataset/batch*.jsonl", "batch*.jsonl", "omnibench.json*", "test.json", "test.jsonl")
FIELDS = Fields(
    video=("image_path", "image"),
    audio=("audio_path", "audio"),
    kind=("task type", "audio type"),
    id=("index", "id"),
    meta=("image content", "audio content"),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(only_file("omnibench", root, split, FILES), FIELDS, Recordings(Path(root)))


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any(path.is_file() for file in FILES for path in Path(root).glob(file))
