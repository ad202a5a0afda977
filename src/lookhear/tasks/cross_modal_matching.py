"""Cross-modal matching: which of two videos belongs to a sound, or which of two sounds to a video (VGG-CM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.metrics.answers import accuracy
from lookhear.tasks import _prompts, _reading
from lookhear.types import Answer, Example

VERSION = 1
LABELS = ("one", "two")
SPELLED = {"first": "one", "second": "two"}  # as replies also say it


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The words a model is asked with, in the direction of the example."""
    return _prompts.prompt(str(example.meta.get("form")))


def target(example: Example, explain: bool = True) -> str:
    """The reply to learn: one or two between tags, after the reasoning or (`explain=False`) alone."""
    one = _reading.reference(example).text
    tagged = f"<answer>{one}</answer>"
    if not explain:
        return tagged
    asked, given = ("video", "sound") if example.meta.get("form") == "a2v" else ("sound", "video")
    own = f"Of the two, the event of {asked} {one} is that of the {given}. So the {asked} that matches is {tagged}."
    return _reading.explained(example, own, parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """One or two, however it is said: as a word, as a digit, as first or second."""
    found = _reading.name(reply, (*LABELS, *SPELLED))
    return Answer(SPELLED.get(found.text, found.text), raw=reply, notes=found.notes)


def score(answers: Sequence[Answer], references: Sequence[Answer]) -> Mapping[str, float]:
    """`accuracy` and `unread` in percent; guessing gives 50."""
    return {"accuracy": accuracy(answers, references)} | _reading.share(answers)
