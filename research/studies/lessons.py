"""What the studies teach and ask: seven tasks of a Soundstage, a few hundred examples each, and what guessing gives."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from lookhear import datasets, tasks
from lookhear.evaluate import floors
from lookhear.types import Answer, Example, Region, Segment

SETS = {  # task -> the part of a Soundstage that asks it, and the metric that stands for it
    "action": ("soundstage@action", "accuracy"),
    "emotion": ("soundstage@emotion", "war"),
    "matching": ("soundstage@matching", "accuracy"),
    "event": ("soundstage@event", "accuracy"),
    "referring": ("soundstage@referring", "iou"),
    "caption": ("soundstage@caption", "rouge_l"),
    "question": ("soundstage@reasoning", "accuracy"),
}
TRAIN = {  # examples to learn from: more where the base knows nothing
    "action": 150, "emotion": 300, "matching": 500, "event": 150, "referring": 500, "caption": 150, "question": 150,
}  # fmt: skip
BARE = ("caption",)  # has no reasons: alone it is the same with them as without
SEVERAL = {"question": 1, "referring": 2}  # at most so many of a clip are taken
find = lru_cache(tasks.find)


@dataclass(frozen=True)
class Lesson:
    """One task's examples: to learn from and to be asked."""

    name: str
    metric: str
    train: tuple[Example, ...]
    test: tuple[Example, ...]


def lessons(
    root: Path, share: float, test: int, split: str = "test", names: Sequence[str] = tuple(SETS)
) -> dict[str, Lesson]:
    """Task -> its lesson: a `share` of TRAIN to learn from and `test` examples of `split`, of the first clips.

    So tasks share clips, and a clip that is asked many tasks is read once.
    """
    found = {}
    for name in names:
        where, metric = SETS[name]
        vocabulary = getattr(datasets.find(where)[0], "VOCABULARY", ())
        sides = []
        for part, count in (("train", round(share * TRAIN[name])), (split, test)):
            some = datasets.load(where, root, part)
            if name in SEVERAL:
                some = first(some, SEVERAL[name])
            some = some[:count]
            if name == "question":
                some = [replace(e, meta={**e.meta, "labels": vocabulary}) for e in some]
            sides.append(tuple(some))
        found[name] = Lesson(name, metric, *sides)
    return found


def first(examples: Sequence[Example], most: int) -> list[Example]:
    """The examples in their order of clips, at most `most` of each, spread over what is asked of it."""
    by_clip: dict[str, list[Example]] = {}
    for example in examples:
        by_clip.setdefault(example.clip.id, []).append(example)
    return [
        one[(number + k * len(one) // min(most, len(one))) % len(one)]
        for number, one in enumerate(by_clip.values())
        for k in range(min(most, len(one)))
    ]


def pair(example: Example, explain: bool) -> tuple[str, str]:
    """The prompt and the reply to learn, with the reasoning or without."""
    task = find(example.task)
    return task.prompt(example), task.target(example, explain)


def guesses(lesson: Lesson) -> list[Answer]:
    """The best answer to each test example that needs neither eyes nor ears: what training says most often.

    A commonest class; of questions the commonest to their template; of events the commonest with the middle of all
    ranges; of boxes the middle of all edges; of captions that of a training clip, the middle one by length.
    """
    train = [e.reference for e in lesson.train]
    if lesson.name == "question":
        return floors.most_frequent(lesson.train, lesson.test)
    if lesson.name == "caption":
        words = sorted(train, key=lambda a: len(a.text))
        return [words[len(words) // 2]] * len(lesson.test)
    text = Counter(a.text for a in train).most_common(1)[0][0]
    if lesson.name == "event":
        start, end = (
            statistics.median(getattr(s, edge) for a in train for s in a.segments) for edge in ("start", "end")
        )
        return [Answer(text, segments=(Segment(text, start, end),))] * len(lesson.test)
    if lesson.name == "referring":
        boxes = [r.box for a in train for r in a.regions if r.box and r.box[:2] != r.box[2:]]
        middle = tuple(statistics.median(box[edge] for box in boxes) for edge in range(4))
        return [Answer(text, regions=(Region(text, middle),))] * len(lesson.test)
    return [Answer(text)] * len(lesson.test)
