"""Convert a question with its answer to a JSON record, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lookhear.kinds import wrong_field
from lookhear.types import Answer, Clip, Evidence, Example, Region, Segment, Source

NOT_KEPT = ("labels",)  # not stored, because equal for all examples of a dataset


def to_record(example: Example, answer: Answer, right: bool | None) -> dict[str, Any]:
    """JSON values of an example and its answer; empty fields and the answer vocabulary are left out."""
    clip, reference = example.clip, example.reference
    record = {
        "id": example.id,
        "task": example.task,
        "video": clip.video.id if clip.video else None,
        "audio": clip.audio.id if clip.audio else None,
        "start": clip.start,
        "end": clip.end,
        "kind": list(example.kind),
        "question": example.question,
        "reference": reference.text if reference else None,
        "true_segments": _segments(reference) if reference else [],
        "true_regions": _regions(reference) if reference else [],
        "answer": answer.text,
        "right": None if right is None else bool(right),
        "scores": {name: round(float(score), 6) for name, score in answer.scores.items()},
        "segments": _segments(answer),
        "regions": _regions(answer),
        "evidence": _evidence(answer.evidence) if answer.evidence else None,
        "raw": answer.raw,
        "notes": list(answer.notes),
        "meta": {
            k: v
            for k, v in example.meta.items()
            if isinstance(v, (str, int, float, bool, list, tuple)) and k not in NOT_KEPT
        },
    }
    always = ("id", "video", "answer", *(["right"] if right is not None else []))
    return {name: value for name, value in record.items() if name in always or value not in (None, "", 0.0, [], {})}


def from_record(record: Mapping[str, Any]) -> tuple[Example, Answer]:
    """The question and the answer that `to_record` wrote. Raises KeyError, TypeError or ValueError for others."""
    video, audio = (Source(record[name]) if record.get(name) else None for name in ("video", "audio"))
    example = Example(
        id=record["id"],
        task=record.get("task", "question_answering"),
        clip=Clip(video, audio, record.get("start", 0.0), record.get("end")),
        question=record.get("question", ""),
        reference=_reference(record),
        kind=tuple(record.get("kind", ())),
        meta=record.get("meta", {}),
    )
    evidence = record.get("evidence")
    answer = Answer(
        text=record["answer"],
        scores=record.get("scores", {}),
        segments=tuple(Segment(*s) for s in record.get("segments", ())),
        regions=tuple(map(_region, record.get("regions", ()))),
        evidence=_pointed(evidence) if evidence else None,
        raw=record.get("raw", ""),
        notes=tuple(record.get("notes", ())),
    )
    if wrong := wrong_field(example) or wrong_field(answer):
        raise ValueError(wrong)
    return example, answer


def _pointed(record: Mapping[str, Any]) -> Evidence:
    read = {
        sense: tuple((str(word), weight) for word, weight in some) for sense, some in record.get("words", {}).items()
    }
    return Evidence(tuple(record["seen"]), tuple(record["heard"]), record["opinions"], read)


def _reference(record: Mapping[str, Any]) -> Answer | None:
    segments = tuple(Segment(*s) for s in record.get("true_segments", ()))
    regions = tuple(map(_region, record.get("true_regions", ())))
    if "reference" not in record and not segments and not regions:
        return None
    return Answer(record.get("reference", ""), segments=segments, regions=regions)


def _segments(answer: Answer) -> list[list[Any]]:
    return [[s.label, s.start, s.end, s.stream] for s in answer.segments]


def _regions(answer: Answer) -> list[list[Any]]:
    """[label, box, time, mask] of each region; the mask is [height, width, run lengths], the first run background."""
    found = []
    for r in answer.regions:
        mask = [] if r.mask is None else [_runs(np.asarray(r.mask) > 0)]
        found.append([r.label, list(r.box) if r.box else None, r.time, *mask])
    return found


def _region(record: Sequence[Any]) -> Region:
    label, box, time, *mask = record
    return Region(label, tuple(box) if box else None, _mask(*mask[0]) if mask else None, time)


def _runs(mask: np.ndarray) -> list[Any]:
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=not flat[-1] if len(flat) else True))
    return [*mask.shape, np.diff(edges, prepend=0).tolist()]


def _mask(height: int, width: int, runs: Sequence[int]) -> np.ndarray:
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)


def _evidence(evidence: Evidence) -> dict[str, Any]:
    read = {sense: [[word, round(float(w), 5)] for word, w in some] for sense, some in evidence.words.items()}
    return {
        "seen": [round(float(w), 5) for w in evidence.seen],
        "heard": [round(float(w), 5) for w in evidence.heard],
        "opinions": {s: {k: round(float(v), 5) for k, v in o.items()} for s, o in evidence.opinions.items()},
    } | ({"words": read} if read else {})
