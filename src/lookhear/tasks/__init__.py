"""How to ask, how to read the reply, how to score: one file per task.

    prompt(example, vocabulary) ──▶ model ──▶ reply ── parse(reply, example, vocabulary) ──▶ Answer ── score ──▶ numbers
    target(example, explain) ──▶ what a model is trained to reply: reasoning, then the answer between tags

`prompt` is the same for training and test. `parse(target(example), example)` gives the example's reference. `parse`
never raises: what it cannot read has a note that begins with UNREAD, and `unread` counts those; every score holds their
share in percent. `pooled` gives the numbers of `score` as sums over clips, for intervals; `form` is the examples'
`meta["form"]`, where a task has several. `by_class`, where there is one, tells classes apart. `VERSION` of a task
changes with anything that would change a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from types import ModuleType

from lookhear import catalog
from lookhear.types import Answer

UNREAD = "not read: "  # begins the note of a reply that could not be understood


def find(name: str) -> ModuleType:
    """The task called `name`."""
    return catalog.find("tasks", name)


def unread(answers: Iterable[Answer]) -> Counter[str]:
    """Why replies could not be read -> how often; each answer counts once."""
    reasons = (next((n for n in answer.notes if n.startswith(UNREAD)), "") for answer in answers)
    return Counter(reason.removeprefix(UNREAD) for reason in reasons if reason)
