"""Rewards that depend on hearing: plain functions of an example, a reply, and the replies about other clips.

answer   the reply names the correct answer
seconds  intersection over union of the named seconds and the evidence, by modality
sense    the reply names exactly the modalities of the evidence
causal   the reply changes if the object of the question is removed, and stays if something else is
form     the reply can be parsed, and gives times if the prompt asks for them

All are between 0 and 1 and need neither model nor torch. `causal` takes the replies to the same question about the
clip's twins. It is half the fraction of changes followed plus half the fraction of changes correctly ignored, so a
model that cannot distinguish two clips gets one half whatever it replies, and guessing gains nothing.

For other trainers: `compute_score` is a reward function of verl and verl-omni; `Reward` has the signature of ms-swift's
reward plug-ins and of TRL's reward functions. Both read the columns that `lookhear pairs` writes.
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
class TwinReply:
    """The reply to the same question about a twin, and whether the correct answer changes there or stays."""

    must: str
    reply: str


def read(example: Example, reply: str) -> Answer:
    """Parse a reply with the parser of the example's task."""
    return tasks.find(example.task).parse(reply, example, tuple(example.meta.get("labels", ())))


def answer(example: Example, reply: str, others: Sequence[TwinReply] = ()) -> float:
    """1 if the reply names the correct answer."""
    assert example.reference is not None
    return float(correct(read(example, reply), example.reference))


def seconds(example: Example, reply: str, others: Sequence[TwinReply] = ()) -> float:
    """Intersection over union of the named seconds and the evidence; 0 for replies without times."""
    assert example.reference is not None
    return iou(read(example, reply).segments, example.reference.segments)


def sense(example: Example, reply: str, others: Sequence[TwinReply] = ()) -> float:
    """1 if the reply names exactly the modalities of the evidence."""
    assert example.reference is not None
    named = senses(read(example, reply).segments)
    return float(bool(named) and named == senses(example.reference.segments))


def causal(example: Example, reply: str, others: Sequence[TwinReply] = ()) -> float:
    """Half the fraction of twins where the reply should change and does, plus half that where it should stay and does.

    If all twins are of one kind, the other half counts as one half, the result of guessing; without twins the reward is
    1/2. A reply that becomes unreadable has not changed, and one that is unreadable for both clips has stayed, so a
    model with equal inputs for two clips gets 1/2 for readable and unreadable replies alike.
    """
    mine = _answer_text(example, reply)
    theirs = [(one.must, _answer_text(example, one.reply)) for one in others]
    changes = [bool(mine and said and mine != said) for must, said in theirs if must == "change"]
    stays = [mine == said for must, said in theirs if must == "stay"]
    return sum(0.5 * (sum(hits) / len(hits) if hits else 0.5) for hits in (changes, stays))


def form(example: Example, reply: str, others: Sequence[TwinReply] = ()) -> float:
    """1 if the reply has one answer between tags, can be parsed, and gives times if the prompt asks for them."""
    said = read(example, reply)
    tagged = [tag[0] for tag in TAGS.finditer(reply)] == ["<answer>", "</answer>"]
    dated = example.meta.get("form") != "evidence" or bool(said.segments)
    return float(tagged and bool(said.text) and dated)


def _answer_text(example: Example, reply: str) -> str:
    return normal(read(example, reply).text)


Function = Callable[[Example, str, Sequence[TwinReply]], float]
REWARDS: dict[str, Function] = {one.__name__: one for one in (answer, seconds, sense, causal, form)}


def total(weights: Mapping[str, float], example: Example, reply: str, others: Sequence[TwinReply] = ()) -> float:
    """The weighted sum of rewards."""
    return sum(weight * REWARDS[name](example, reply, others) for name, weight in weights.items())


def check(weights: Mapping[str, float]) -> None:
    """Raises RecipeError for unknown rewards."""
    for name in weights:
        if name not in REWARDS:
            raise RecipeError(unknown("reward", name, REWARDS))
    if not any(weights.values()):
        raise RecipeError("reinforce.rewards: all weights are 0, so there is nothing to learn.")


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Mapping[str, Any] | None = None, **_: Any
) -> dict[str, float]:
    """verl's reward function: `score`, and each reward by name.

    `ground_truth` is the answer. `extra_info` may have `question`, `form`, `segments` ([start, end, label, stream]
    each), `weights` and, for `causal`, `others`: [[must, reply], …]; lists may be JSON text.
    """
    told = dict(extra_info or {})
    weights = _listed(told.get("weights")) or {"answer": 1.0}
    check(weights)
    example = example_of(ground_truth, told)
    others = [TwinReply(*one) for one in _listed(told.get("others")) or ()]
    scores = {name: REWARDS[name](example, solution_str, others) for name in weights}
    return {"score": sum(weight * scores[name] for name, weight in weights.items()), **scores}


class Reward:
    """One reward in the interface of ms-swift and TRL: completions and columns in, a number for each completion out."""

    def __init__(self, name: str = "answer", *_: Any, **__: Any):
        check({name: 1.0})
        self.name = self.__name__ = name

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float]:
        """`solution` holds the correct answers; `segments`, `form`, `others` and `question` are used if present."""
        answers = columns["solution"] if "solution" in columns else columns["ground_truth"]
        scores = []
        for i, completion in enumerate(completions):
            told = {key: columns[key][i] for key in ("segments", "form", "others", "question") if key in columns}
            others = [TwinReply(*one) for one in _listed(told.get("others")) or ()]
            scores.append(REWARDS[self.name](example_of(_plain(answers[i]), told), _text(completion), others))
        return scores


def orms() -> dict[str, Callable[..., Reward]]:
    """Name -> reward for ms-swift: `from swift.plugin import orms; orms.update(lookhear.train.rewards.orms())`."""
    return {f"lookhear_{name}": lambda *a, name=name, **k: Reward(name) for name in REWARDS}


def example_of(truth: str, columns: Mapping[str, Any]) -> Example:
    """An example from the columns of another trainer."""
    segments = tuple(
        Segment(str(label), float(a), float(b), str(s)) for a, b, label, s in _listed(columns.get("segments")) or ()
    )
    meta = {"form": columns["form"]} if columns.get("form") else {}
    if labels := _listed(columns.get("labels")):
        meta["labels"] = tuple(labels)
    reference = Answer(truth, segments=segments)
    return Example("", "question_answering", Clip(None, None), str(columns.get("question", "")), reference, meta=meta)


def _listed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value


def _plain(solution: Any) -> str:
    """The answer of a solution, without answer tags."""
    return TAGS.sub("", str(solution)).strip()


def _text(completion: Any) -> str:
    """The text of a completion: a text, or the content of its last message."""
    if isinstance(completion, str):
        return completion
    last = completion[-1] if isinstance(completion, Sequence) else completion
    content = last["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
