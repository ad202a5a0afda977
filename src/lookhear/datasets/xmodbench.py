"""XModBench: 60,828 questions in five task families, each asked across text, picture and sound (Wang et al., 2025).

Annotations: github.com/XingruiWang/XModBench and its Hugging Face page; one JSON list per task and direction. A record
has `question`, `conditions` (the context: `modality` and `input`), `options` (letter -> the same fields) and
`correct_answer`, a letter. Options are texts or media; for media, `meta["options"]` holds the file names.

    <root>/**/<task>_<from>_<to>.json                  split: the path of a file below the root, or test for data.json
    <root>/Data/…                                      media under the paths of the rows

`kind` is the task, if a row has it, and the modality of the context.
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.types import Example

FILES = ("data.json", "test.json", "xmodbench.json")
FIELDS = Fields(
    video=("conditions.input", "video", "image"),
    audio=("conditions.audio", "audio"),
    answer=("correct_answer", "answer"),
    kind=("task", "conditions.modality"),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(only_file("xmodbench", root, split, FILES), FIELDS, Recordings(Path(root)))


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any(path.is_file() for file in FILES for path in Path(root).glob(file))
