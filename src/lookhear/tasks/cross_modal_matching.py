"""Cross-modal matching: which of two videos belongs to a sound, or of two sounds to a video, or whether one does.

`meta["form"]` of an example: `a2v` and `v2a` are answered by one or two (VGG-CM), `pair` by yes or no (Soundstage).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.metrics import answers as right_or_wrong
from lookhear.pooled import Pooled, totals
from lookhear.tasks.reading import prompts, reader
from lookhear.types import Answer, Example

VERSION = 1
MAIN = {"": "accuracy"}
LABELS = ("one", "two")


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt, in the direction of the example."""
    return prompts.prompt(str(example.meta.get("form")))


def target(example: Example, explain: bool = True) -> str:
    """The training target: one or two, yes or no between tags, after the reasoning or (`explain=False`) alone."""
    label = reader.reference(example).text
    tagged = f"<answer>{label}</answer>"
    if not explain:
        return tagged
    if example.meta.get("form") == "pair":
        told = {"yes": "What is heard comes from what is seen.", "no": "What is heard is not what is seen."}
        return reader.explained(example, f"{told[label]} So the answer is {tagged}.", parse)
    asked, given = ("video", "sound") if example.meta.get("form") == "a2v" else ("sound", "video")
    own = f"Of the two, the event of {asked} {label} is that of the {given}. So the {asked} that matches is {tagged}."
    return reader.explained(example, own, parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse one or two (a word, a digit, first or second), or yes or no for a pair."""
    if example.meta.get("form") == "pair":
        return reader.whether_one(reply)
    return reader.which_of_two(reply)


def right(answer: Answer, reference: Answer) -> bool:
    """Whether the answer equals the reference, in any spelling."""
    return right_or_wrong.correct(answer, reference)


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """`accuracy` and `unread` in percent; guessing gives 50."""
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    return right_or_wrong.pooled(answers, references) | reader.share(answers)
