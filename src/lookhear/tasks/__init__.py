"""Tasks, one file each: prompt, training target, parser of replies, and score.

    prompt(example, vocabulary) ──▶ model ──▶ reply ── parse(reply, example, vocabulary) ──▶ Answer ── score ──▶ numbers
    target(example, explain) ──▶ training target: reasoning, then the answer between tags

`prompt` is the same for training and test. `parse(target(example), example)` returns the example's reference. `parse`
never raises: an answer that could not be parsed has a note that begins with UNREAD, and `unread` counts those; every
score includes their share in percent. `pooled` gives the numbers of `score` as sums over clips, for intervals; `form`
is the examples' `meta["form"]`, if a task has several. `by_class`, where defined, scores each class. `VERSION` of a
task changes with everything that can change a score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import ModuleType

from lookhear import catalog
from lookhear.types import Answer, Example, Reply

UNREAD = "not read: "  # beginning of the note of a reply that could not be parsed
CUT = "the reply was cut at its limit"
LOST = {  # ending of a reply -> why it counts as unread, whatever its text
    "filtered": "the reply was filtered",
    "refused": "the model refused",
    "empty": "the reply is empty",
    "failed": "no reply came",
}


def find(name: str) -> ModuleType:
    """Import the task `name`. Raises RecipeError."""
    return catalog.find("tasks", name)


def read(example: Example, reply: Reply, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse a reply with the parser of the example's task, taking into account how it ended. Never raises."""
    if reply.ended in LOST:
        why = f"{LOST[reply.ended]}: {reply.why}" if reply.why else LOST[reply.ended]
        return Answer(raw=reply.text, notes=(UNREAD + why,))
    answer = find(example.task).parse(reply.text, example, vocabulary)
    return replace(answer, notes=(*answer.notes, CUT)) if reply.ended == "cut" else answer


def unread(answers: Iterable[Answer]) -> Counter[str]:
    """Reason why replies could not be parsed -> count; each answer counts once."""
    reasons = (next((n for n in answer.notes if n.startswith(UNREAD)), "") for answer in answers)
    return Counter(reason.removeprefix(UNREAD) for reason in reasons if reason)
