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
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import ModuleType

from lookhear import catalog
from lookhear.types import Answer, Example, Reply

UNREAD = "not read: "  # begins the note of a reply that could not be understood
CUT = "the reply was cut at its limit"
LOST = {  # how a reply ended -> why it cannot be read, whatever its text is
    "filtered": "the reply was filtered",
    "refused": "the model refused",
    "empty": "the reply is empty",
    "failed": "no reply came",
}


def find(name: str) -> ModuleType:
    """The task called `name`."""
    return catalog.find("tasks", name)


def read(example: Example, reply: Reply, vocabulary: Sequence[str] = ()) -> Answer:
    """What a model's reply says, by the example's own task and by how the reply ended. Never raises."""
    if reply.ended in LOST:
        why = f"{LOST[reply.ended]}: {reply.why}" if reply.why else LOST[reply.ended]
        return Answer(raw=reply.text, notes=(UNREAD + why,))
    answer = find(example.task).parse(reply.text, example, vocabulary)
    return replace(answer, notes=(*answer.notes, CUT)) if reply.ended == "cut" else answer


def unread(answers: Iterable[Answer]) -> Counter[str]:
    """Why replies could not be read -> how often; each answer counts once."""
    reasons = (next((n for n in answer.notes if n.startswith(UNREAD)), "") for answer in answers)
    return Counter(reason.removeprefix(UNREAD) for reason in reasons if reason)
