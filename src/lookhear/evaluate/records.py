"""A question and its answer as one line of JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lookhear.types import Answer, Clip, Evidence, Example, Region, Segment, Source


def to_record(example: Example, answer: Answer, right: bool) -> dict[str, Any]:
    """Plain values; what is empty is left out, and masks are (regions keep their boxes)."""
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
        "answer": answer.text,
        "right": bool(right),
        "scores": {name: round(float(score), 6) for name, score in answer.scores.items()},
        "segments": [[s.label, s.start, s.end, s.stream] for s in answer.segments],
        "regions": [[r.label, list(r.box) if r.box else None, r.time] for r in answer.regions],
        "evidence": _evidence(answer.evidence) if answer.evidence else None,
        "raw": answer.raw,
        "notes": list(answer.notes),
        "meta": {k: v for k, v in example.meta.items() if isinstance(v, (str, int, float, bool, list, tuple))},
    }
    always = ("id", "video", "answer", "right")
    return {name: value for name, value in record.items() if name in always or value not in (None, "", 0.0, [], {})}


def from_record(record: Mapping[str, Any]) -> tuple[Example, Answer]:
    """The question and the answer that `to_record` wrote."""
    video, audio = (Source(record[name]) if record.get(name) else None for name in ("video", "audio"))
    example = Example(
        id=record["id"],
        task=record.get("task", "question_answering"),
        clip=Clip(video, audio, record.get("start", 0.0), record.get("end")),
        question=record.get("question", ""),
        reference=Answer(record["reference"]) if "reference" in record else None,
        kind=tuple(record.get("kind", ())),
        meta=record.get("meta", {}),
    )
    evidence = record.get("evidence")
    answer = Answer(
        text=record["answer"],
        scores=record.get("scores", {}),
        segments=tuple(Segment(*s) for s in record.get("segments", ())),
        regions=tuple(
            Region(label, tuple(box) if box else None, time=t) for label, box, t in record.get("regions", ())
        ),
        evidence=Evidence(tuple(evidence["seen"]), tuple(evidence["heard"]), evidence["opinions"])
        if evidence
        else None,
        raw=record.get("raw", ""),
        notes=tuple(record.get("notes", ())),
    )
    return example, answer


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "seen": [round(float(w), 5) for w in evidence.seen],
        "heard": [round(float(w), 5) for w in evidence.heard],
        "opinions": {s: {k: round(float(v), 5) for k, v in o.items()} for s, o in evidence.opinions.items()},
    }
