"""MUSIC-AVQA's 42 answers and its official rule for filling question templates, shared by derived datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Segment

# The class order of published checkpoints: order of first appearance in the official training file.
ANSWERS = (
    *("two", "cello", "congas", "zero", "no", "pipa", "six", "yes", "one", "four", "three", "seven", "five", "ukulele"),
    *("right", "piano", "left", "accordion", "clarinet", "guzheng", "more than ten", "nine", "indoor", "saxophone"),
    *("drum", "violin", "middle", "outdoor", "bagpipe", "bassoon", "acoustic_guitar", "banjo", "electric_bass", "ten"),
    *("eight", "flute", "simultaneously", "trumpet", "erhu", "xylophone", "tuba", "suona"),
)


def fill(question_content: str, templ_values: str | Sequence[str]) -> str:
    """Fill a question template as the official code does before text encoding: slots filled, no question mark.

    Trailing blanks are removed, the text is split at single spaces, the last character of the last word is dropped (a
    question mark, or the last letter of a text without one), then every word that contains `<` is replaced by the next
    value: "<LR>?" becomes "left". Surplus values are ignored. `templ_values` is a list or its JSON text. Raises
    DatasetError if there are fewer values than slots.
    """
    values = listed(templ_values, "templ_values")
    words = question_content.rstrip().split(" ")
    words[-1] = words[-1][:-1]
    slots = [place for place, word in enumerate(words) if "<" in word]
    if len(slots) > len(values):
        raise DatasetError(
            f"Question {question_content!r} has {len(slots)} slots but {len(values)} values: {values!r}."
        )
    for place, value in zip(slots, values, strict=False):
        words[place] = value
    return " ".join(words)


def listed(value: str | Sequence[str], key: str) -> list[str]:
    """A list of texts, stored in annotation files as a list or as JSON text (`type`, `templ_values`)."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, str) or not isinstance(found, Sequence) or not all(isinstance(v, str) for v in found):
        raise DatasetError(f"{key} {value!r} is not a list of texts, nor the JSON text of one.")
    return list(found)


def example(record: Mapping[str, Any], clip: Clip, segments: Sequence[Segment] = ()) -> Example:
    """Convert an official annotation record to an Example; `segments` are the times of the evidence, if known."""
    values = listed(record["templ_values"], "templ_values")
    reference = Answer(record["anser"], segments=tuple(segments)) if record.get("anser") is not None else None
    return Example(
        id=str(record["question_id"]),
        task="question_answering",
        clip=clip,
        question=fill(record["question_content"], values),
        reference=reference,
        kind=tuple(listed(record["type"], "type")),
        meta={
            "template": record["question_content"],
            "templ_values": tuple(values),
            "question_id": record["question_id"],
            "video_id": record["video_id"],
        },
    )
