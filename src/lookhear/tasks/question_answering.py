"""Question answering: a short answer out of a known set, or one of the options a question comes with.

How to ask a language model, how to read its reply, how to score. Small nets need none of it: they choose a class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lookhear.metrics import answers as right_or_wrong
from lookhear.pooled import Pooled, totals
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import reader
from lookhear.types import Answer, Example

VERSION = 1
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LETTERED = re.compile(r"\W*option\s+([a-z])\b|\W*([a-z])(?:[.):,]|\W*$)", re.I)  # "B", "(b)", "B. a cat", "Option B"
TAGGED = re.compile(r"<answer>(.*?)</answer>", re.S | re.I)


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The words a model is asked with: the question, and its options or the answers there can be."""
    question = example.question.rstrip("?？ ") + "?"
    options = example.meta.get("options", ())
    if options:
        listed = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
        return f"{question}\n{listed}\nAnswer with the letter of the right option."
    if vocabulary:
        return f"{question}\nAnswer with one of: {', '.join(vocabulary)}."
    return f"{question}\nAnswer in a few words."


def target(example: Example, explain: bool = True) -> str:
    """The reply to learn: the answer between tags, after the reasoning or (`explain=False`) alone.

    An option is given with its letter, as it is asked for.
    """
    answer, options = reader.reference(example).text, list(example.meta.get("options", ()))
    letter = f"{LETTERS[options.index(answer)]}. " if answer in options else ""
    tagged = f"<answer>{letter}{answer}</answer>"
    if not explain:
        return tagged
    own = f"From what is seen and heard, the question is answered by {answer}. So the answer is {tagged}."
    said = replace(example, reference=Answer(answer))  # reasoning tells the answer in words, not when or where
    return reader.explained(said, own, parse)


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """The answer in a model's own words, kept as `raw`.

    What stands between <answer> tags counts, else all of it. An option is named by its letter or its words, an answer
    of the vocabulary by its words: the one said last, for models think before they answer. Digits mean number words.
    With neither options nor vocabulary (`meta["labels"]`, where none is given) the reply itself is the answer. What
    names none of them stays as it is, with a note.
    """
    tagged = TAGGED.findall(reply)
    said = (tagged[-1] if tagged else reply).strip().rstrip(".")
    options = list(example.meta.get("options", ()))
    lettered = LETTERED.match(said)
    if options and lettered:
        place = LETTERS.index((lettered[1] or lettered[2]).upper())
        if place < len(options):
            return Answer(options[place], raw=reply)
    known = options or list(vocabulary or example.meta.get("labels", ()))
    if not known:
        return Answer(said, raw=reply)
    found = reader.last_named(said, known)
    note = UNREAD + "the reply names no known answer"
    return Answer(found, raw=reply) if found else Answer(said, raw=reply, notes=(note,))


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """`accuracy` and `unread` in percent."""
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    return right_or_wrong.pooled(answers, references) | reader.share(answers)
