"""Any file of multiple-choice or yes/no questions, with configurable keys: mcq@questions.json.

    mcq@FILE                                           JSON, JSON lines, CSV, TSV, also .gz; below the root or absolute
    mcq@FILE,question=Q,options=O,answer=A,video=V     where its keys are called otherwise
    <root>/videos/<video>.mp4                          any folder with video, media or clip in its name

Common names of keys are tried in turn; a file with none of them is refused, and the error lists its keys. Options are a
list, an object with letters as keys, several columns or lines of one text. Answers are a letter, a text or a number. A
question without options is a yes/no question if its answer is yes or no, else an open question. `kind` is the record's
type, if it has one. A `rubric` (MMAR's five points of reasoning) is kept for `evaluate --judge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import Fields
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import DatasetError, RecipeError
from lookhear.types import Answer, Example

KIND = ("question_type", "Type", "type", "task", "category")
FIELDS = Fields(
    question=("question", "Question", "question_text", "problem", "question_content", "prompt", "text", "query"),
    answer=("correct_option", "answer", "Answer", "correct_answer", "solution", "answer_idx", "correct_mcq", "label"),
    video=("video_id", "video", "video_name", "video_path", "videoID", "url", "image_path", "audio_id", "audio_path"),
    meta=("rubric",),
)  # fmt: skip


def load(root: Path | str, split: str = "test", version: str = "") -> list[Example]:
    """Every readable question of the file that `version` names."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str = "test", version: str = "") -> Annotations:
    """The questions, with unreadable and odd rows as faults."""
    name, *given = version.split(",")
    if not name:
        raise RecipeError("mcq needs a file: mcq@questions.json.")
    path = next((p for p in (Path(root) / name, Path(name)) if p.is_file()), None)
    if path is None:
        raise DatasetError(f"No file {name!r} under {str(root)!r} for mcq. Give mcq@FILE with a path that is there.")
    return of_file(path, Path(root), chosen(given))


def of_file(path: Path, root: Path, fields: Fields = FIELDS) -> Annotations:
    """The questions of one file with its media under `root`. Raises DatasetError if no row can be read."""

    def make(record: Mapping[str, Any], made: Example) -> Example:
        kind = next((str(record[key]) for key in KIND if isinstance(record.get(key), str)), "")
        meta = dict(made.meta)
        reference = made.reference
        if not meta["options"]:
            del meta["options"]
            said = reference.text.strip().lower() if reference else ""
            if said in ("yes", "no"):
                meta |= {"labels": ("yes", "no"), "form": f"yes_no {kind}".strip()}
                reference = Answer(said)
        return replace(made, kind=(kind,) if kind and not made.kind else made.kind, meta=meta, reference=reference)

    found = read_choices(path, fields, Recordings(root), make=make)
    if not found.examples and found.faults:
        raise DatasetError(f"{path}: no row of {found.rows} could be read; the first: {found.faults[0]}")
    return found


def chosen(given: list[str]) -> Fields:
    """FIELDS with the given keys (`question=Q`) tried first. Raises RecipeError for an unknown field."""
    fields = FIELDS
    known = [f.name for f in fields_of(Fields) if f.name not in ("first", "meta")]
    for one in given:
        name, _, key = one.partition("=")
        if name not in known or not key:
            raise RecipeError(f"{one!r} is no field of mcq. There are: {', '.join(f'{n}=KEY' for n in known)}.")
        named = {f.name: getattr(fields, f.name) for f in fields_of(fields)}
        fields = Fields(**(named | {name: (key, *named[name])}))
    return fields


def splits(root: Path | str, version: str = "") -> list[str]:
    """`test`: a file is one split."""
    return ["test"]
