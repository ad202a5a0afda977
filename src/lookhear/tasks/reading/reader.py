"""One reader for all tasks: the option, name or words that a reply answers with, and a task's target.

A reply that cannot be read, or that answers in two ways, is unread with a reason; it is never guessed at.
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
from lookhear.tasks.reading.names import Words
from lookhear.tasks.reading.unwrap import Said, unwrap
from lookhear.types import Answer, Example


def choice(reply: str, choices: Sequence[str], question: str = "") -> Answer:
    """The one of a question's `choices` that a reply names, by letter, words or place in the list."""
    found = _agreed(unwrap(reply), lambda text: options.choose(english(text), choices, question))
    return Answer(choices[found.value], raw=reply) if isinstance(found.value, int) else _unread(reply, found.why)


def name(reply: str, known: Sequence[str], question: str = "", kind: str | None = None) -> Answer:
    """The one of `known` that a reply gives, of the kind that `question` asks for (`closed.kind_of`).

    Where nothing is known what the reply states is the answer; what gives none is empty and noted.
    """
    said = unwrap(reply)
    if not known:
        text = next(iter(said.texts), "").strip().rstrip(".")
        return Answer(text, raw=reply) if text else _unread(reply, said.why or "the reply is empty")
    found = _agreed(said, lambda text: closed.answer(options.lower(english(text)), known, question, kind))
    return Answer(str(found.value), raw=reply) if found.value is not None else _unread(reply, found.why)


def which_of_two(reply: str) -> Answer:
    """`one` or `two`, of two videos or sounds: "the second video", "Video 1", "two"."""
    found = _agreed(unwrap(reply), lambda text: closed.of_two(options.lower(english(text))))
    return Answer(str(found.value), raw=reply) if found.value is not None else _unread(reply, found.why)


def order(reply: str, count: int) -> Answer:
    """An order of `count` letters, as "(B)(D)(C)(A)": the one sequence that has each letter once."""
    said = unwrap(reply)
    found = [options.sequences(english(text), count) for text in said.texts or said.others]
    orders = list(dict.fromkeys(one for some in found for one in some))
    if len(orders) == 1:
        return Answer(orders[0], raw=reply)
    return _unread(reply, said.why or ("the reply is ambiguous" if orders else "the reply gives no order"))


def _agreed(said: Said, read: Callable[[str], Reading]) -> Reading:
    """What every text of a reply says; of JSON's other keys, what the only one that says anything does."""
    if said.why:
        return Reading(why=said.why)
    found = [read(text) for text in said.texts or said.others]
    values = list(dict.fromkeys(one.value for one in found if one.value is not None))
    if len(values) == 1:
        return Reading(values[0])
    return Reading(why="the reply is ambiguous" if values else found[0].why)


def canonical(label: str, known: Sequence[str]) -> str:
    """`label` as one of `known` writes it, if letter case and punctuation are all that differ; else as it is."""
    said = words(label)
    return next((one for one in known if normal(one) == normal(label)), "") or next(
        (one for one in known if words(one) == said), label
    )


def words(text: str) -> list[str]:
    """Lower-case words; underscores and punctuation separate, articles are left out, digits up to ten spelled out."""
    return Words(text.casefold()).words


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
