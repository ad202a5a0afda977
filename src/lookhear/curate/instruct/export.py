"""Export checked examples in AV-UIE's format, which the dataset `av_uie` reads.

    v2    <out>/<part>/<split>.json
    v1    <out>/<part>-<split>_samples.json, records with their `task`

The part of AV-UIE is given by the example, by its dataset, or, for Soundstage, by its form. Examples without a part
(several objects of AVSS, pairs that match or not) are left out and counted. Known paths of recordings are absolute;
a clip that is a part of its recording has `clip_start` and `clip_end`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.datasets.av_uie import PARTS
from lookhear.errors import DatasetError
from lookhear.types import Example, Source

OF_DATASET = {
    "kinetics_sounds": "ks",
    "ucf51": "ucf",
    "meld": "meld",
    "mafw": "mafw",
    "dfew": "dfew",
    "mer2024": "mer24",
    "crema_d": "cremad",
    "avqa": "avqa_thu",
}
OF_FORM = {
    "action": "ks",
    "emotion": "cremad",
    "llp": "avvp",
    "caption": "avcap",
}  # only forms whose part has another name
OF_TASK = {"action_recognition": "ks", "emotion_recognition": "cremad", "captioning": "avcap"}
PLACED = ("arig", "s4", "ms3", "ref_avs")  # parts whose clip is one picture and its sound
LABELLED = {"ks": "action", "ucf": "label", "meld": "Emotion", "mer24": "discrete"}


def part_of(example: Example, dataset: str) -> str:
    """The part of AV-UIE v2 that an example belongs to, "" if there is none."""
    if example.meta.get("part") in PARTS:
        return str(example.meta["part"])
    if example.task == "question_answering":
        return "avqa_thu" if example.meta.get("options") else "avqa"
    form = str(example.meta.get("form") or "")
    found = OF_DATASET.get(dataset.partition("@")[0]) or OF_FORM.get(form) or OF_TASK.get(example.task) or form
    return found if found in PARTS and found != "avss" else ""


def record(example: Example, text: str, part: str) -> dict[str, Any]:
    """An example with its reasoning as a record of `part`."""
    reference = example.reference
    assert reference is not None
    fields: dict[str, Any] = _clip(example, part) | {"label_content": text}
    if part in ("ks", "ucf", "meld", "mafw", "dfew", "mer24", "cremad"):
        fields |= {LABELLED.get(part, "emotion"): reference.text, "new_label": text}
        del fields["label_content"]
    elif part in ("a2v", "v2a"):
        fields["correct_video" if part == "a2v" else "correct_audio"] = reference.text
    elif part == "ave":
        fields["event"] = reference.text
        for segment in reference.segments:
            fields |= {"start_time": segment.start, "end_time": segment.end}
    elif part == "ref_avs":
        fields |= {"uid": example.id, "description": example.question, "object": reference.text}
    elif part in PLACED:
        fields |= {"uid": example.id, "a_obj": reference.text}
    elif part == "avqa":
        fields |= {"question_id": example.id, "question": example.question, "type": json.dumps(list(example.kind))}
        fields["answer"] = reference.text
    elif part == "avqa_thu":
        options = list(example.meta["options"])
        relation, kind = (*example.kind, "", "")[:2]
        fields |= {"question_id": example.id, "question_text": example.question, "multi_choice": options}
        fields |= {"question_relation": relation, "question_type": kind, "answer": options.index(reference.text)}
    return fields


def write(
    out: Path, split: str, dataset: str, texts: Iterable[tuple[Example, str]], version: str = "v2"
) -> tuple[dict[str, int], int]:
    """Write the files; returns part -> number of records, and the number of examples without a part.

    Raises DatasetError if a part's file holds another dataset.
    """
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    homeless = 0
    for example, text in texts:
        if part := part_of(example, dataset):
            told = {"task": part} if version == "v1" else {}
            parts[part].append(told | record(example, text, part))
        else:
            homeless += 1
    for part, records in parts.items():
        path = out / part / f"{split}.json" if version == "v2" else out / f"{part}-{split}_samples.json"
        owner = path.with_suffix(".of")
        if owner.is_file() and owner.read_text("utf-8") != dataset:
            raise DatasetError(f"{path} holds {owner.read_text('utf-8')!r}, not {dataset!r}. Choose another folder.")
        files.write(path, _listed(records))
        files.write(owner, dataset)
    return {part: len(parts[part]) for part in PARTS if part in parts}, homeless


def _listed(records: Sequence[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in records) + "\n]\n"


def _clip(example: Example, part: str) -> dict[str, Any]:
    clip, second = example.clip, example.meta.get("second")
    seen, heard = _path(clip.video), _path(clip.audio)
    if part == "a2v":
        paths = {"video1_path": seen, "video2_path": _path(second), "audio_path": heard}
    elif part == "v2a":
        paths = {"video_path": seen, "audio1_path": heard, "audio2_path": _path(second)}
    else:
        paths = {"image_path" if part in PLACED else "video_path": seen, "audio_path": heard}
    video_id = str(example.meta.get("video_id") or (clip.video.id if clip.video else example.id))
    stretch = {} if clip.start == 0 and clip.end is None else {"clip_start": clip.start, "clip_end": clip.end}
    return {key: path for key, path in paths.items() if path} | {"video_id": video_id} | stretch


def _path(source: Source | None) -> str:
    """The absolute path of a recording, or its id if the path is unknown."""
    return "" if source is None else str(source.path.resolve() if source.path else source.id)
