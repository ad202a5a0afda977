"""Run a model on a list of examples, clip by clip; each clip is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lookhear import tasks
from lookhear.errors import LookhearError, ModelError
from lookhear.model import Model, Storing
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Clip, Example

UNANSWERED = "not answered: "  # prefix of the note of an answer about an unreadable clip
Part = tuple[list[Answer], LookhearError | None]  # answers to a part of the questions; the first error in it
Spread = Callable[[Sequence[Sequence[Example]]], Iterable[tuple[int, Part]]]  # parts -> (place, answers), in any order


def run(
    model: Model,
    examples: Sequence[Example],
    store: FeatureStore | None = None,
    clips: int = 16,
    progress: Callable[[int, int], None] | None = None,
    spread: Spread | None = None,
) -> list[Answer]:
    """Answer every example, in order, watching `clips` clips at a time.

    With `store`, features are read from it and missing ones are computed. Questions about an unreadable clip get empty
    answers with the reason in a note (see `unanswered`), and so do questions without a reply from the server (see
    `no_reply`). If no question can be answered, the first error is raised. `progress` is called with (done, total).
    `spread` has the parts answered elsewhere, in place of `model`.
    """
    if store is not None and isinstance(model, Storing):
        model = model.using(store)
    parts = split(examples, clips)
    asked = [[examples[i] for i in part] for part in parts]
    found = spread(asked) if spread else ((place, answered(model, part)) for place, part in enumerate(asked))
    answers: dict[int, Answer] = {}
    failed: dict[int, LookhearError] = {}
    for place, (some, error) in found:
        answers.update(zip(parts[place], some, strict=True))
        if error is not None:
            failed[place] = error
        if progress:
            progress(len(answers), len(examples))
    in_order = [answers[i] for i in range(len(examples))]
    if failed and len(unanswered(examples, in_order)) == len({example.clip.id for example in examples}):
        raise failed[min(failed)]
    lost = no_reply(examples, in_order)
    if lost and len(lost) == len(examples):
        raise ModelError(f"None of the {len(examples)} questions was answered. The first: {next(iter(lost.values()))}")
    return in_order


def split(examples: Sequence[Example], clips: int) -> list[list[int]]:
    """Places of examples in parts of `clips` clips each; a clip's examples are in one part."""
    groups: dict[Clip, list[int]] = {}
    for i, example in enumerate(examples):
        groups.setdefault(example.clip, []).append(i)
    order = list(groups.values())
    return [[i for group in order[at : at + clips] for i in group] for at in range(0, len(order), clips)]


def answered(model: Model, examples: Sequence[Example]) -> tuple[list[Answer], LookhearError | None]:
    """Answers to examples whose clips are watched together, and the first error where some could not be watched."""
    groups: dict[Clip, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.clip, []).append(example)

    def ask(some: Sequence[Clip]) -> list[Answer]:
        return model.answer(model.watch(some), [example for clip in some for example in groups[clip]])

    try:
        return ask(list(groups)), None
    except LookhearError:  # one of them cannot be read, or they differ in length: each alone
        answers: list[Answer] = []
        first: LookhearError | None = None
        for clip in groups:
            try:
                answers += ask([clip])
            except LookhearError as error:
                first = first or error
                answers += [Answer(notes=(UNANSWERED + str(error),)) for _ in groups[clip]]
        return answers, first


def unanswered(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, str]:
    """Clip id -> reason why none of its questions was answered."""
    return {
        example.clip.id: note.removeprefix(UNANSWERED)
        for example, answer in zip(examples, answers, strict=True)
        for note in answer.notes
        if note.startswith(UNANSWERED)
    }


def no_reply(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, str]:
    """Question id -> reason why the server gave no reply."""
    return {
        example.id: note.removeprefix(tasks.NO_REPLY).removeprefix(": ")
        for example, answer in zip(examples, answers, strict=True)
        for note in answer.notes
        if note.startswith(tasks.NO_REPLY)
    }


def incomplete(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, str]:
    """Clip id -> reason why some of its questions were not answered."""
    lost = no_reply(examples, answers)
    return unanswered(examples, answers) | {e.clip.id: lost[e.id] for e in examples if e.id in lost}
