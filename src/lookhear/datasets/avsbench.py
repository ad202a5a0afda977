"""AVSBench: the pixels of what sounds, frame by frame: one source (S4), several (MS3), 70 classes (AVSS).

Annotations and media: opennlplab.github.io/AVSBench (Apache-2.0 for the code, research only for the data; Zhou et al.,
ECCV 2022 and 2023). Two layouts are read:

    <root>/metadata.csv                                vid,uid,s_min,s_sec,a_obj,split,label (v1s, v1m or v2)
    <root>/v1s/<uid>/frames/0.jpg, labels_semantic/0.png, labels_rgb/0.png, audio.wav
or
    <root>/avs1_s4_test.csv, avs1_ms3_test.csv         "<uid>_1,dog" a line: frames from 1, no header
    <root>/<any of the folders above>                  frames are looked for under v1s/ and v1m/, counted from 0

Versions `s4` (default), `ms3` and `avss`. There is one example per frame: S4 and MS3 have 5 per clip, AVSS 10. In S4's
training clips only the first frame is labelled and read. Test has 740 clips (3,700 frames) of S4, 64 (320) of MS3.
AV-UIE v2 trains on 4.0 K.

The example's picture is the frame; `meta` has its number and the path of its mask, which `with_mask` reads. Class
numbers in masks start at 0 for the background, as in CLASSES; Crab's table starts at 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, find_splits, read_rows
from lookhear.datasets.reading.tables import Row, table_rows
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Source

VERSIONS = ("s4", "ms3", "avss")
CLASSES = (
    "background", "accordion", "airplane", "axe", "baby", "bassoon", "bell", "bird", "boat", "boy", "bus", "car",
    "cat", "cello", "clarinet", "clipper", "clock", "dog", "donkey", "drum", "duck", "elephant", "emergency-car",
    "erhu", "flute", "frying-food", "girl", "goose", "guitar", "gun", "guzheng", "hair-dryer", "handpan", "harmonica",
    "harp", "helicopter", "hen", "horse", "keyboard", "leopard", "lion", "man", "marimba", "missile-rocket",
    "motorcycle", "mower", "parrot", "piano", "pig", "pipa", "saw", "saxophone", "sheep", "sitar", "sorna", "squirrel",
    "tabla", "tank", "tiger", "tractor", "train", "trombone", "truck", "trumpet", "tuba", "ukulele", "utv",
    "vacuum-cleaner", "violin", "wolf", "woman",
)  # fmt: skip
PARTS = {"s4": "v1s", "ms3": "v1m", "avss": "v2"}
FRAMES = {"s4": 5, "ms3": 5, "avss": 10}
SPLITS = ("train", "val", "test")


def load(root: Path | str, split: str, version: str = "s4") -> list[Example]:
    """Every readable frame of `split`; masks are read by `with_mask`."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "s4") -> Annotations:
    """The frames of `split`, with unreadable rows as faults; `rows` counts frames."""
    root = Path(root)
    if split not in splits(root, version):
        there = ", ".join(splits(root, version)) or "none"
        raise DatasetError(f"No split {split!r} of avsbench@{version} under {str(root)!r}. There are: {there}.")
    path = _lists(root, version).get(split)
    rows = _listed(path) if path else _tabled(root / "metadata.csv", split, version)

    def make(row: dict[str, Any], line: int) -> Example:
        uid, frame = row["uid"], row["frame"]
        if not 0 <= frame < FRAMES[version]:
            raise DatasetError(f"frame {frame + 1} is none of {FRAMES[version]}")
        folder = root / PARTS[version] / uid
        picture, mask = folder / "frames" / f"{frame}.jpg", _mask(folder, frame, version)
        sound = folder / "audio.wav"
        return Example(
            id=f"{uid}_{frame}",
            task="localisation",
            clip=Clip(
                Source(f"{uid}_{frame}", picture if picture.is_file() else None),
                Source(uid, sound if sound.is_file() else None),
            ),
            question="",
            reference=Answer(row["label"]),
            meta={"video_id": uid, "line": line, "form": version, "frame": frame, "mask": mask},
        )

    return read_rows(path or root / "metadata.csv", rows, make)


def with_mask(example: Example) -> Example:
    """The example with its mask as regions of the reference: one per class for AVSS, else a single one."""
    path = example.meta.get("mask")
    if path is None:
        raise DatasetError(f"No mask for {example.id!r}. It must be in labels_semantic/ or labels_rgb/ of its clip.")
    from lookhear.datasets.reading.masks import read_mask, regions_of

    mask = read_mask(path, len(CLASSES))
    regions = regions_of(mask, CLASSES if example.meta["form"] == "avss" else example.truth.text)
    return replace(example, reference=replace(example.truth, regions=regions))


def splits(root: Path | str, version: str = "s4") -> list[str]:
    """The splits whose files are under `root`."""
    there = _lists(Path(root), version)
    if (Path(root) / "metadata.csv").is_file():
        return list(SPLITS)
    return [split for split in SPLITS if split in there]


def _lists(root: Path, version: str) -> dict[str, Path]:
    return find_splits(root, ("",), (rf"avs1_{version}_(train|val|test)\.csv",))


def _listed(path: Path) -> Iterator[Row]:
    for line, record, text in table_rows(path, ("frame", "label"), header=False):
        if isinstance(record, dict):
            uid, _, number = record["frame"].rpartition("_")
            if not uid or not number.isdecimal() or len(number) > 9:
                why = f"{record['frame']!r} is not <clip>_<frame from 1>"
                record = Fault("malformed", path, line, why, text)
            else:
                record = {"uid": uid, "frame": int(number) - 1, "label": record["label"]}
        yield line, record, text


def _tabled(path: Path, split: str, version: str) -> Iterator[Row]:
    """One row per frame of the clips of `split` in `version`."""
    for line, record, text in table_rows(path, ("uid", "a_obj", "split", "label")):
        if isinstance(record, Fault):
            yield line, record, text
        elif record["split"] == split and record["label"] == PARTS[version]:
            count = 1 if (version, split) == ("s4", "train") else FRAMES[version]
            for frame in range(count):
                yield line, {"uid": record["uid"], "frame": frame, "label": record["a_obj"]}, text


def _mask(folder: Path, frame: int, version: str) -> Path | None:
    names = ("labels_semantic", "labels_rgb") if version != "avss" else ("labels_rgb", "labels_semantic")
    return next((folder / n / f"{frame}.png" for n in names if (folder / n / f"{frame}.png").is_file()), None)
