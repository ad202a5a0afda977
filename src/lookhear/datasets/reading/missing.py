"""Remove streams from a share of the questions, for missing-modality AVQA: music_avqa@missing0.3.

    @missing0.3          of 30 % of the questions one stream is missing, the sound of one half, the picture of the other
    @missing0.3audio     of 30 % the sound (or `visual`: the picture)
    @options+missing0.5  with a version of the dataset's own
    @missing             as ROOT/missing.json says: {video_id, question_id, is_visual_missing, is_audio_missing} each

The selection depends only on question ids, so all models get the same questions. Streams are removed per question, not
per clip: two questions about one clip may lack different streams. A network gets zeros as the features of a missing
stream, as from the published loader; a model that decodes media gets black or silence. It is an error if both are
missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lookhear.datasets.reading.annotations import json_rows
from lookhear.errors import DatasetError, RecipeError
from lookhear.types import MISSING, Example

WORD = re.compile(r"missing(?P<rate>0?\.\d{1,6}|[01](?:\.0*)?)?(?P<stream>audio|visual)?")
FILE = "missing.json"


def parted(name: str) -> tuple[str, str]:
    """Split music_avqa@update+missing0.3 into ("music_avqa@update", "missing0.3"); "" if no stream is missing."""
    stem, _, version = name.partition("@")
    kept, taken = [], ""
    for part in version.split("+") if version and stem != "mcq" else []:
        if part.startswith("missing"):
            taken = part
        else:
            kept.append(part)
    if not taken:
        return name, ""
    if not WORD.fullmatch(taken):
        raise RecipeError(f"{taken!r} is no missing stream. Write missing0.3, missing0.3audio or missing0.3visual.")
    return stem + (f"@{'+'.join(kept)}" if kept else ""), taken


def without(examples: Sequence[Example], taken: str, root: Path) -> list[Example]:
    """The examples with streams removed; `meta["missing"]` names the missing stream."""
    word = WORD.fullmatch(taken)
    if word is None or word["rate"] is None:
        return _listed(examples, root / FILE)
    order = sorted(range(len(examples)), key=lambda i: hashlib.sha256(f"missing {examples[i].id}".encode()).digest())
    chosen = order[: round(float(word["rate"]) * len(examples))]
    stream = {i: word["stream"] or ("audio", "visual")[n % 2] for n, i in enumerate(chosen)}
    return [_without(e, stream[i]) if i in stream else e for i, e in enumerate(examples)]


def _listed(examples: Sequence[Example], path: Path) -> list[Example]:
    if not path.is_file():
        raise DatasetError(f"No {str(path)!r}, which says what is missing. Give it, or a rate: missing0.3.")
    flags: dict[str, str] = {}
    for line, row, _ in json_rows(path):
        seen, heard = (
            bool(row.get(key)) if isinstance(row, dict) else False for key in ("is_visual_missing", "is_audio_missing")
        )
        if not isinstance(row, dict) or "question_id" not in row:
            raise DatasetError(f"{path}:{line}: not {{question_id, is_visual_missing, is_audio_missing}}.")
        if seen and heard:
            raise DatasetError(f"{path}:{line}: question {row['question_id']!r} misses both streams.")
        if seen or heard:
            flags[str(row["question_id"])] = "visual" if seen else "audio"
    return [_without(e, flags[key]) if (key := str(e.meta.get("question_id", e.id))) in flags else e for e in examples]


def _without(example: Example, stream: str) -> Example:
    heard = stream == "audio"
    clip = replace(example.clip, audio=MISSING) if heard else replace(example.clip, video=MISSING)
    return replace(example, clip=clip, meta={**example.meta, "missing": stream})
