"""Rewards that only a listener earns: plain functions on an example, a reply, and replies about other clips.

    answer   the reply names the true answer
    seconds  the seconds it names against those the answer rests on: intersection over union, sense by sense
    sense    it names the senses that the answer rests on, no others
    causal   it changes where what was asked about is taken away, and stays where something else is
    form     it can be read, and says when where that is asked

All are between 0 and 1, need no model and no torch. `causal` takes the replies to the same question about the clip's
twins. It is half the part of changes followed and half the part of changes rightly ignored, so a model that cannot tell
two clips apart gets one half whatever it says, and guessing gains it nothing.

The same for other trainers: `compute_score` is verl's and verl-omni's reward function, `Reward` has the signature of
ms-swift's reward plug-ins and of TRL's reward functions. Both read the columns that `lookhear pairs` writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lookhear import tasks
from lookhear.catalog import unknown
from lookhear.errors import RecipeError
from lookhear.metrics.answers import correct, normal
from lookhear.metrics.evidence import iou, senses
from lookhear.types import Answer, Clip, Example, Segment

TAGS = re.compile(r"</?answer>")


@dataclass(frozen=True)
class Other:
    """The reply to the same question about a twin, and whether the true answer changes there or stays."""

    must: str
    reply: str


def read(example: Example, reply: str) -> Answer:
    """What a reply says, by the example's own task."""
    return tasks.find(example.task).parse(reply, example, tuple(example.meta.get("labels", ())))


def answer(example: Example, reply: str, others: Sequence[Other] = ()) -> float:
    """1 where the reply names the true answer."""
    assert example.reference is not None
    return float(correct(read(example, reply), example.reference))


def seconds(example: Example, reply: str, others: Sequence[Other] = ()) -> float:
    """Intersection over union of the seconds named and those the answer rests on; 0 without dated evidence."""
    assert example.reference is not None
    return iou(read(example, reply).segments, example.reference.segments)


def sense(example: Example, reply: str, others: Sequence[Other] = ()) -> float:
    """1 where the reply names the senses that the answer rests on, no others."""
    assert example.reference is not None
    named = senses(read(example, reply).segments)
    return float(bool(named) and named == senses(example.reference.segments))


def causal(example: Example, reply: str, others: Sequence[Other] = ()) -> float:
    """Half the part of twins where the reply should change and does, half of those where it should stay and does.

    Where there are twins of one kind only, the other half is given half, which is what guessing gets; without twins the
    reward is 1/2. Becoming unreadable is no change, but what cannot be read of either clip has stayed: so a model to
    which two clips are the same gets 1/2 for readable and unreadable replies alike.
    """
    mine = _said(example, reply)
    theirs = [(one.must, _said(example, one.reply)) for one in others]
    changes = [bool(mine and said and mine != said) for must, said in theirs if must == "change"]
    stays = [mine == said for must, said in theirs if must == "stay"]
    return sum(0.5 * (sum(hits) / len(hits) if hits else 0.5) for hits in (changes, stays))


def form(example: Example, reply: str, others: Sequence[Other] = ()) -> float:
    """1 where the reply has its answer between tags once, can be read, and says when where that is asked."""
    said = read(example, reply)
    tagged = [tag[0] for tag in TAGS.finditer(reply)] == ["<answer>", "</answer>"]
    dated = example.meta.get("form") != "evidence" or bool(said.segments)
    return float(tagged and bool(said.text) and dated)


def _said(example: Example, reply: str) -> str:
    return normal(read(example, reply).text)


Function = Callable[[Example, str, Sequence[Other]], float]
REWARDS: dict[str, Function] = {one.__name__: one for one in (answer, seconds, sense, causal, form)}


def total(weights: Mapping[str, float], example: Example, reply: str, others: Sequence[Other] = ()) -> float:
    """Rewards added up by their weights."""
    return sum(weight * REWARDS[name](example, reply, others) for name, weight in weights.items())


def check(weights: Mapping[str, float]) -> None:
    """Refuse rewards that there are not. Raises RecipeError."""
    for name in weights:
        if name not in REWARDS:
            raise RecipeError(unknown("reward", name, REWARDS))
    if not any(weights.values()):
        raise RecipeError("reinforce.rewards: all weights are 0, so there is nothing to learn.")


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Mapping[str, Any] | None = None, **_: Any
) -> dict[str, float]:
    """verl's reward function: `score`, and each reward by its name.

    `ground_truth` is the answer. `extra_info` may have `question`, `form`, `segments` ([start, end, label, stream]
    each), `weights` and, for `causal`, `others`: [[must, reply], …]; lists may be JSON text.
    """
    told = dict(extra_info or {})
    weights = _listed(told.get("weights")) or {"answer": 1.0}
    check(weights)
    example = example_of(ground_truth, told)
    others = [Other(*one) for one in _listed(told.get("others")) or ()]
    scores = {name: REWARDS[name](example, solution_str, others) for name in weights}
    return {"score": sum(weight * scores[name] for name, weight in weights.items()), **scores}


class Reward:
    """One reward as ms-swift and TRL call it: completions and columns in, a number for each completion out."""

    def __init__(self, name: str = "answer", *_: Any, **__: Any):
        check({name: 1.0})
        self.name = self.__name__ = name

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
        """`solution` holds the true answers; `segments`, `form`, `others` and `question` are used where they are."""
        answers = columns["solution"] if "solution" in columns else columns["ground_truth"]
        scores = []
        for i, completion in enumerate(completions):
            told = {key: columns[key][i] for key in ("segments", "form", "others", "question") if key in columns}
            others = [Other(*one) for one in _listed(told.get("others")) or ()]
            scores.append(REWARDS[self.name](example_of(_plain(answers[i]), told), _text(completion), others))
        return scores


def orms() -> dict[str, Callable[..., Reward]]:
    """Name -> reward for ms-swift: `from swift.plugin import orms; orms.update(lookhear.train.rewards.orms())`."""
    return {f"lookhear_{name}": lambda *a, name=name, **k: Reward(name) for name in REWARDS}


def example_of(truth: str, told: Mapping[str, Any]) -> Example:
    """An example of the columns that another trainer keeps."""
    segments = tuple(
        Segment(str(label), float(a), float(b), str(s)) for a, b, label, s in _listed(told.get("segments")) or ()
    )
    meta = {"form": told["form"]} if told.get("form") else {}
    if labels := _listed(told.get("labels")):
        meta["labels"] = tuple(labels)
    reference = Answer(truth, segments=segments)
    return Example("", "question_answering", Clip(None, None), str(told.get("question", "")), reference, meta=meta)


def _listed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


def _plain(solution: Any) -> str:
    """The answer of a solution that may stand between tags."""
    return TAGS.sub("", str(solution)).strip()


def _text(completion: Any) -> str:
    """A completion's text: as it is, or the content of its last message."""
    if isinstance(completion, str):
        return completion
    last = completion[-1] if isinstance(completion, Sequence) else completion
    content = last["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
