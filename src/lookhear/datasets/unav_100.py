"""UnAV-100: 30,059 events of 100 kinds, seen and heard, in 10,790 untrimmed videos (Geng et al., CVPR 2023).

Annotations: github.com/ttgeng233/UnAV, data/unav100_annotations.json (MIT); the videos are VGGSound's, untrimmed.

    <root>/unav100_annotations.json                    {"database": {id: {duration, subset, annotations}}}
    <root>/raw_videos/<youtube id>.mp4                 any folder with video, media, raw or clip in its name

6,489 train, 2,134 val, 2,167 test. AV-UIE v2 trains on 4.9 K short segments of train, with times in whole seconds.
Events overlap; in a reference they are in temporal order.

`unav_100@evidence` asks which event is seen and heard, and when: questions for the evidence league.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lookhear.datasets.reading import dated
from lookhear.datasets.reading.annotations import Annotations, Fault, read_rows, text_of
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.replies import in_order, names
from lookhear.datasets.reading.tables import Row, checked_label
from lookhear.errors import DatasetError, quote
from lookhear.types import Answer, Example, Segment

LABELS = (
    "man speaking", "woman speaking", "kid speaking", "male singing", "people laughing", "car passing by",
    "baby laughter", "wind noise", "people clapping", "people shouting", "people crowd", "female singing",
    "dog barking", "playing acoustic guitar", "people eating", "people cheering", "basketball bounce",
    "engine knocking", "playing tennis", "baby babbling", "striking bowling", "playing badminton", "cat meowing",
    "people slapping", "playing piano", "baby crying", "people burping", "orchestra", "playing drum kit",
    "playing violin", "machine gun shooting", "child singing", "people nose blowing", "playing electronic organ",
    "people sneezing", "dog howling", "skateboarding", "playing base guitar", "auto racing", "sea waves",
    "playing table tennis", "people coughing", "people whispering", "playing ukulele", "sheep bleating",
    "playing tabla", "fire truck siren", "playing volleyball", "beat boxing", "playing trumpet", "thunder",
    "playing cello", "playing harp", "hammering nails", "people running", "sailing", "telephone bell ringing",
    "frog croaking", "driving motorcycle", "playing cornet", "playing clarinet", "train wheels squealing",
    "playing flute", "playing trombone", "playing erhu", "bull bellowing", "raining", "skidding", "chainsawing trees",
    "police car siren", "playing saxophone", "fireworks banging", "driving buses", "tap dancing", "airplane flyby",
    "people whistling", "train horning", "vacuum cleaner cleaning floors", "playing accordion", "bird chirping",
    "vehicle honking", "church bell ringing", "playing snare drum", "playing synthesizer",
    "typing on computer keyboard", "singing choir", "lions roaring", "people slurping", "helicopter",
    "horse clip-clop", "water burbling", "lawn mowing", "playing banjo", "playing zither", "playing harmonica",
    "people battle cry", "people sobbing", "ambulance siren", "rope skipping", "hair dryer drying",
)  # fmt: skip
VERSIONS = dated.VERSIONS
FILE = "unav100_annotations.json"
SUBSETS = {"train": "train", "val": "validation", "test": "test"}


def load(root: Path | str, split: str, version: str = "") -> list[Example]:
    """Every readable video of `split`."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "") -> Annotations:
    """The videos of `split`, with unreadable entries as faults. Entries without a known split are faults in every
    split."""
    root = Path(root)
    path = _file(root)
    if path is None or split not in SUBSETS:
        raise DatasetError(f"No split {split!r} of unav_100 under {str(root)!r}. There are: {', '.join(splits(root))}.")
    recordings = Recordings(root)

    def make(record: tuple[str, dict[str, Any]], line: int) -> Example:
        video, entry = record
        if entry["subset"] not in SUBSETS.values():
            raise DatasetError(f"subset {entry['subset']!r} is none of {', '.join(SUBSETS.values())}")
        duration = float(entry["duration"])
        segments = in_order(_segment(event, duration) for event in entry["annotations"])
        return Example(
            id=video,
            task="event_localisation",
            clip=recordings.clip(video),
            question="",
            reference=Answer(names(segments), segments=segments),
            meta={"video_id": video, "line": line, "form": "unav", "labels": LABELS, "duration": duration},
        )

    others = [name for name in SUBSETS.values() if name != SUBSETS[split]]
    found = read_rows(path, (row for row in _rows(path) if _subset(row[1]) not in others), make)
    return dated.asked(found, version)


def splits(root: Path | str, version: str = "") -> list[str]:
    """All three splits, if the file is under `root`."""
    return list(SUBSETS) if _file(Path(root)) else []


def _segment(event: dict[str, Any], duration: float) -> Segment:
    start, end = map(float, event["segment"])
    if not 0 <= start < end <= duration + 0.01:
        raise DatasetError(f"{start} to {end} is not a stretch of {duration} seconds")
    return Segment(checked_label(event["label"], LABELS), start, end)


def _subset(record: Any) -> Any:
    return record[1].get("subset") if isinstance(record, tuple) and isinstance(record[1], dict) else None


def _file(root: Path) -> Path | None:
    return next((root / f / FILE for f in ("", "data") if (root / f / FILE).is_file()), None)


def _rows(path: Path) -> Iterator[Row]:
    """Yield (line, (id, entry), text) for each entry of the database; a malformed one is a Fault and ends the file."""
    text = text_of(path)
    start = re.search(r'"database"\s*:\s*\{', text)
    if start is None:
        raise DatasetError(f'{path}: no "database" in it: {quote(text[:60])!r}. Is this the annotation file?')
    decoder, blank, colon = json.JSONDecoder(), re.compile(r"[\s,]*"), re.compile(r"\s*:\s*")
    at, line, counted = _past(blank, text, start.end()), 1, 0
    while at < len(text) and text[at] != "}":
        line, counted = line + text.count("\n", counted, at), at
        try:
            name, after = decoder.raw_decode(text, at)
            between = colon.match(text, after)
            entry, end = decoder.raw_decode(text, between.end() if between else after)
        except (ValueError, RecursionError) as error:
            why = f"not JSON ({quote(str(error))}); what follows is not read"
            yield line, Fault("malformed", path, line, why, quote(text[at : at + 200])), ""
            return
        yield line, (name, entry), quote(text[at:end])
        at = _past(blank, text, end)


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    """End of the match of `pattern` at `at`; the pattern also matches the empty text."""
    match = pattern.match(text, at)
    return match.end() if match else at
