"""MER2024: clips of Chinese films and series with one of six emotions each; "Train&Val" only (Lian et al., 2024).

Annotations and videos: on request from zeroqiaoba.github.io/MER2024-website, for research only.

    <root>/label-disdim.csv                            name,discrete,valence
    <root>/video-labeled/<name>.mp4                    any folder with video in its name

There is one split, `train`, because the organisers do not publish the other labels. 5,030 clips; AV-UIE v2 has 4.8 K.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import labelled, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Example

LABELS = ("angry", "happy", "neutral", "sad", "surprise", "worried")
VOCABULARY = LABELS
FILE = "label-disdim.csv"


def load(root: Path | str, split: str = "train") -> list[Example]:
    """Every readable clip; `split` is `train`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "train") -> Annotations:
    """The clips, with unreadable rows as faults."""
    root = Path(root)
    if split not in splits(root):
        raise DatasetError(
            f"No split {split!r} of mer2024 under {str(root)!r}. There are: {', '.join(splits(root)) or 'none'}."
        )
    path = root / FILE
    recordings = Recordings(root)

    def make(row: dict[str, Any], line: int) -> Example:
        clip = recordings.clip(row["name"])
        return labelled(row["name"], "emotion_recognition", clip, row["discrete"].lower(), LABELS, line)

    return read_rows(path, table_rows(path, ("name", "discrete")), make)


def splits(root: Path | str) -> list[str]:
    """`train`, if its file is under `root`."""
    return ["train"] if (Path(root) / FILE).is_file() else []
