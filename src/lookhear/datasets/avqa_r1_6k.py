"""AVQA-R1-6K: 4,490 training and 1,911 test questions of EchoInk-R1, drawn from AVQA (Xing et al., 2025).

Annotations: huggingface.co/datasets/harryhsing/OmniInstruct_V1_AVQA_R1; code at github.com/HarryHsing/EchoInk. A record
has `problem`, `options` ("A. …"), `solution` ("<answer>A</answer>") and paths of a picture and a sound.

    <root>/omni_rl_format_test.json                    splits train and test; or test.json, train.json
    <root>/images/…, <root>/audios/…                   under the paths of the rows

EchoInk's reward accepts the <answer> tag only; the reply reader of lookhear accepts every plain form.
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import DatasetError
from lookhear.types import Example

FILES = {
    "train": ("omni_rl_format_train.json", "train.json"),
    "test": ("omni_rl_format_test.json", "omni_rl_format_valid.json", "test.json"),
}
FIELDS = Fields(
    question=("problem", "question"),
    answer=("solution", "answer"),
    video=("path.image", "path.video", "image", "path"),
    audio=("path.audio", "audio"),
    kind=("data_type",),
    id=("problem_id", "id"),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(_file(Path(root), split), FIELDS, Recordings(Path(root)))


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return [split for split, files in FILES.items() if any((Path(root) / file).is_file() for file in files)]


def _file(root: Path, split: str) -> Path:
    names = (split,) if Path(split).suffix else FILES.get(split, ())
    found = next((root / name for name in names if (root / name).is_file()), None)
    if found is None:
        there = ", ".join(splits(root)) or "none"
        raise DatasetError(f"No split {split!r} of avqa_r1_6k under {str(root)!r}. There are: {there}.")
    return found
