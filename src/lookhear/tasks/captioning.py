"""Captioning: one sentence on what is seen and heard (VALOR)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.metrics import captions
from lookhear.pooled import Pooled, totals
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import prompts, reader
from lookhear.types import Answer, Example

VERSION = 1
MAIN = {"": "cider_d"}
right = None  # answers are graded


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt."""
    return prompts.prompt("caption")


def target(example: Example, explain: bool = True) -> str:
    """The training target: the caption, without reasoning."""
    return reader.reference(example).text


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """The whole reply, on one line."""
    text = " ".join(reply.split())
    return Answer(text, raw=reply, notes=() if text else (UNREAD + "the reply is empty",))


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """`cider_d`, `bleu_1` … `bleu_4`, `rouge_l`, `meteor_exact`, 100 times the fraction, and `unread` in percent."""
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    return captions.pooled(answers, references) | reader.share(answers)
