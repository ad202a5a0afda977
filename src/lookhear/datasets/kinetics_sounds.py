"""Kinetics-Sounds: 31 actions that can be both seen and heard, 10 s each (Arandjelović and Zisserman, ICCV 2017).

Annotations: the lists of github.com/GeWu-Lab/OGM-GE_CVPR2022, data/KineticSound (MIT). Videos are Kinetics-400's,
under their own YouTube licences. Class numbers of the lists are indices into the sorted names, LABELS.

    <root>/my_train.txt, my_test.txt                   "youtubeid_000058_000068,10,4" a line
    <root>/videos/<youtube id>_000058_000068.mp4       any folder with video, media or clip in its name

17,396 clips (14,799 train, 2,597 test); AV-UIE v2 has 20.1 K for training, from a copy of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import labelled, numbered, table_rows
from lookhear.types import Example

LABELS = (
    "blowing nose", "blowing out candles", "bowling", "chopping wood", "dribbling basketball", "laughing",
    "mowing lawn", "playing accordion", "playing bagpipes", "playing bass guitar", "playing clarinet",
    "playing drums", "playing guitar", "playing harmonica", "playing keyboard", "playing organ", "playing piano",
    "playing saxophone", "playing trombone", "playing trumpet", "playing violin", "playing xylophone",
    "ripping paper", "shoveling snow", "shuffling cards", "singing", "stomping grapes", "tap dancing",
    "tapping guitar", "tapping pen", "tickling",
)  # fmt: skip
VOCABULARY = LABELS
FOLDERS = ("", "KineticSound", "data/KineticSound")
PATTERNS = (r"my_(train|val|test)\.txt",)


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable clip of `split`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The clips of `split`, with unreadable rows as faults."""
    root = Path(root)
    path = find_split("kinetics_sounds", root, split, FOLDERS, PATTERNS)
    recordings = Recordings(root)

    def make(row: dict[str, Any], line: int) -> Example:
        clip = recordings.clip(row["clip"])
        return labelled(row["clip"], "action_recognition", clip, numbered(row["class"], LABELS), LABELS, line)

    return read_rows(path, table_rows(path, ("clip", "seconds", "class"), header=False), make)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))
