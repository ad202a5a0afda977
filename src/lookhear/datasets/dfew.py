"""DFEW: faces in films, one of seven emotions each (Jiang et al., ACM MM 2020).

Annotations and videos: on request from dfew-dataset.github.io, for research only.

    <root>/EmoLabel_DataSplit/train(single-labeled)/set_1.csv, test(single-labeled)/set_1.csv     video_name,label
    <root>/Clip/original/00001.mp4                                                                any folder

Five folds of the 11,697 clips with a single label, numbered 1 to 7; the papers report on `train` (9,356) and `test`
(2,341) of fold 1, fold 3 is `train3` and `test3`. AV-UIE v2 has 9.3 K for training. Files are named with five digits,
rows without leading zeros.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, read_rows
from lookhear.datasets.reading.folds import Folds
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import labelled, numbered, table_rows
from lookhear.types import Example

LABELS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")  # in the order of their numbers
VOCABULARY = LABELS
FILES = Folds("dfew", "{part}(single-labeled)/set_{fold}.csv", ("EmoLabel_DataSplit", ""))


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable clip of `split`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The clips of `split`, with unreadable rows as faults."""
    path = FILES.path(root, split)
    recordings = Recordings(Path(root), every=True)

    def make(row: dict[str, Any], line: int) -> Example:
        id = row["video_name"].removesuffix(".mp4").zfill(5)
        label = numbered(row["label"], LABELS, first=1)
        return labelled(id, "emotion_recognition", recordings.clip(id), label, LABELS, line)

    return read_rows(path, table_rows(path, ("video_name", "label")), make)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(FILES.files(root))
