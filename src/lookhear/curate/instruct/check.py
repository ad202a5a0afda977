"""Whether a reasoning text may be learnt from: it reasons, concludes with the label, and does not speak of one."""

from __future__ import annotations

import re

from lookhear import tasks
from lookhear.types import Answer, Example, Region

LEAST = 5  # words before the conclusion
MOST = 300  # words in all
TOLD = re.compile(
    r"\b(given|provided|correct|original|annotated|reference|ground[- ]truth)\s+(answer|label|annotation)|\bthe label\b"
    r"|\bmetadata\b|\bannotations?\b",
    re.IGNORECASE,
)  # words of one who was told the answer


def fault(example: Example, text: str) -> str:
    """Why a text about `example` is not to be used, in few words; "" where nothing is wrong."""
    task = tasks.find(example.task)
    bare = task.target(example, explain=False)
    wanted, found = task.parse(bare, example), task.parse(text, example)
    if found.notes:
        return found.notes[0].removeprefix(tasks.UNREAD).partition(":")[0]
    if _said(found) != _said(wanted):
        return "concludes with another answer"
    if example.task == "captioning":
        return ""
    reasons = len(text.split()) - len(bare.split())
    if reasons < LEAST:
        return "gives no reason"
    if len(text.split()) > MOST:
        return f"longer than {MOST} words"
    if TOLD.search(text):
        return "speaks of the label it was told"
    return ""


def _said(answer: Answer) -> tuple[object, ...]:
    """Words, times and places."""
    text = answer.text.strip() if answer.segments or answer.regions else answer.text.strip().lower()
    return text, answer.segments, tuple(_place(region) for region in answer.regions)


def _place(region: Region) -> tuple[object, ...]:
    return region.label, region.box
