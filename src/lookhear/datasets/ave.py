"""AVE: 4,143 clips of 10 s with one event that is both seen and heard, second by second (Tian et al., ECCV 2018).

Annotations and videos: github.com/YapengTian/AVE-ECCV18 (no licence stated); the videos are AudioSet's.

    <root>/trainSet.txt, valSet.txt, testSet.txt       "Church bell&RUhOCu3LNXM&good&0&10", with or without a header
    <root>/Annotations.txt                             all of them: split `all`
    <root>/AVE/<youtube id>.mp4                        or any folder with video, media or clip in its name

3,339 train, 402 val, 402 test; AV-UIE v2 trains on 3.3 K. Some videos occur again with another event. One record
(Church bell, VWi2ENBuTbw) has length 0. It is kept as background throughout and listed as odd.

`ave@evidence` asks which event is seen and heard, and when: questions for the evidence league.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading import dated
from lookhear.datasets.reading.annotations import Annotations, Fault, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import checked_label, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example, Segment

LABELS = (
    "Church bell", "Male speech, man speaking", "Bark", "Fixed-wing aircraft, airplane", "Race car, auto racing",
    "Female speech, woman speaking", "Helicopter", "Violin, fiddle", "Flute", "Ukulele", "Frying (food)", "Truck",
    "Shofar", "Motorcycle", "Acoustic guitar", "Train horn", "Clock", "Banjo", "Goat", "Baby cry, infant cry", "Bus",
    "Chainsaw", "Cat", "Horse", "Toilet flush", "Rodents, rats, mice", "Accordion", "Mandolin",
)  # fmt: skip
VOCABULARY = LABELS
VERSIONS = dated.VERSIONS
SECONDS = 10
COLUMNS = ("Category", "VideoID", "Quality", "StartTime", "EndTime")
FILES = {"train": "trainSet.txt", "val": "valSet.txt", "test": "testSet.txt", "all": "Annotations.txt"}
FOLDERS = ("", "data", "AVE_Dataset", "data/AVE")


def load(root: Path | str, split: str, version: str = "") -> list[Example]:
    """Every readable clip of `split`; its event is the only segment of the reference."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "") -> Annotations:
    """The clips of `split` (or of a file ending in .txt), the rows that could not be read, and the odd ones."""
    root = Path(root)
    path = _find(root, split if split.endswith(".txt") else FILES.get(split, ""))
    if path is None:
        there = ", ".join(splits(root)) or "none"
        raise DatasetError(f"No split {split!r} of ave under {str(root)!r}. There are: {there}.")
    recordings, odd = Recordings(root, every=True), list[Fault]()

    def make(row: dict[str, Any], line: int) -> Example:
        label, video = checked_label(row["Category"], LABELS), row["VideoID"]
        start, end = int(row["StartTime"]), int(row["EndTime"])
        if not 0 <= start <= end <= SECONDS:
            raise DatasetError(f"{start} to {end} is not a stretch of {SECONDS} seconds")
        if start == end:
            odd.append(Fault("no length", path, line, f"the event lasts from {start} to {end}", "&".join(row.values())))
        return Example(
            id=video,
            task="event_localisation",
            clip=recordings.clip(video),
            question="",
            reference=Answer(label, segments=(Segment(label, start, end),) if start < end else ()),
            meta={"video_id": video, "line": line, "form": "ave", "labels": LABELS, "quality": row["Quality"]},
        )

    rows = table_rows(path, COLUMNS, "&", header=False)
    titles = dict(zip(COLUMNS, COLUMNS, strict=True))
    found = read_rows(path, (row for row in rows if row[1] != titles), make).with_faults(odd)
    return dated.asked(found, version)


def splits(root: Path | str, version: str = "") -> list[str]:
    """The splits whose files are under `root`; `all` only if the others are missing, as it contains them."""
    there = [split for split, file in FILES.items() if _find(Path(root), file)]
    return [split for split in there if split != "all"] or there


def _find(root: Path, name: str) -> Path | None:
    return next((root / f / name for f in FOLDERS if name and (root / f / name).is_file()), None)
