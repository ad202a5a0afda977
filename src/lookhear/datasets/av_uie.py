"""AV-UIE and AV-UIE v2: seventeen datasets in one form, each target with its reasoning (Crab, CVPR 2025; Crab+, 2026).

Version `v2` (default): AVUIE_2 of huggingface.co/datasets/Jayson236/Crab_Plus. Version `v1`: huggingface.co/datasets/
ahsgdxhs/AVUIE (Apache-2.0 tag). The media are those of the datasets themselves; see their files.

    v2    <root>/<part>/train.json, val.json, test.json    parts: PARTS; also under AVUIE_2/
    v1    <root>/<anything>.json                           lists of records; `task` in a record, or in the file's name

Splits of v2 are `train` and `test` with all parts, or one part's, `ks/train`; splits of v1 are the names of the files.
About 222 K in all for training, in thousands: ks 20.1, ucf 4.5, meld 11.0, mafw 6.4, dfew 9.3, mer24 4.8, cremad 6.6,
a2v and v2a 10.3, unav 4.9, ave 3.3, avvp 9.9, arig 3.4, s4 and ms3 4.0, ref_avs 30.7, avcap 20.7, avqa 31.9, avqa_thu
40.2. mer24, unav and avcap have no test. `meta["reasoning"]` is the published target, `meta["part"]` the part of a
record. Only files written by lookhear have `val` and the fields `clip_start` and `clip_end`, which give the part of a
recording that is used. References are read from the fields of a record if present, else from the tags of its target. A
record without either, as in Crab's quick-start list, has no reference.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading import replies
from lookhear.datasets.reading.annotations import Annotations, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings, below
from lookhear.datasets.vgg_cm import KINDS, one_or_two
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Region, Segment, Source

VERSIONS = ("v2", "v1")
PARTS = {  # part -> task, in the order of Crab+'s table 1
    "ks": "action_recognition",
    "ucf": "action_recognition",
    "meld": "emotion_recognition",
    "mafw": "emotion_recognition",
    "dfew": "emotion_recognition",
    "mer24": "emotion_recognition",
    "cremad": "emotion_recognition",
    "a2v": "cross_modal_matching",
    "v2a": "cross_modal_matching",
    "unav": "event_localisation",
    "ave": "event_localisation",
    "avvp": "event_localisation",
    "arig": "localisation",
    "s4": "localisation",
    "ms3": "localisation",
    "avss": "localisation",
    "ref_avs": "localisation",
    "avcap": "captioning",
    "avqa": "question_answering",
    "avqa_thu": "question_answering",
}
FORMS = {"avvp": "llp"}  # parts whose task form has another name
CLASS = {
    "ks": ("action",), "ucf": ("label", "action"), "meld": ("Emotion", "emotion"), "mer24": ("discrete", "emotion"),
    "mafw": ("emotion",), "dfew": ("emotion",), "cremad": ("emotion",),
}  # fmt: skip
TARGETS = ("label_content", "new_label", "output", "label")  # keys of a record for its published target
ASKED = ("question", "question_text", "description", "exp")
FOLDERS = ("", "AVUIE_2")
SIZE = 224  # pixels of the frames that boxes are given in


def load(root: Path | str, split: str, version: str = "v2") -> list[Example]:
    """Every readable record of `split`."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "v2") -> Annotations:
    """The records of `split`, with unreadable rows as faults. If there are several files, `file` is the first."""
    root = Path(root)
    files = _files(root, version)
    chosen = {name: path for name, path in files.items() if split == name or split == name.partition("/")[2]}
    if not chosen:
        there = ", ".join(splits(root, version)) or "none"
        raise DatasetError(f"No split {split!r} of av_uie@{version} under {str(root)!r}. There are: {there}.")
    recordings = Recordings(root, every=True)
    found = [_read(root, recordings, path, _part(name), name) for name, path in chosen.items()]
    examples = tuple(example for one in found for example in one.examples)
    faults = tuple(fault for one in found for fault in one.faults)
    return replace(found[0], rows=sum(one.rows for one in found), examples=examples, faults=faults)


def splits(root: Path | str, version: str = "v2") -> list[str]:
    """The splits whose files are under `root`; those of v2 are named `<part>/<split>`."""
    return list(_files(Path(root), version))


def _files(root: Path, version: str) -> dict[str, Path]:
    if version == "v1":
        return {path.stem: path for path in sorted(root.glob("*.json"))}
    return {
        f"{part}/{split}": root / folder / part / f"{split}.json"
        for folder in FOLDERS
        for part in PARTS
        for split in ("train", "val", "test")
        if (root / folder / part / f"{split}.json").is_file()
    }


def _part(name: str) -> str:
    """The part in a split's name, "" if there is none."""
    first = name.partition("/")[0].lower().replace("-", "_")
    return next((p for p in sorted(PARTS, key=len, reverse=True) if first == p or first.startswith(p + "_")), "")


