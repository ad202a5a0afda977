"""Check the consistency of references: round trip through target and parser, and agreement of masks and boxes.

This finds unknown labels, reversed times, boxes outside the picture, reasoning with another answer, and missing masks,
for every task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from lookhear import tasks
from lookhear.datasets import soundstage
from lookhear.datasets.reading import masks
from lookhear.errors import DatasetError
from lookhear.tasks.reading import reader
from lookhear.types import Example, Region

NEAR = 2 / soundstage.SIZE  # largest distance between an edge of a box and that of its mask
QUESTIONS = "question_answering"  # its segments are evidence, which replies do not contain
find = lru_cache(tasks.find)


def torn(examples: Sequence[Example]) -> list[str]:
    """A line for each example whose reference changes in the round trip through target and parser."""
    return [f"{example.id}: {why}" for example in examples if (why := _changed_reference(example))]


def unfit(examples: Sequence[Example]) -> list[str]:
    """A line for each example whose mask cannot be read, is empty, or does not match its box."""
    return [f"{example.id}: {why}" for example in examples if (why := _unfit(example))]


def _changed_reference(example: Example) -> str:
    task, reference = find(example.task), example.reference
    if reference is None:
        return "there is no reference"
    outside = [b for r in reference.regions if (b := r.box) and not (min(b) >= 0 and max(b) <= 1)]
    if outside:
        return f"a box outside the picture: {outside[0]}"
    backward = [s for s in reference.segments if not 0 <= s.start < s.end]
    if backward:
        return f"no stretch of time: {backward[0].start:g} to {backward[0].end:g}"
    known = example.meta.get("labels", ())
    strange = [label for label in _labels(example) if known and label not in known]
    if strange:
        return f"none of the task's answers: {strange[0]!r}"
    try:
        written = [task.target(example, explain=False), example.meta.get("reasoning")]
    except DatasetError as error:
        return str(error)
    for reply in filter(None, written):
        said, whole = task.parse(reply, example), reply == written[0] and example.task != QUESTIONS
        if not (reader.same(said, reference) if whole else said.text == reference.text):
            return f"{reply!r} reads as {said.text!r}, the truth is {reference.text!r}"
    return ""


def _labels(example: Example) -> Iterable[str]:
    assert example.reference is not None
    segments = {s.label: None for s in example.reference.segments}
    return segments or [example.reference.text]


def _unfit(example: Example) -> str:
    try:
        regions: Sequence[Region] = soundstage.with_mask(example).reference.regions  # type: ignore[union-attr]
    except DatasetError as error:
        return str(error)
    for region in regions:
        if region.mask is not None and region.box is not None:
            box = masks.box_of(region.mask)
            if box is None or np.abs(np.subtract(box, region.box)).max() > NEAR:
                return f"the mask of {region.label!r} is at {box}, its box at {region.box}"
    return ""
