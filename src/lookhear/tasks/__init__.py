"""Tasks, one file each: prompt, training target, parser of replies, and score.

prompt(example, vocabulary) ──▶ model ──▶ reply ── parse(reply, example, vocabulary) ──▶ Answer ── score ──▶ numbers
target(example, explain) ──▶ training target: reasoning, then the answer between tags

`prompt` is the same for training and test. `parse(target(example), example)` gives the example's reference. `parse`
never raises: an answer that could not be parsed has a note that begins with UNREAD. `unread` counts these; every score
contains their share in percent. `MAIN` maps each form to the main metric of the task. `right` says whether an answer is
right; it is None for graded tasks. `pooled` gives the numbers of `score` as sums over clips, for intervals; `form` is
the examples' `meta["form"]` if a task has several. The optional `by_class` gives scores per class. `VERSION` of a task
changes with anything that would change a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from lookhear import catalog
from lookhear.pooled import Pooled
from lookhear.types import Answer, Example, Reply

UNREAD = "not read: "  # beginning of the note of a reply that could not be parsed
CUT = "the reply was cut at its limit"
LOST = {  # ending of a reply -> why it counts as unread, whatever its text
    "filtered": "the reply was filtered",
    "refused": "the model refused",
    "empty": "the reply is empty",
    "failed": "no reply came",
}
NO_REPLY = UNREAD + LOST["failed"]  # prefix of the note of an answer without a reply from the server


class Task(Protocol):
    """The contract of a task's file; only `by_class` is optional."""

    VERSION: int
    MAIN: Mapping[str, str]  # form ("" for all others) -> its main metric
    right: Callable[[Answer, Answer], bool] | None  # (answer, reference); None for graded tasks

    @staticmethod
    def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str: ...

    @staticmethod
    def target(example: Example, explain: bool = True) -> str: ...

    @staticmethod
    def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer: ...

    @staticmethod
    def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]: ...

    @staticmethod
    def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, Pooled]: ...


ByClass = Callable[[Sequence[Answer], Sequence[Answer], str], dict[str, dict[str, float]]]


def find(name: str) -> Task:
    """The module of task `name`. Raises RecipeError if there is none, or if its file lacks a part."""
    return cast(Task, catalog.find("tasks", name))


def by_class(name: str) -> ByClass | None:
    """The function `by_class` of a task: (answers, references, form) -> class -> column -> number."""
    return vars(find(name)).get("by_class")


def main_metric(kind: str) -> str:
    """The main metric of a task or of one form of it (`localisation/arig`)."""
    task, _, form = kind.partition("/")
    main = find(task).MAIN
    return main.get(form) or main[""]


def judged(kind: str) -> bool:
    """Whether the answers of a task (`localisation/arig`) are right or wrong, rather than graded."""
    return find(kind.partition("/")[0]).right is not None


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
