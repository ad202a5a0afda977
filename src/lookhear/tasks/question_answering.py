"""Question answering: a short answer from a closed vocabulary, one of the question's options, or an open answer.

Nets do not use this file: they classify over the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lookhear.metrics import answers as right_or_wrong
from lookhear.metrics import evidence as league
from lookhear.pooled import Pooled, totals
from lookhear.tasks.reading import evidence, reader
from lookhear.types import Answer, Example

VERSION = 2
MAIN = {"": "accuracy"}
YES_NO = ("yes", "no")
ENDS = (".", "!", ":", "'", '"', "”", ")")  # last characters of a question that needs no question mark
EVIDENCE = (
    " Then write on lines of their own when you saw or heard what tells you, as 'seen 1:05-1:08' or 'heard 0:12-0:15'."
)
TAGGED = re.compile(r"<answer>[^<]*+(?:<(?!/?answer>)[^<]*+)*+</answer>")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt: the question, and its options or the allowed answers."""
    question = example.question.strip()
    question = question if question.endswith(ENDS) else question.rstrip("?？ ") + "?"
    options = example.meta.get("options", ())
    dated = EVIDENCE if example.meta.get("form") == "evidence" else ""
    if options:
        listed = "\n".join(f"{letter}. {option.strip()}" for letter, option in zip(LETTERS, options, strict=False))
        return f"{question}\n{listed}\nAnswer with the letter of the right option.{dated}"
    if items := example.meta.get("items"):
        listed = "\n".join(f"({letter}) {item}" for letter, item in zip(LETTERS, items, strict=False))
        return f"{example.question}\n{listed}\nAnswer with the letters in the right order, as (B)(A)(C)."
    labels = tuple(example.meta.get("labels", ()))
    if labels == YES_NO:
        return f"{question}\nAnswer yes or no."
    if known := tuple(vocabulary) or labels:
        mark = "; " if any("," in name for name in known) else ", "
        return f"{question}\nAnswer with one of: {mark.join(known)}.{dated}"
    return f"{question}\nAnswer in a few words.{dated}"


def target(example: Example, explain: bool = True) -> str:
    """The training target: the answer between tags, after the reasoning or (`explain=False`) alone.

    An option is given with its letter. Dated evidence, where it is asked for, follows the answer without reasoning.
    """
    answer, options = reader.reference(example).text, list(example.meta.get("options", ()))
    letter = f"{LETTERS[options.index(answer)]}. " if answer in options else ""
    tagged = f"<answer>{letter}{answer.strip()}</answer>"
    if example.meta.get("form") == "evidence":
        return "\n".join(filter(None, (tagged, evidence.written(reader.reference(example).segments))))
    if not explain:
        return tagged
    own = f"From what is seen and heard, the question is answered by {answer}. So the answer is {tagged}."
    said = replace(example, reference=Answer(answer))  # reasoning contains the answer's text, without times and regions
    return reader.explained(said, own, parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse the answer of a reply; the reply itself is kept as `raw`.

    An option is recognised by its letter, text or position; an answer of the vocabulary by its text, if it has the type
    that the question asks for. The vocabulary defaults to `meta["labels"]`; without options and vocabulary, the
    statement of the reply is the answer. A reply that names no answer, or several, gives an empty answer with a note.
    """
    if example.meta.get("form") == "evidence":
        plain = replace(example, meta={**example.meta, "form": ""})
        answer = parse(reply if example.meta.get("options") else _undated(reply), plain, vocabulary)
        return replace(answer, segments=evidence.parse(reply, answer.text), raw=reply)
    options = list(example.meta.get("options", ()))
    if options:
        return reader.choice(reply, options, example.question)
    labels = tuple(example.meta.get("labels", ()))
    if labels == YES_NO:
        return reader.name(reply, labels, example.question, kind="yes_no")
    if "items" in example.meta:
        return reader.order(reply, len(example.meta["items"]))
    return reader.name(reply, list(vocabulary or labels), example.question)


def _undated(reply: str) -> str:
    """The part of a reply between answer tags, without times; times outside are evidence."""
    return "\n".join(TAGGED.findall(reply)) or reply


def right(answer: Answer, reference: Answer) -> bool:
    """Whether the answer equals the reference, in any spelling."""
    return right_or_wrong.correct(answer, reference)


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """`accuracy` and `unread` in percent.

    For yes/no questions (form `yes_no …`) also precision, recall and F1 of yes and the share of yes answers; for
    questions with evidence times (form `evidence`) also the metrics of `metrics.evidence`.
    """
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    scores = right_or_wrong.pooled(answers, references)
    if form.startswith("yes_no"):
        scores |= right_or_wrong.pooled_yes(answers, references)
    if form == "evidence":
        scores |= league.pooled(answers, references)
    return scores | reader.share(answers)
