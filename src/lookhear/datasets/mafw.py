"""MAFW: emotions of people in films, series and short videos; eleven, of which one is shown (Liu et al., ACM MM 2022).

Annotations and videos: on request from mafw-database.github.io/MAFW, for research only.

    <root>/Train & Test Set/single/no_caption/set_1/train.txt, test.txt      "00001.mp4 anger" a line
    <root>/data/clips/00001.mp4                                              any folder with clip or video in its name

Five folds of the 9,172 clips with a single emotion; the papers report on `train` and `test` of fold 1. Fold 3 is
`train3` and `test3`. AV-UIE v2 has 6.4 K of fold 1 for training.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, read_rows
from lookhear.datasets.reading.folds import Folds
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import labelled, table_rows
from lookhear.types import Example

LABELS = (
    "anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "contempt", "anxiety", "helplessness",
    "disappointment",
)  # fmt: skip
VOCABULARY = LABELS
FILES = Folds(
    "mafw", "set_{fold}/{part}.txt", ("Train & Test Set/single/no_caption", "single/no_caption", "no_caption", "")
)


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable clip of `split`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The clips of `split`, with unreadable rows as faults."""
    path = FILES.path(root, split)
    recordings = Recordings(Path(root), every=True)

    def make(row: dict[str, Any], line: int) -> Example:
        file, _, label = re.sub(r"\s+", " ", row["row"]).partition(" ")
        id = file.removesuffix(".mp4")
        return labelled(id, "emotion_recognition", recordings.clip(id), label.lower(), LABELS, line)

    return read_rows(path, table_rows(path, ("row",), "\t", header=False), make)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(FILES.files(root))
