"""VALOR-32K: one sentence on what is seen and heard in 10 s of everyday video (Chen et al., 2023).

Annotations: github.com/TXH-mercury/VALOR; videos are AudioSet's. The questions of Valor32k-AVQA were written from the
same captions and contain them, so its files can be read as well (CC BY-NC 4.0; see valor32k_avqa).

    <root>/desc_train.json, desc_val.json, desc_test.json        [{"video_id": …, "desc": …}]
    <root>/processed_{train,val,test}_data.csv                   or these: one caption a clip, from its first question
    <root>/media/<youtube id>_70.000_80.000.mp4                  any folder with video, media or clip in its name

25,000 train, 3,500 val, 3,500 test. AV-UIE v2 calls its part AVCap: 20.7 K for training, no test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets import valor32k_avqa
from lookhear.datasets.reading.annotations import Annotations, Fault, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example

FOLDERS = ("", "data", "VALOR-32K-annotations", "valor-32k-annotations")
PATTERNS = (r"desc_(train|val|test)\.json",)


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable clip of `split`, its caption as the reference."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The clips of `split`, with unreadable rows as faults; for question files, `rows` counts clips."""
    root = Path(root)
    path = find_splits(root, FOLDERS, PATTERNS).get(split)
    if path is None:
        if split not in valor32k_avqa.splits(root):
            there = ", ".join(splits(root)) or "none"
            raise DatasetError(f"No split {split!r} of valor under {str(root)!r}. There are: {there}.")
        return _from_questions(root, split)
    recordings = Recordings(root)

    def make(record: dict[str, Any], line: int) -> Example:
        video, caption = record["video_id"], record["desc"]
        if not isinstance(caption, str) or not caption.strip():
            raise DatasetError(f"desc {caption!r} is not a caption")
        return _example(video, recordings.clip(video), caption, line)

    return read_rows(path, json_rows(path), make)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS)) or valor32k_avqa.splits(root)


def _from_questions(root: Path, split: str) -> Annotations:
    asked = valor32k_avqa.read(root, split)
    first: dict[str, Example] = {}
    odd = [fault for fault in asked.faults if fault.kind == "malformed"]
    lost = len(odd)
    for question in asked.examples:
        one = first.setdefault(question.meta["video_id"], question)
        if one.meta["caption"] != question.meta["caption"]:
            why = f"another caption than in line {one.meta['line']}"
            odd.append(Fault("two captions", asked.file, question.meta["line"], why, question.meta["caption"]))
    made = tuple(_example(v, q.clip, q.meta["caption"], q.meta["line"]) for v, q in first.items())
    return Annotations(asked.file, len(made) + lost, made, tuple(odd))


def _example(video: str, clip: Clip, caption: str, line: int) -> Example:
    meta = {"video_id": video, "line": line}
    return Example(video, "captioning", clip, "", Answer(caption.strip()), meta=meta)
