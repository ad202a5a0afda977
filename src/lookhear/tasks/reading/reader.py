"""Names in a reply, however they are written, and the target of a task that asks for one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from lookhear.datasets.reading import replies
from lookhear.errors import DatasetError
from lookhear.metrics.answers import normal
from lookhear.pooled import Pooled, mean
from lookhear.tasks import UNREAD, unread
from lookhear.types import Answer, Example

NUMBERS = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]))
WORDS = re.compile(r"[^\W_]+")


def name(reply: str, known: Sequence[str]) -> Answer:
    """The one of `known` that a reply gives: in its last <answer>, else anywhere; the one said last counts.

    Where nothing is known any text between tags is the answer; what gives none is empty and noted.
    """
    tagged = replies.answer(reply)
    said = reply if tagged is None else tagged
    if not known:
        text = said.strip().rstrip(".")
        return Answer(text, raw=reply) if text else _unread(reply, "the reply is empty")
    text = next((label for label in known if normal(label) == normal(said)), "") or last_named(said, known)
    return Answer(text, raw=reply) if text else _unread(reply, "the reply names no known answer")


def canonical(label: str, known: Sequence[str]) -> str:
    """`label` as one of `known` writes it, if letter case and punctuation are all that differ; else as it is."""
    said = words(label)
    return next((one for one in known if normal(one) == normal(label)), "") or next(
        (one for one in known if words(one) == said), label
    )


def last_named(said: str, known: Sequence[str]) -> str:
    """The one of `known` whose words stand last in `said`; of two that end together, the longer; "" if none does."""
    spoken = words(said)
    best = (-1, 0, "")
    for label in known:
        wanted = words(label)
        for end in range(len(spoken), len(wanted) - 1, -1):
            if wanted and spoken[end - len(wanted) : end] == wanted:
                best = max(best, (end, len(wanted), label))
                break
    return best[2]


def words(text: str) -> list[str]:
    """Lower-case words; underscores and punctuation separate, digits up to ten are spelled out."""
    return [
        NUMBERS.get(int(word), word) if word.isascii() and word.isdigit() else word
        for word in WORDS.findall(text.casefold())
    ]


def reference(example: Example) -> Answer:
    """The example's reference. Raises DatasetError where there is none to learn from."""
    if example.reference is None:
        raise DatasetError(f"Example {example.id!r} has no reference, so there is no target for it.")
    return example.reference


def explained(example: Example, own: str, parse: Callable[[str, Example], Answer]) -> str:
    """The published target of the example (`meta["reasoning"]`) where it says what the reference says, else `own`.

    What is known of the clip besides (`meta["because"]`, Soundstage) stands before `own`.
    """
    published, because = (str(example.meta.get(key) or "") for key in ("reasoning", "because"))
    if published and same(parse(published, example), reference(example)):
        return published
    return f"{because} {own}" if because else own


def same(a: Answer, b: Answer) -> bool:
    """Whether two answers say the same: words, times and places."""
    return (a.text, a.segments, a.regions) == (b.text, b.segments, b.regions)


def share(answers: Sequence[Answer]) -> dict[str, Pooled]:
    """`unread`: percent of answers that could not be read."""
    return {"unread": mean([bool(unread([answer])) for answer in answers])}


def _unread(reply: str, why: str) -> Answer:
    return Answer(raw=reply, notes=(UNREAD + why,))
