"""In-context examples (shots) of good reasoning, up to three for each form of a task, written for lookhear.

A shot is an example about an invented clip with sentences that lead to its label, from `tables/shots.yaml`. Its ending
is the target of the task, so it always has the requested form. All shots pass `check.fault`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from lookhear import tasks
from lookhear.curate.instruct.phrases import TABLES
from lookhear.tasks.reading.boxes import unit
from lookhear.types import Answer, Clip, Example, Region, Segment, Source

CLIP = Clip(Source("shot"), Source("shot"), 0.0, 10.0)
SAME = {"ms3": "s4", "action_recognition": "action", "emotion_recognition": "emotion"}  # form or task -> its shots


@dataclass(frozen=True)
class Shot:
    """An example and the reasoning before its ending."""

    example: Example
    reasons: str

    @property
    def reply(self) -> str:
        """The whole reply: reasoning and ending."""
        return f"{self.reasons} {tasks.find(self.example.task).target(self.example, explain=False)}"


@lru_cache(maxsize=1)
def every() -> Mapping[str, tuple[Shot, ...]]:
    """Form -> its shots."""
    told = yaml.safe_load((TABLES / "shots.yaml").read_text("utf-8"))
    return {form: tuple(_shot(form, one) for one in some) for form, some in told.items()}


def of(example: Example) -> tuple[Shot, ...]:
    """The shots for a request about `example`; empty for forms without shots."""
    if example.task == "question_answering":
        return every()["options" if example.meta.get("options") else "question"]
    form = str(example.meta.get("form") or "")
    names = (form, SAME.get(form, ""), SAME.get(example.task, ""))
    return next((every()[name] for name in names if name in every()), ())


def _shot(form: str, fields: Mapping[str, Any]) -> Shot:
    segments = tuple(Segment(*one) for one in fields.get("segments", ()))
    regions = tuple(Region(label, unit(place * (4 // len(place)))) for label, place in fields.get("regions", ()))
    text = str(fields.get("answer", ", ".join(dict.fromkeys(segment.label for segment in segments))))
    meta = {"form": form} | ({"options": tuple(fields["options"])} if "options" in fields else {})
    reference = Answer(text, segments=segments, regions=regions)
    return Shot(
        Example("shot", fields["task"], CLIP, fields.get("question", ""), reference, meta=meta), fields["reasons"]
    )
