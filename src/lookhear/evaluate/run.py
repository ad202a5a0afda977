"""Run a model on a list of examples, clip by clip; each clip is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lookhear import tasks
from lookhear.errors import LookhearError, ModelError
from lookhear.model import Model, Storing
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Clip, Example

UNANSWERED = "not answered: "  # prefix of the note of an answer about an unreadable clip


def run(
    model: Model,
    examples: Sequence[Example],
    store: FeatureStore | None = None,
    clips: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Answer every example, in order, watching `clips` clips at a time.

    With `store`, features are read from it and missing ones are computed. Questions about an unreadable clip get empty
    answers with the reason in a note (see `unanswered`), and so do questions without a reply from the server (see
    `no_reply`). If no question can be answered, the first error is raised. `progress` is called with (done, total).
    """
    if store is not None and isinstance(model, Storing):
        model = model.using(store)
    groups: dict[Clip, list[int]] = {}
    for i, example in enumerate(examples):
        groups.setdefault(example.clip, []).append(i)
    answers: dict[int, Answer] = {}
    failed: list[LookhearError] = []

    def ask(some: Sequence[Clip]) -> None:
        asked = [i for clip in some for i in groups[clip]]
        answers.update(zip(asked, model.answer(model.watch(some), [examples[i] for i in asked]), strict=True))

    order = list(groups)
    for start in range(0, len(order), clips):
        together = order[start : start + clips]
        try:
            ask(together)
        except LookhearError:  # a clip is unreadable, or lengths differ: one clip at a time
            for clip in together:
                try:
                    ask([clip])
                except LookhearError as error:
                    failed.append(error)
                    answers |= {i: Answer(notes=(UNANSWERED + str(error),)) for i in groups[clip]}
        if progress:
            progress(len(answers), len(examples))
    if failed and len(failed) == len(groups):
        raise failed[0]
    found = [answers[i] for i in range(len(examples))]
    lost = no_reply(examples, found)
    if lost and len(lost) == len(examples):
        raise ModelError(f"None of the {len(examples)} questions was answered. The first: {next(iter(lost.values()))}")
    return found


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
