"""Action recognition: which of a set of actions a clip shows and sounds like (Kinetics-Sounds, UCF51)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.metrics import answers as right_or_wrong
from lookhear.metrics import emotion
from lookhear.pooled import Pooled, totals
from lookhear.tasks.reading import prompts, reader
from lookhear.types import Answer, Example

VERSION = 1
MAIN = {"": "accuracy"}


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt with the list of actions."""
    return prompts.prompt("action", vocabulary or example.meta.get("labels", ()))


def target(example: Example, explain: bool = True) -> str:
    """The training target: the action between tags, after the reasoning or (`explain=False`) alone."""
    action = reader.reference(example).text
    tagged = f"<answer>{action}</answer>"
    if not explain:
        return tagged
    own = f"What is seen and what is heard both fit {action}. So the action is {tagged}."
    return reader.explained(example, own, parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse the action that a reply names; it is spelled as in the example's list."""
    return reader.name(reply, vocabulary or example.meta.get("labels", ()))


def right(answer: Answer, reference: Answer) -> bool:
    """Whether an answer is the reference's, however it is written."""
    return right_or_wrong.correct(answer, reference)


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """Top-1 `accuracy`, mean recall of the classes (`uar`) and `unread`, in percent."""
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    scores = emotion.pooled(answers, references)
    return {"accuracy": scores["war"], "uar": scores["uar"]} | reader.share(answers)


def by_class(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, dict[str, float]]:
    """True action -> `recall`, `precision` and `f1` in percent, and `support`."""
    return emotion.by_class(answers, references)
