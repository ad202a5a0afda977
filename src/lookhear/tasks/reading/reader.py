"""Entry points of the reply parser for all tasks, and helpers for training targets.

A reply that cannot be parsed, or that gives two answers, is unread with a reason; the parser does not guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lookhear.errors import DatasetError
from lookhear.metrics.answers import normal
from lookhear.pooled import Pooled, mean
from lookhear.tasks import UNREAD, unread
from lookhear.tasks.reading import closed, options
from lookhear.tasks.reading.claims import Reading
from lookhear.tasks.reading.languages import english
from lookhear.tasks.reading.listings import lower, sequences
from lookhear.tasks.reading.names import Words
from lookhear.tasks.reading.unwrap import Unwrapped, unwrap
from lookhear.types import Answer, Example


def choice(reply: str, choices: Sequence[str], question: str = "") -> Answer:
    """Parse the option that a reply names by letter, text or position in the list."""
    found = _agreed(unwrap(reply), lambda text: options.choose(english(text), choices, question))
    return Answer(choices[found.value], raw=reply) if isinstance(found.value, int) else _unread(reply, found.why)


def name(reply: str, known: Sequence[str], question: str = "", kind: str | None = None) -> Answer:
    """Parse the name in `known` that a reply gives, restricted to the question's answer type (`closed.kind_of`).

    Without `known`, the statement of the reply is the answer. A reply without an answer gives an empty one with a note.
    """
    said = unwrap(reply)
    if not known:
        text = next(iter(said.texts), "").strip().rstrip(".")
        return Answer(text, raw=reply) if text else _unread(reply, said.why or "the reply is empty")
    found = _agreed(said, lambda text: closed.answer(lower(english(text)), known, question, kind))
    return Answer(str(found.value), raw=reply) if found.value is not None else _unread(reply, found.why)


def which_of_two(reply: str) -> Answer:
    """Parse `one` or `two`, for two videos or sounds: "the second video", "Video 1", "two"."""
    found = _agreed(unwrap(reply), lambda text: closed.of_two(lower(english(text))))
    return Answer(str(found.value), raw=reply) if found.value is not None else _unread(reply, found.why)


def whether_one(reply: str) -> Answer:
    """Parse yes or no, for a sound and a video that may belong together: "Yes", "The sound does not match it"."""
    found = _agreed(unwrap(reply), lambda text: closed.belongs(lower(english(text))))
    return Answer(str(found.value), raw=reply) if found.value is not None else _unread(reply, found.why)


def order(reply: str, count: int) -> Answer:
    """Parse an order of `count` letters, as "(B)(D)(C)(A)": the only sequence with each letter once."""
    said = unwrap(reply)
    found = [sequences(english(text), count) for text in said.texts or said.others]
    orders = list(dict.fromkeys(one for some in found for one in some))
    if len(orders) == 1:
        return Answer(orders[0], raw=reply)
    return _unread(reply, said.why or ("the reply is ambiguous" if orders else "the reply gives no order"))


def _agreed(said: Unwrapped, read: Callable[[str], Reading]) -> Reading:
    """The answer on which all texts of a reply agree; else the answer of the only other JSON key that has one."""
    if said.why:
        return Reading(why=said.why)
    found = [read(text) for text in said.texts or said.others]
    values = list(dict.fromkeys(one.value for one in found if one.value is not None))
    if len(values) == 1:
        return Reading(values[0])
    return Reading(why="the reply is ambiguous" if values else found[0].why)


def canonical(label: str, known: Sequence[str]) -> str:
    """`label` in the spelling of `known`, if only case and punctuation differ; else unchanged."""
    said = words(label)
    return next((one for one in known if normal(one) == normal(label)), "") or next(
        (one for one in known if words(one) == said), label
    )


def words(text: str) -> list[str]:
    """Lower-case words, split at underscores and punctuation, without articles, numbers up to ten spelled out."""
    return Words(text.casefold()).words


def reference(example: Example) -> Answer:
    """The example's reference. Raises DatasetError if it has none."""
    if example.reference is None:
        raise DatasetError(f"Example {example.id!r} has no reference, so there is no target for it.")
    return example.reference


def explained(example: Example, own: str, parse: Callable[[str, Example], Answer]) -> str:
    """The published target of the example (`meta["reasoning"]`) if it agrees with the reference, else `own`.

    Facts about the clip (`meta["because"]`, Soundstage) are put before `own`.
    """
    published, because = (str(example.meta.get(key) or "") for key in ("reasoning", "because"))
    if published and same(parse(published, example), reference(example)):
        return published
    return f"{because} {own}" if because else own


def same(a: Answer, b: Answer) -> bool:
    """Whether two answers have the same text, times and regions."""
    return (a.text, a.segments, a.regions) == (b.text, b.segments, b.regions)


def share(answers: Sequence[Answer]) -> dict[str, Pooled]:
    """`unread`: percent of answers that could not be parsed."""
    return {"unread": mean([bool(unread([answer])) for answer in answers])}


def _unread(reply: str, why: str) -> Answer:
    return Answer(raw=reply, notes=(UNREAD + why,))
