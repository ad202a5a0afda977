"""DAVE: what a person does while a sound is heard, with single-modality probes (Radevski et al., 2025).

Annotations: github.com/gorjanradevski/dave (MIT), results/*.json: prompts with their options, the true answer, real
replies of a model and the official verdict on each. Videos are EPIC-Kitchens' and Ego4D's. The result files do not name
them, so the clip of a question is identified by its options only (`meta["video_id"]`) and cannot be played.

    <root>/final_inference_epic_2.0_flash.json[.gz]    split: the file's name without .json, or test for the only one

Versions are the parts: `multimodal` (the benchmark, the default), `video_segment` and
`overlayed_full_audio_classification` (its two halves; the latter gives the sound alone), `text_only`, `audio` and
`silent_video` (probes whose clips lack picture, sound or both), and `temporal_video`: four actions (`meta["items"]`) to
be put in order, answered as "(B)(D)(C)(A)". In the multimodal part (E) is always "none of the above". `meta["reply"]`
and `meta["official"]` hold the model's reply and the verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, file_object, read_rows
from lookhear.errors import DatasetError, quote
from lookhear.types import Answer, Clip, Example, Source

VERSIONS = (
    "multimodal",
    "video_segment",
    "overlayed_full_audio_classification",
    "text_only",
    "audio",
    "silent_video",
    "temporal_video",
)
SHOWN = {  # part -> whether picture and sound are given, as its prompt says
    "overlayed_full_audio_classification": (False, True),
    "text_only": (False, False), "audio": (False, True), "silent_video": (True, False),
}  # fmt: skip
OPTION = re.compile(r"^\(([A-Z])\)\s*(.*)$")
LETTER = re.compile(r"\(([A-Z])\)")


def load(root: Path | str, split: str = "test", version: str = "multimodal") -> list[Example]:
    """Every readable question of a part."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str = "test", version: str = "multimodal") -> Annotations:
    """The questions of a part; unreadable rows and repeated options are faults."""
    path = _file(Path(root), split)
    odd: list[Fault] = []

    def make(record: Mapping[str, Any], line: int) -> Example:
        question, options, instruction = parts(record["prompt"])
        letters = [m for one in record["ground_truth"] for m in LETTER.findall(one)]
        if not letters or any(ord(letter) - 65 >= len(options) for letter in letters):
            raise DatasetError(f"truth {record['ground_truth']!r} is not among {len(options)} options")
        if len({" ".join(o.lower().split()) for o in options}) < len(options):
            odd.append(
                Fault("repeated option", path, line, f"{len(options)} options, some alike", quote(record["prompt"]))
            )
        group = "|".join(sorted(set(options)))
        source = Source(group[:120])
        picture, sound = SHOWN.get(version, (True, True))
        temporal = version == "temporal_video"
        truth = "".join(f"({letter})" for letter in letters) if temporal else options[ord(letters[0]) - 65]
        response = record.get("response_dict") or {}
        meta = {
            "video_id": group, "video_unknown": True, "line": line, "record": line - 1, "truths": tuple(letters),
            "instruction": instruction,
            "reply": str(response.get("llm_output", "")), "official": record.get("is_correct"),
        }  # fmt: skip
        meta["items" if temporal else "options"] = tuple(options)
        if not temporal:
            meta["place"] = ord(letters[0]) - 65
        return Example(
            id=f"{version}-{line - 1}",
            task="question_answering",
            clip=Clip(source if picture else None, source if sound else None),
            question=question,
            reference=Answer(truth),
            kind=(str(record.get("question_type", "")),),
            meta=meta,
        )

    return replace(read_rows(path, _rows(path, version), make).with_faults(odd), file=path)


def parts(prompt: str) -> tuple[str, list[str], str]:
    """Split a DAVE prompt into (question, options, instruction). Raises DatasetError if it has no options."""
    lines = prompt.split("\n")
    marked = [(i, m) for i, line in enumerate(lines) if (m := OPTION.match(line))]
    if not marked:
        raise DatasetError("a prompt without options")
    first, last = marked[0][0], marked[-1][0]
    return "\n".join(lines[:first]).strip(), [m[2].strip() for _, m in marked], "\n".join(lines[last + 1 :]).strip()


def splits(root: Path | str, version: str = "multimodal") -> list[str]:
    """The result files under `root`."""
    return [path.name.partition(".json")[0] for path in sorted(Path(root).glob("*inference*.json*"))]


def _file(root: Path, split: str) -> Path:
    there = sorted(root.glob("*inference*.json*"))
    files = [path for path in there if split in (path.name, path.name.partition(".json")[0])]
    if not files and split == "test" and len(there) == 1:
        files = there
    if not files:
        raise DatasetError(
            f"No split {split!r} of dave under {str(root)!r}. There are: {', '.join(splits(root)) or 'none'}."
        )
    return files[0]


def _rows(path: Path, version: str) -> Iterator[tuple[int, Any, str]]:
    models = file_object(path).get("predictions")
    if not isinstance(models, dict) or not models:
        raise DatasetError(f"{path}: no 'predictions'. Is this a result file of DAVE?")
    parts_of = next(iter(models.values()))
    if version not in parts_of:
        raise DatasetError(f"{path}: no part {version!r}. There are: {', '.join(parts_of)}.")
    for number, record in enumerate(parts_of[version], 1):
        yield number, record, quote(str(record.get("prompt", "")) if isinstance(record, dict) else "")
