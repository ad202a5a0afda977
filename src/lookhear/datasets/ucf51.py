"""UCF51: the 51 classes of UCF101 that have sound, official split 1 (Soomro et al., 2012).

Annotations and videos: crcv.ucf.edu/data/UCF101.php (free for research). The 50 classes that UCF101 took over from
UCF50 are silent; version `all` reads all 101.

    <root>/classInd.txt                                "1 ApplyEyeMakeup" a line, all 101
    <root>/trainlist01.txt, testlist01.txt             "Archery/v_Archery_g08_c01.avi 3", in test without the number
    <root>/UCF-101/<Class>/v_….avi                     any folder

Rows of silent classes are skipped, so `rows` counts those of the 51 classes: 4,901 train and 1,944 test (AV-UIE v2:
4.5 K train). Class names are written as words, "Apply Eye Makeup". Splits 2 and 3 are `train2`, `test3` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, find_split, find_splits, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import Row, checked_label, labelled, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Example

VERSIONS = ("sound", "all")
CLASSES = (
    "ApplyEyeMakeup", "ApplyLipstick", "Archery", "BabyCrawling", "BalanceBeam", "BandMarching", "BasketballDunk",
    "BlowDryHair", "BlowingCandles", "BodyWeightSquats", "Bowling", "BoxingPunchingBag", "BoxingSpeedBag",
    "BrushingTeeth", "CliffDiving", "CricketBowling", "CricketShot", "CuttingInKitchen", "FieldHockeyPenalty",
    "FloorGymnastics", "FrisbeeCatch", "FrontCrawl", "Haircut", "Hammering", "HammerThrow", "HandstandPushups",
    "HandstandWalking", "HeadMassage", "IceDancing", "Knitting", "LongJump", "MoppingFloor", "ParallelBars",
    "PlayingCello", "PlayingDaf", "PlayingDhol", "PlayingFlute", "PlayingSitar", "Rafting", "ShavingBeard", "Shotput",
    "SkyDiving", "SoccerPenalty", "StillRings", "SumoWrestling", "Surfing", "TableTennisShot", "Typing", "UnevenBars",
    "WallPushups", "WritingOnBoard",
)  # fmt: skip
FOLDERS = ("", "ucfTrainTestlist")
PATTERNS = (r"((?:train|test))list01\.txt", r"((?:train|test)list0[23])\.txt")


def words(name: str) -> str:
    """Class name as words: "Apply Eye Makeup" for ApplyEyeMakeup."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


LABELS = tuple(words(name) for name in CLASSES)
VOCABULARY = LABELS


def load(root: Path | str, split: str, version: str = "sound") -> list[Example]:
    """Every readable clip of `split`, of the 51 classes with sound or (`all`) of all 101."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "sound") -> Annotations:
    """The clips of `split`, with unreadable rows as faults."""
    root = Path(root)
    path = find_split("ucf51", root, split, FOLDERS, PATTERNS)
    numbers = _numbers(path.parent / "classInd.txt")
    labels = LABELS if version == "sound" else tuple(words(name) for name in numbers)
    recordings = Recordings(root, every=True)

    def make(row: dict[str, Any], line: int) -> Example:
        name, _, file = row["clip"].partition("/")
        checked_label(name, list(numbers))
        if row["class"] and numbers[name] != row["class"]:
            raise DatasetError(f"class {row['class']!r} where {name} has number {numbers[name]}")
        id = file.removesuffix(".avi")
        return labelled(id, "action_recognition", recordings.clip(id), words(name), labels, line)

    def silent(record: Any) -> bool:
        name = "" if isinstance(record, Fault) else record["clip"].partition("/")[0]
        return version == "sound" and name in numbers and name not in CLASSES

    return read_rows(path, (row for row in _rows(path) if not silent(row[1])), make)


def splits(root: Path | str, version: str = "sound") -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))


def _rows(path: Path) -> Iterator[Row]:
    for line, record, text in table_rows(path, ("row",), delimiter="\t", header=False):
        if isinstance(record, dict):
            clip, _, number = record["row"].partition(" ")
            record = {"clip": clip, "class": number.strip()}
        yield line, record, text


def _numbers(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise DatasetError(f"No classInd.txt beside the lists in {str(path.parent)!r}. It belongs to the split files.")
    rows = (record["row"].split() for _, record, _ in table_rows(path, ("row",), "\t", False))
    return {name: number for number, name in rows}
