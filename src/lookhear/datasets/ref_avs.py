"""Ref-AVS: segmentation of the object that an audio-visual expression refers to, if any (Wang et al., ECCV 2024).

Annotations: github.com/GeWu-Lab/Ref-AVS, data/metadata.csv (MIT); media: gewu-lab.github.io/Ref-AVS.

    <root>/metadata.csv                                vid,uid,split,fid,exp
    <root>/media/<vid>/frames/0.jpg, audio.wav         10 frames, 10 s; also REFAVS/media/
    <root>/gt_mask/<vid>/fid_<fid>/00000.png

20,459 rows: train 14,113 (608 of them null, that is without a referent), val 1,349 (72 null), test_s (seen classes)
2,288, test_u (unseen) 1,656, test_n (all null) 1,028, and 25 rows of no split ("TODO"), listed as odd in every split.
AV-UIE v2 has 30.7 K for training, from several frames per clip. `seen`, `unseen` and `null` are other names of the test
splits. There is one example per expression, on one of the ten frames of its clip. The frame is chosen by the CRC-32 of
its uid, so that all positions occur and the choice is fixed; `frame` overrides it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

from lookhear.datasets.reading.annotations import Annotations, Fault, read_rows
from lookhear.datasets.reading.tables import Row, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Source

SPLITS = ("train", "val", "test_s", "test_u", "test_n")
NAMES = {"seen": "test_s", "unseen": "test_u", "null": "test_n"}
KINDS = {"test_s": ("Seen",), "test_u": ("Unseen",), "test_n": ("Null",)}
FRAMES = 10
COLUMNS = ("vid", "uid", "split", "fid", "exp")


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable expression of `split`; masks are read by `with_mask`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str, frame: int | None = None) -> Annotations:
    """The expressions of `split`, with unreadable and odd rows as faults."""
    root = Path(root)
    path = root / "metadata.csv"
    split = NAMES.get(split, split)
    if split not in splits(root):
        there = ", ".join(splits(root)) or "none"
        raise DatasetError(f"No split {split!r} of ref_avs under {str(root)!r}. There are: {there}.")
    base = root / "REFAVS" if (root / "REFAVS").is_dir() else root
    odd = list[Fault]()

    def make(row: dict[str, Any], line: int) -> Example:
        uid, vid, null = row["uid"], row["vid"], row["uid"].startswith("null_")
        parts = re.sub(r"^null_[a-z]-", "", uid).split("_")
        if len(parts) < 3 or "_".join(parts[:-2]) != vid:
            raise DatasetError(f"uid {uid!r} is not {vid!r} with an object and a number behind it")
        if row["exp"] != row["exp"].strip():
            odd.append(Fault("stray blanks", path, line, f"the expression is {row['exp']!r}"))
        number = crc32(uid.encode()) % FRAMES if frame is None else frame
        folder = base / "media" / vid
        picture, sound = folder / "frames" / f"{number}.jpg", folder / "audio.wav"
        mask = base / "gt_mask" / vid / f"fid_{row['fid']}" / f"{number:05d}.png"
        return Example(
            id=uid,
            task="localisation",
            clip=Clip(
                Source(f"{vid}_{number}", picture if picture.is_file() else None),
                Source(vid, sound if sound.is_file() else None),
            ),
            question=row["exp"].strip(),
            reference=Answer("" if null else parts[-2]),
            kind=KINDS.get(split, ()),
            meta={
                "question_id": uid,
                "video_id": vid,
                "line": line,
                "form": "ref_avs",
                "frame": number,
                "mask": mask if mask.is_file() else None,
                "null": null,
            },
        )

    read = read_rows(path, _rows(path, split, odd), make)
    return read.with_faults(odd)


def with_mask(example: Example) -> Example:
    """The example with its mask as the only region of the reference; a null expression has none."""
    if example.meta["null"]:
        return example
    if example.meta["mask"] is None:
        raise DatasetError(f"No mask for {example.id!r}. It must be in gt_mask/{example.meta['video_id']}/.")
    from lookhear.datasets.reading.masks import read_mask, regions_of

    regions = regions_of(read_mask(example.meta["mask"], 256), example.truth.text)
    return replace(example, reference=replace(example.truth, regions=regions))


def splits(root: Path | str) -> list[str]:
    """All splits, if the file is under `root`."""
    return list(SPLITS) if (Path(root) / "metadata.csv").is_file() else []


def _rows(path: Path, split: str, odd: list[Fault]) -> Iterator[Row]:
    for line, record, text in table_rows(path, COLUMNS, strip=False):
        if isinstance(record, Fault) or record["split"] == split:
            yield line, record, text
        elif record["split"] not in SPLITS:
            odd.append(Fault("no split", path, line, f"split {record['split']!r} is none of {', '.join(SPLITS)}", text))
