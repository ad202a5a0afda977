"""ARIG: the box of what sounds in a picture, made from AVSBench's S4 masks by the authors of Crab (CVPR 2025).

Annotations: the JSON files of huggingface.co/datasets/ahsgdxhs/AVUIE (Apache-2.0 tag); media: AVSBench, see avsbench.

    <root>/arig_train.json, arig_test.json             or train.json, test.json, also with `_samples`; in <root>/arig
    <root>/v1s/<uid>/frames/0.jpg, audio.wav           AVSBench's folders

A record has frame_path, audio_path, a_obj, top_left and bottom_right in pixels of the frame resized to 224 x 224. For
an empty mask the official preparation left top_left at 1000. Crab skips these records; here they are left out and
listed as odd. AV-UIE v2 trains on 3.4 K, the first frames of S4; its test set is S4's. Without these files the same
boxes follow from the masks: `from_mask` of an example of `avsbench@s4`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, find_split, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import below
from lookhear.datasets.reading.tables import Row
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Region, Source

SIZE = 224  # pixels that the frames are resized to before boxes are taken
NOTHING = 1000  # top_left of a frame without an object
FOLDERS = ("", "arig", "ARIG")
PATTERNS = (r"(?:arig[_-])?(train|val|test)(?:_samples)?\.json",)


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable frame of `split` in which something sounds."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The frames of `split`; unreadable rows and frames without an object are faults."""
    root = Path(root)
    path = find_split("arig", root, split, FOLDERS, PATTERNS)

    def make(record: dict[str, Any], line: int) -> Example:
        picture, sound = (below(root, record[key]) for key in ("frame_path", "audio_path"))
        frame, uid = Path(record["frame_path"]).stem, Path(record["audio_path"]).parent.name
        edges = [*record["top_left"], *record["bottom_right"]]
        if len(edges) != 4 or not all(isinstance(e, int | float) and 0 <= e <= SIZE for e in edges):
            raise DatasetError(f"top_left and bottom_right {edges} are not two points of {SIZE} x {SIZE} pixels")
        if not (edges[0] < edges[2] and edges[1] < edges[3]):
            raise DatasetError(f"box {edges} has no extent")
        left, top, right, bottom = (edge / SIZE for edge in edges)
        return Example(
            id=f"{uid}_{frame}",
            task="localisation",
            clip=Clip(Source(f"{uid}_{frame}", picture), Source(uid, sound)),
            question="",
            reference=Answer(record["a_obj"], regions=(Region(record["a_obj"], (left, top, right, bottom)),)),
            meta={"video_id": uid, "line": line, "form": "arig", "frame": frame},
        )

    odd = list[Fault]()
    return read_rows(path, _rows(path, odd), make).with_faults(odd)


def from_mask(example: Example) -> Example:
    """Convert an example of `avsbench@s4` to ARIG: the reference is the box of its mask."""
    from lookhear.datasets.avsbench import with_mask

    regions = tuple(Region(r.label, r.box) for r in with_mask(example).truth.regions)
    meta = {**example.meta, "form": "arig"}
    return replace(example, reference=replace(example.truth, regions=regions), meta=meta)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))


def _rows(path: Path, odd: list[Fault]) -> Iterator[Row]:
    for line, record, text in json_rows(path):
        if isinstance(record, dict) and NOTHING in (record.get("top_left") or ()):
            odd.append(Fault("no object", path, line, f"top_left is {record['top_left']}: nothing to find", text))
        else:
            yield line, record, text
