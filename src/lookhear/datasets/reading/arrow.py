"""Examples as a table of Hugging Face `datasets`, and back: `to_arrow(examples)`, `from_arrow(dataset)`.

There is one row per question. Media are stored as paths in `video` and `audio`, together with ids of recordings, so
that features can be found without the media. Open-ended fields (`meta`, regions) are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError, not_installed
from lookhear.types import BLANK, Answer, Clip, Example, Region, Segment, Source

COLUMNS = (
    "id", "task", "question", "answer", "kind", "video_id", "video", "audio_id", "audio", "start", "end", "segments",
    "regions", "meta",
)  # fmt: skip


def to_arrow(examples: Iterable[Example]) -> Any:
    """A `datasets.Dataset` of the examples. Masks of regions are left out. Raises DependencyError."""
    try:
        from datasets import Dataset, Features, List, Value
    except ImportError as error:
        raise not_installed(error, "A table of Hugging Face datasets") from None
    text, number = Value("string"), Value("float64")
    segment = {"label": text, "start": number, "end": number, "stream": text}
    types = dict.fromkeys(COLUMNS, text)
    types |= {"kind": List(text), "start": number, "end": number, "segments": List(segment)}
    rows = [_row(example) for example in examples]
    return Dataset.from_dict({name: [row[name] for row in rows] for name in COLUMNS}, features=Features(types))


def from_arrow(rows: Iterable[Mapping[str, Any]]) -> list[Example]:
    """The examples of a `datasets.Dataset`, or of any rows with its columns. Raises DatasetError, quoting the row.

    Only `id`, `question` and `video` or `audio` are needed: other tables of questions about clips can be read as well.
    """
    return [_example(number, row) for number, row in enumerate(rows)]


def _row(example: Example) -> dict[str, Any]:
    clip, reference = example.clip, example.reference
    segments = reference.segments if reference else ()
    regions = [{"label": r.label, "box": r.box, "time": r.time} for r in (reference.regions if reference else ())]
    return {
        "id": example.id,
        "task": example.task,
        "question": example.question,
        "answer": reference.text if reference else None,
        "kind": list(example.kind),
        **{f"{side}_id": source and source.id for side, source in (("video", clip.video), ("audio", clip.audio))},
        **{side: _path(source) for side, source in (("video", clip.video), ("audio", clip.audio))},
        "start": clip.start,
        "end": clip.end,
        "segments": [{"label": s.label, "start": s.start, "end": s.end, "stream": s.stream} for s in segments],
        "regions": json.dumps(regions),
        "meta": json.dumps(dict(example.meta), default=str),
    }


def _path(source: Source | None) -> str | None:
    if source == BLANK:
        return BLANK.id
    return str(source.path) if source is not None and source.path is not None else None


def _example(number: int, row: Mapping[str, Any]) -> Example:
    try:
        clip = Clip(_source(row, "video"), _source(row, "audio"), float(row.get("start") or 0.0), row.get("end"))
        if clip.video is None and clip.audio is None:
            raise ValueError("neither video nor audio")
        regions = json.loads(row.get("regions") or "[]")
        places = [Region(r["label"], tuple(r["box"]) if r["box"] else None, None, r["time"]) for r in regions]
        segments = tuple(Segment(s["label"], s["start"], s["end"], s["stream"]) for s in _as_rows(row.get("segments")))
        answer = row.get("answer")
        known = answer is not None or places or segments
        return Example(
            str(row["id"]),
            str(row.get("task") or "question_answering"),
            clip,
            str(row["question"]),
            Answer(str(answer or ""), segments=segments, regions=tuple(places)) if known else None,
            tuple(row.get("kind") or ()),
            json.loads(row.get("meta") or "{}"),
        )
    except (KeyError, TypeError, ValueError) as error:
        shown = str(dict(row))[:80]
        why = f"{type(error).__name__}: {error}"
        raise DatasetError(f"Row {number} is no question about a clip ({why}): {shown}") from None


def _as_rows(segments: Any) -> Sequence[Mapping[str, Any]]:
    """Rows of a list of structs; older versions of `datasets` return a struct of lists."""
    if isinstance(segments, Mapping):
        return [dict(zip(segments, values, strict=True)) for values in zip(*segments.values(), strict=True)]
    return segments or ()


def _source(row: Mapping[str, Any], side: str) -> Source | None:
    path, name = row.get(side), row.get(f"{side}_id")
    if path == BLANK.id and name == BLANK.id:
        return BLANK
    if path is None and name is None:
        return None
    place = Path(path) if path is not None else None
    return Source(str(name if name is not None or place is None else place.stem), place)
