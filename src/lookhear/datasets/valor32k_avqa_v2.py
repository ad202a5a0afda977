"""Valor32k-AVQA v2: 225,000 open and multiple-choice questions on VALOR-32K clips, by modality (Riahi et al., MM 2025).

Annotations: github.com/inesriahi/valor32k-avqa-2, data/combined_dataset_{train,val,test}_flattened.json (CC BY-NC 4.0);
the first version, CSV tables, is `valor32k_avqa`. Videos are AudioSet's.

    <root>/combined_dataset_test_flattened.json        splits train, val, test; or data/, or <split>.json
    <root>/media/<youtube id>_70.000_80.000.mp4        any folder with video, media or clip in its name

`kind` is the modality that the question needs (visual, audio, audio-visual) and its topic.
"""

from __future__ import annotations

from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits
from lookhear.datasets.reading.choices import Fields
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.types import Example

FOLDERS = ("", "data", "annotations")
PATTERNS = (r"combined_dataset_(\w+?)(?:_flattened)?\.json", r"(train|val|test)\.jsonl?")
FIELDS = Fields(
    answer=("correct_answer_idx", "correct_mcq", "answer"),
    kind=("modality", "category"),
    id=("id", "question_id"),
    meta=("rephrased_answers",),
)


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    return read_choices(
        find_split("valor32k_avqa_v2", Path(root), split, FOLDERS, PATTERNS), FIELDS, Recordings(Path(root))
    )


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))