def _read(root: Path, recordings: Recordings, path: Path, part: str, name: str) -> Annotations:
    def make(record: dict[str, Any], line: int) -> Example:
        of = str(record["task"]).replace("-", "_") if "task" in record else part
        if of not in PARTS:
            raise DatasetError(f"task {of!r} is none of {', '.join(PARTS)}")
        target = next((t for k in TARGETS if isinstance(t := record.get(k), str) and t), "")
        clip, second = _clip(root, recordings, record, of)
        id = record.get("question_id") or record.get("uid") or (clip.video or clip.audio or Source("row")).id
        extra = {"second": second} if second else {}
        options = record.get("multi_choice")
        return Example(
            id=f"{name}/{id}",
            task=PARTS[of],
            clip=clip,
            question=str(next((record[key] for key in ASKED if record.get(key)), "")),
            reference=_reference(record, of, target),
            kind=_kind(record, of),
            meta={"line": line, "form": FORMS.get(of, of), "part": of, "reasoning": target}
            | extra
            | ({"options": tuple(options)} if isinstance(options, list) else {}),
        )

    return read_rows(path, json_rows(path), make)


def _clip(root: Path, recordings: Recordings, record: dict[str, Any], part: str) -> tuple[Clip, Source | None]:
    def at(*keys: str) -> Source | None:
        path = next((record[key] for key in keys if record.get(key)), None)
        return Source(_name(path), below(root, path)) if path else None

    if part == "a2v":
        return Clip(at("video1_path"), at("audio_path")), at("video2_path")
    if part == "v2a":
        return Clip(at("video_path"), at("audio1_path")), at("audio2_path")
    video, audio = at("video_path", "visual_path", "image_path"), at("audio_path")
    if video or audio:
        return Clip(video, audio or video, record.get("clip_start", 0.0), record.get("clip_end")), None
    id = next((str(record[k]) for k in ("video_name", "filename", "vid", "video_id", "uid") if record.get(k)), None)
    if id is None:
        raise DatasetError("no path and no id of a video in it")
    return recordings.clip(id.removesuffix(".mp4"), str(record.get("vid", ""))), None


def _name(path: str) -> str:
    """Id of the recording at a path. Frames and sounds in folders per clip are named by the folder: clip/frames/0.jpg
    is clip_0.
    """
    parts = Path(path)
    if parts.parent.name == "frames":
        return f"{parts.parent.parent.name}_{parts.stem}"
    return parts.parent.name if parts.stem == "audio" else parts.stem


def _reference(record: dict[str, Any], part: str, target: str) -> Answer | None:
    if part in CLASS:
        answer = next((record[key] for key in CLASS[part] if record.get(key)), None) or replies.answer(target)
        return Answer(str(answer)) if answer else None
    if part in KINDS:
        answer = record.get("correct_video") or record.get("correct_audio") or replies.answer(target)
        return Answer(one_or_two(answer)) if answer else None
    if part == "avcap":
        return Answer(target) if target else None
    if part in ("avqa", "avqa_thu"):
        options, answer = record.get("multi_choice"), record.get("answer")
        if isinstance(answer, int) and isinstance(options, list):
            answer = options[answer]
        return Answer(str(answer)) if answer is not None else None
    if part == "ave" and "start_time" in record:
        label, start, end = str(record["event"]), float(record["start_time"]), float(record["end_time"])
        return Answer(label, segments=(Segment(label, start, end),))
    if part in ("ave", "unav", "avvp"):
        found = (replies.streams if part == "avvp" else replies.events)(target)
        if found.problems:
            raise DatasetError(found.problems[0])
        text = ", ".join(found.labels) or str(record.get("event", ""))
        return Answer(text, segments=found.segments) if text else None
    return _located(record, part, target)


def _located(record: dict[str, Any], part: str, target: str) -> Answer | None:
    label = str(record.get("a_obj") or record.get("object") or "")
    if part == "ref_avs" and (replies.answer(target) or "").lower() == "false":
        return Answer("")
    if "top_left" in record:
        boxes = [(*record["top_left"], *record["bottom_right"])]
        points: list[tuple[float, ...]] = []
    else:
        boxes, points = replies.coordinates(target)
    if not label and not boxes:
        return None
    regions = [Region(label, tuple(edge / SIZE for edge in box)) for box in boxes[:1]]
    regions += [Region(label, (x / SIZE, y / SIZE, x / SIZE, y / SIZE)) for x, y in points[:3]]
    return Answer(label, regions=tuple(regions))


def _kind(record: dict[str, Any], part: str) -> tuple[str, ...]:
    if part in KINDS:
        return (KINDS[part],)
    if part == "avqa_thu":
        return (str(record.get("question_relation", "")), str(record.get("question_type", "")))
    kind = record.get("type")
    if isinstance(kind, str):
        try:
            kind = json.loads(kind)
        except (ValueError, RecursionError):
            return (kind,)
    return tuple(map(str, kind)) if isinstance(kind, list) else ()
