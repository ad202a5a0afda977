"""Our datasets as tasks of lmms-eval: a YAML file, the questions as JSON lines, and each clip's sound as WAV.

    write(out, "soundstage", root)  ─▶  lookhear_soundstage.yaml  lookhear_soundstage.jsonl  lookhear_tasks.py  sound/

Prompt, parser and score are those of `lookhear evaluate`, so that both give the same number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear import files, tasks
from lookhear.errors import DatasetError, LookhearError
from lookhear.evaluate import many, report
from lookhear.evaluate.records import from_record, to_record
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.media.write import write_wav
from lookhear.metrics.answers import correct
from lookhear.types import Answer, Clip, Example, Reply

MODULE = """'''Functions of the tasks in this folder, for lmms-eval.'''

from lookhear.lmms_eval.tasks import *
"""
YAML = """# {count} questions of {dataset} {split}, written by lookhear; video and sound are two parts of a message
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {questions}
test_split: test
output_type: generate_until
doc_to_visual: !function lookhear_tasks.doc_to_visual
doc_to_text: !function lookhear_tasks.doc_to_text
doc_to_messages: !function lookhear_tasks.doc_to_messages
doc_to_target: target
process_results: !function lookhear_tasks.process_results
generation_kwargs:
  max_new_tokens: 256
  temperature: 0
  do_sample: false
metric_list:
  - metric: lookhear_accuracy
    aggregation: !function lookhear_tasks.mean
    higher_is_better: true
  - metric: lookhear_unread
    aggregation: !function lookhear_tasks.mean
    higher_is_better: false
cluster_key: video
score_key: score
metadata:
  version: {version}
"""
__all__ = ["doc_to_messages", "doc_to_text", "doc_to_visual", "mean", "process_results"]


def write(out: Path | str, dataset: str, root: Path | str, split: str = "test", limit: int = 0) -> str:
    """Write a task into the folder `out`; its name. Raises DatasetError where the dataset has no right and wrong.

    Clips without media are left out, and so are those whose sound cannot be read; where none is left it is an error.
    """
    out = Path(out).absolute()
    name = "lookhear_" + re.sub(r"\W+", "_", dataset if split == "test" else f"{dataset}_{split}")
    examples = many.examples_of(many.Asked(dataset, split, Path(root)), limit)
    kinds = {example.task for example in examples if not tasks.judged(example.task)}
    if kinds:
        raise DatasetError(f"{dataset} is of {', '.join(sorted(kinds))}; lmms-eval is given tasks with a right answer.")
    rows, sounds = [], dict[Clip, str | None]()
    for example in examples:
        if example.clip not in sounds:
            sounds[example.clip] = _sound(example.clip, out / "sound")
        if sounds[example.clip] is not None:
            rows.append(_row(example, sounds[example.clip] or ""))
    if not rows:
        raise DatasetError(f"No clip of {dataset} {split} in {str(root)!r} has media that can be read.")
    questions = out / f"{name}.jsonl"
    files.write(questions, "".join(json.dumps(row) + "\n" for row in rows))
    version = tasks.find(examples[0].task).VERSION
    text = YAML.format(
        name=name, dataset=dataset, split=split, questions=json.dumps(str(questions)), count=len(rows), version=version
    )
    files.write(out / f"{name}.yaml", text)
    files.write(out / "lookhear_tasks.py", MODULE)
    return name


def doc_to_messages(doc: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Video, sound and prompt as parts of one message."""
    parts: list[dict[str, Any]] = []
    if doc["video"]:
        times = {"start_time": doc["start"], "end_time": doc["end"]} if doc["start"] or doc["end"] else {}
        parts.append({"type": "video", "url": doc["video"], **times})
    if doc["sound"]:
        parts.append({"type": "audio", "url": doc["sound"]})
    return [{"role": "user", "content": [*parts, {"type": "text", "text": doc["prompt"]}]}]


def doc_to_visual(doc: Mapping[str, Any]) -> list[str]:
    """For models that take no messages: the video, then the sound."""
    return [doc[part] for part in ("video", "sound") if doc[part]]


def doc_to_text(doc: Mapping[str, Any]) -> str:
    """The prompt."""
    return doc["prompt"]


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Whether a reply is right, and whether it could be read; `video` is what errors are clustered by."""
    example, _ = from_record(json.loads(doc["record"]))
    example = replace(example, meta={**example.meta, **json.loads(doc["labels"])})
    answer = tasks.read(example, Reply(str(results[0])))
    unread = any(note.startswith(tasks.UNREAD) for note in answer.notes)
    right = example.reference is not None and correct(answer, example.reference)
    found = {"lookhear_accuracy": right, "lookhear_unread": unread}
    return {name: {"score": float(value), "video": doc["video_id"]} for name, value in found.items()}


def mean(items: Sequence[Mapping[str, Any]]) -> float:
    """The share of right (or unread) replies, 0 to 1 as the standard errors beside it."""
    return sum(item["score"] for item in items) / len(items)


def _row(example: Example, sound: str) -> dict[str, Any]:
    clip = example.clip
    labels = {"labels": list(example.meta["labels"])} if "labels" in example.meta else {}
    return {
        "id": example.id,
        "video_id": report.video_of(example),
        "video": str(clip.video.path.absolute()) if clip.video is not None and clip.video.path else "",
        "sound": sound,
        "start": clip.start,
        "end": clip.end,
        "prompt": tasks.find(example.task).prompt(example, ()),
        "target": example.reference.text if example.reference else "",
        "labels": json.dumps(labels),
        "record": json.dumps(to_record(example, Answer(), None)),
    }


def _sound(clip: Clip, folder: Path) -> str | None:
    """The path of a clip's sound as WAV, "" where it has none; None where nothing of the clip can be read."""
    if clip.audio is None or clip.audio.path is None:
        return "" if clip.video is not None and clip.video.path is not None else None
    try:
        media = decode(Clip(None, clip.audio, clip.start, clip.end), Sampling(rule="uniform", count=1))
    except LookhearError:
        return None
    if media.waveform is None:
        return ""
    path = folder / f"{re.sub(r'[^A-Za-z0-9._@-]+', '-', clip.id)[:120]}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, media.waveform, media.sample_rate)
    return str(path)
