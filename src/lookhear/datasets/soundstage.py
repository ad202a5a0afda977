"""Soundstage: procedural musicians with exact truth and MUSIC-AVQA's templates. Make it: lookhear soundstage OUT.

Generated, so free of any licence but this package's. The folder:

    card.json                          settings, counts, chance and floors, checksums
    scenes.jsonl                       the truth, one scene a line
    videos/<video_id>.mp4              H.264 + AAC; absent when made with --no-media
    json/avqa-<split>.json             MUSIC-AVQA's annotation format; splits train, val, test, diagnostic
    json/evidence-<split>.json         question_id -> [[start, end, label, stream], ...]: what each answer rests on
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lookhear.datasets._templates import ANSWERS, example
from lookhear.errors import DatasetError
from lookhear.types import Clip, Example, Segment, Source

VOCABULARY = ANSWERS


def load(root: Path | str, split: str = "test") -> list[Example]:
    """The questions of `split` in file order, with the seconds that each answer rests on as `reference.segments`.

    `clip.video.path` is None where the folder was made without media. Raises DatasetError where `root` is not a
    Soundstage folder or has no such split.
    """
    root = Path(root)
    path = root / "json" / f"avqa-{split}.json"
    if not path.is_file():
        have = sorted(p.stem.removeprefix("avqa-") for p in root.glob("json/avqa-*.json"))
        if have:
            raise DatasetError(f"No split {split!r} in {str(root)!r}. There are: {', '.join(have)}.")
        raise DatasetError(f"No Soundstage in {str(root)!r}. Make one: lookhear soundstage {root}")
    side = root / "json" / f"evidence-{split}.json"
    evidence: dict[str, list[list[Any]]] = _read(side) if side.is_file() else {}
    media = root / "videos" if (root / "videos").is_dir() else None

    def clip(video_id: str) -> Clip:
        source = Source(video_id, media / f"{video_id}.mp4" if media else None)
        return Clip(source, source)

    try:
        return [
            example(r, clip(r["video_id"]), [Segment(label, a, b, s) for a, b, label, s in _of(evidence, r)])
            for r in _read(path)
        ]
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: a record is not in MUSIC-AVQA's format: {error!r}. Make the folder again."
        ) from None


def _of(evidence: dict[str, list[list[Any]]], record: dict[str, Any]) -> list[list[Any]]:
    return evidence.get(str(record["question_id"]), [])


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not readable as JSON ({error}). Make the folder again.") from None
