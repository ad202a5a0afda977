"""LLP: 11,849 clips of 10 s with up to 25 kinds of events that are heard, seen or both (Tian et al., ECCV 2020).

Annotations: github.com/YapengTian/AVVP-ECCV20, data/ (no licence stated); the videos are AudioSet's.

    <root>/AVVP_train.csv, AVVP_val_pd.csv, AVVP_test_pd.csv     tab-separated: filename, event_labels
    <root>/AVVP_eval_audio.csv, AVVP_eval_visual.csv             filename, onset, offset, event_labels (val and test)
    <root>/media/<youtube id>_30_40.mp4, or <youtube id>.mp4     any folder with video, media or clip in its name

10,000 train, 649 val, 1,200 test, `full` all 11,849; AV-UIE v2 trains on 9.9 K with times that a language model added.
Train is weakly labelled: it has the events of a clip (`meta["events"]`) without times, so its references have no
segments. Events of length 0, events of videos in no split and ids that are not YouTube ids are listed as odd.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, find_split, find_splits, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.replies import in_order
from lookhear.datasets.reading.replies import names as names_of
from lookhear.datasets.reading.tables import checked_label, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example, Segment

LABELS = (
    "Speech", "Car", "Cheering", "Dog", "Cat", "Frying_(food)", "Basketball_bounce", "Fire_alarm", "Chainsaw", "Cello",
    "Banjo", "Singing", "Chicken_rooster", "Violin_fiddle", "Vacuum_cleaner", "Baby_laughter", "Accordion",
    "Lawn_mower", "Motorcycle", "Helicopter", "Acoustic_guitar", "Telephone_bell_ringing", "Baby_cry_infant_cry",
    "Blender", "Clapping",
)  # fmt: skip
SECONDS = 10
FOLDERS = ("", "data", "data/AVVP")
PATTERNS = (r"AVVP_(train|val|test)(?:_pd)?\.csv", r"AVVP_dataset_(full)\.csv")
NAME = re.compile(r"(.+)_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)")
ID = re.compile(r"[\w-]{11}")


@dataclass(frozen=True)
class Events:
    """Contents of an evaluation file: the events of each video (`of`), the number of rows, and their faults."""

    file: Path
    rows: int = 0
    of: dict[str, list[Segment]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    lines: dict[int, str] = field(default_factory=dict)  # line -> video id


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable clip of `split`; val and test with the segments of both streams."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The clips of `split`, with unreadable and odd rows of all its files as faults."""
    root = Path(root)
    path = find_split("llp", root, split, FOLDERS, PATTERNS)
    recordings, odd = Recordings(root), list[Fault]()
    events = {}
    for stream in ("audio", "visual") if split in ("val", "test") else ():
        file = path.parent / f"AVVP_eval_{stream}.csv"
        if not file.is_file():
            raise DatasetError(f"No {file.name} beside {path.name} in {str(path.parent)!r}: it says when events are.")
        events[stream] = read_events(file, stream)
    names = set()

    def make(row: dict[str, Any], line: int) -> Example:
        name, labels = row["filename"], tuple(checked_label(label, LABELS) for label in row["event_labels"].split(","))
        match = NAME.fullmatch(name)
        if match is None:
            raise DatasetError(f"filename {name!r} is not <youtube id>_<start>_<end>")
        if not ID.fullmatch(match[1]):
            odd.append(Fault("odd id", path, line, f"{match[1]!r} has not the 11 characters of a YouTube id", name))
        names.add(name)
        segments = in_order(s for stream_events in events.values() for s in stream_events.of.get(name, ()))
        return Example(
            id=name,
            task="event_localisation",
            clip=recordings.clip(name, name, match[1]),
            question="",
            reference=Answer(names_of(segments) or ", ".join(labels), segments=segments),
            meta={"video_id": name, "line": line, "form": "llp", "labels": LABELS, "events": labels},
        )

    read = read_rows(path, table_rows(path, ("filename", "event_labels"), "\t"), make)
    listed = names | (_names(root, "val") | _names(root, "test") if events else set())
    for stream_events in events.values():
        odd += [f for f in stream_events.faults if f.kind == "malformed" or stream_events.lines[f.line] in names]
        odd += [
            Fault("no such video", stream_events.file, line, f"{name!r} is neither in val nor in test", name)
            for line, name in stream_events.lines.items()
            if name not in listed
        ]
    return read.with_faults(odd)


def _names(root: Path, split: str) -> set[str]:
    path = find_splits(root, FOLDERS, PATTERNS).get(split)
    return {text.split()[0] for _, _, text in table_rows(path, (), "\t")} if path else set()


def read_events(path: Path, stream: str) -> Events:
    """The events of one evaluation file, as segments of `stream`."""
    of: dict[str, list[Segment]] = {}
    faults, lines, count = list[Fault](), {}, 0
    for line, row, text in table_rows(path, ("filename", "onset", "offset", "event_labels"), "\t"):
        count += 1
        if isinstance(row, Fault):
            faults.append(row)
            continue
        name, label, start, end = row["filename"], row["event_labels"], row["onset"], row["offset"]
        if not NAME.fullmatch(name):
            why = f"filename {name!r} is not <youtube id>_<start>_<end>"
        elif label not in LABELS:
            why = f"label {label!r} is none of the {len(LABELS)} there are"
        elif not (start.isdecimal() and end.isdecimal() and int(start) <= int(end) <= SECONDS):
            why = f"{start} to {end} is not a stretch of {SECONDS} seconds"
        else:
            lines[line] = name
            of.setdefault(name, []).append(Segment(label, int(start), int(end), stream))
            if start == end:
                faults.append(Fault("no length", path, line, f"the event lasts from {start} to {end}", text))
            continue
        faults.append(Fault("malformed", path, line, why, text))
    return Events(path, count, of, tuple(faults), lines)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`; `full` only if the others are missing, as it contains them."""
    there = list(find_splits(Path(root), FOLDERS, PATTERNS))
    return [split for split in there if split != "full"] or there
