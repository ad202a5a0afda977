"""Clips of one event as questions whose answers have dated evidence: `ave@evidence`, `unav_100@evidence`.

The question asks for the event, the answer is its label, and its segments, both seen and heard, are the evidence. Clips
with several different events, and with none, are left out: what is asked would have no single answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lookhear.datasets.reading.annotations import Annotations
from lookhear.types import Example

QUESTION = "Which event is both seen and heard in this video?"
VERSIONS = ("evidence",)


def asked(found: Annotations, version: str) -> Annotations:
    """The annotations as they are, or in version `evidence` as questions."""
    return replace(found, examples=tuple(questions(found.examples))) if version else found


def questions(examples: Iterable[Example]) -> Iterable[Example]:
    """A question for each clip of one event."""
    for example in examples:
        segments = example.reference.segments if example.reference else ()
        if len({segment.label for segment in segments}) == 1:
            meta = {**example.meta, "form": "evidence"}
            yield replace(example, task="question_answering", question=QUESTION, meta=meta)
