"""VGGSounder: every class of 12,372 VGGSound test clips with the stream that shows it (Zverev et al., ICCV 2025).

Annotations: github.com/Bizilizi/VGGSounder, vggsounder/data/vggsounder_0.1.6.csv (Apache-2.0), one row per clip and
class: `modality` A (heard only), V (seen only) or AV, and flags. Clips are VGGSound's, 10 s.

    <root>/vggsounder_0.1.6.csv                        or any vggsounder_*.csv; classes.csv beside it
    <root>/videos/--U7joUcTCo_000000.mp4               any folder with video, media or clip in its name

33,185 rows, 309 classes. A clip's reference has one segment per class and stream; `meta` keeps the flags `static_image`
and `voice_over`. The task is `tagging`: name what is heard and what is seen.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.tables import table_rows
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example, Segment

STREAMS = {"A": "audio", "V": "visual", "AV": "audio-visual"}
COLUMNS = ("video_id", "label", "modality")
FLAGS = ("static_image", "voice_over", "background_music")
SECONDS = 10.0


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable clip."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The clips, with unreadable rows as faults."""
    path, root = _file(Path(root), split), Path(root)
    recordings, clips, faults = Recordings(root), dict[str, list[tuple[int, dict[str, Any]]]](), list[Fault]()
    count = 0
    for line, row, text in table_rows(path, COLUMNS):
        count += 1
        if isinstance(row, Fault):
            faults.append(row)
        elif row["modality"] not in STREAMS:
            faults.append(Fault("malformed", path, line, f"modality {row['modality']!r} is none of A, V, AV", text))
        else:
            clips.setdefault(row["video_id"], []).append((line, row))
    labels = tuple(sorted({row["label"] for rows in clips.values() for _, row in rows}))

    def make(rows: list[tuple[int, dict[str, Any]]], line: int) -> Example:
        video = rows[0][1]["video_id"]
        segments = tuple(Segment(row["label"], 0.0, SECONDS, STREAMS[row["modality"]]) for _, row in rows)
        flags = {flag: any(row.get(flag) == "True" for _, row in rows) for flag in FLAGS}
        return Example(
            id=video,
            task="tagging",
            clip=recordings.clip(video),
            question="",
            reference=Answer(", ".join(s.label for s in segments), segments=segments),
            meta={"video_id": video, "line": line, "labels": labels, **flags},
        )

    made = read_rows(path, ((rows[0][0], rows, name) for name, rows in clips.items()), make)
    return replace(made, rows=count).with_faults(faults)


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * bool(sorted(Path(root).glob("vggsounder_*.csv")))


def _file(root: Path, split: str) -> Path:
    found = sorted(root.glob(split if split.endswith(".csv") else "vggsounder_*.csv")) if split else []
    if not found or (split != "test" and not split.endswith(".csv")):
        raise DatasetError(
            f"No split {split!r} of vggsounder under {str(root)!r}. There are: {', '.join(splits(root)) or 'none'}."
        )
    return found[-1]
