"""Emotion recognition: which of a few emotions a person shows (MELD, MAFW, DFEW, MER2024, CREMA-D)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.metrics import answers as right_or_wrong
from lookhear.metrics import emotion
from lookhear.pooled import Pooled, totals
from lookhear.tasks.reading import prompts, reader
from lookhear.types import Answer, Example

VERSION = 1
MAIN = {"": "war"}


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt with the list of emotions."""
    return prompts.prompt("emotion", vocabulary or example.meta.get("labels", ()))


def target(example: Example, explain: bool = True) -> str:
    """The training target: the emotion between tags, after the reasoning or (`explain=False`) alone."""
    emotion = reader.reference(example).text
    tagged = f"<answer>{emotion}</answer>"
    if not explain:
        return tagged
    own = f"Face, voice and what goes on around the person point to {emotion}. So the emotion is {tagged}."
    return reader.explained(example, own, parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse the emotion that a reply names; it is spelled as in the example's list."""
    return reader.name(reply, vocabulary or example.meta.get("labels", ()))


def right(answer: Answer, reference: Answer) -> bool:
    """Whether an answer is the reference's, however it is written."""
    return right_or_wrong.correct(answer, reference)


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """`war` (accuracy), `uar`, `weighted_f1` and `unread`, in percent."""
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    return emotion.pooled(answers, references) | reader.share(answers)


def by_class(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, dict[str, float]]:
    """True emotion -> `recall`, `precision` and `f1` in percent, and `support`."""
    return emotion.by_class(answers, references)
