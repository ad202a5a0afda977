"""What a language model learns from: tasks as clips with the prompts and targets that are asked about them.

    recipe.tasks ─▶ examples ─ by clip ─▶ Lesson(task, clip, ((prompt, target), …)) ─ decode, prepare, kept ─▶ tensors

An example without a target, for its reference does not say enough, is left out and counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch

from lookhear import config, datasets, tasks
from lookhear.errors import DatasetError, MediaError
from lookhear.llms import LLM, Prepared
from lookhear.media.decode import decode
from lookhear.model.llm import paired_media
from lookhear.types import Clip, Example, Media, Source

Ask = tuple[str, str]  # prompt, target
KEPT = 3e9  # bytes of prepared clips that are kept in memory
HALF = ("pixel_values", "pixel_values_videos")  # kept in half precision


@dataclass(frozen=True)
class Lesson:
    """A clip of a task with everything that is asked about it; `second` is what it is compared with, `way` how."""

    task: str
    clip: Clip
    asks: tuple[Ask, ...]
    second: Source | None = None
    way: str = ""

    def some(self, rng: Random, most: int) -> list[Ask]:
        """At most so many of its questions, drawn anew each time."""
        return list(self.asks) if len(self.asks) <= most else rng.sample(list(self.asks), most)


@dataclass(frozen=True)
class Curriculum:
    """Task -> its lessons; `notes` say what was left out."""

    lessons: Mapping[str, tuple[Lesson, ...]]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Changes when anything does that is learned from."""
        facts = (f"{one.task}\t{one.clip.id}\t{one.asks}\n" for some in self.lessons.values() for one in some)
        return hashlib.sha256("".join(facts).encode()).hexdigest()


def read(recipe: config.LLMRecipe) -> Curriculum:
    """The lessons a recipe names. Raises DatasetError where a task has none."""
    lessons, notes = {}, []
    for name, wanted in recipe.tasks.items():
        examples = datasets.load(wanted.dataset, wanted.root or recipe.root, wanted.split)
        lessons[name], lost = _of_task(name, examples, recipe.explain, wanted.limit)
        if not lessons[name]:
            raise DatasetError(
                f"Task {name!r}: none of the {len(examples)} examples of {wanted.dataset!r} has a target to learn."
            )
        notes += [f"{name}: {count} examples are left out: {why}" for why, count in lost.most_common()]
    return Curriculum(lessons, tuple(notes))


def _of_task(
    name: str, examples: Sequence[Example], explain: bool, limit: int
) -> tuple[tuple[Lesson, ...], Counter[str]]:
    kinds = {task: tasks.find(task) for task in {e.task for e in examples}}
    lost: Counter[str] = Counter()
    found: dict[tuple[Any, ...], list[Ask]] = {}
    for example in examples:
        task = kinds[example.task]
        try:
            ask = task.prompt(example), task.target(example, explain)
        except DatasetError as error:
            lost[str(error).replace(repr(example.id), "…")] += 1
            continue
        second = example.meta.get("second")
        key = (example.clip, second, str(example.meta.get("form", "")) if second else "")
        if key in found or not limit or len(found) < limit:
            found.setdefault(key, []).append(ask)
    return tuple(Lesson(name, clip, tuple(asks), second, way) for (clip, second, way), asks in found.items()), lost


class Clips:
    """Clips as a model reads them, kept in memory as far as that reaches; those that cannot be read are counted."""

    def __init__(self, llm: LLM, most: float = KEPT):
        self.llm, self.most = llm, most
        self.kept: OrderedDict[Any, Prepared] = OrderedDict()
        self.bytes = 0
        self.failed: dict[str, str] = {}

    def get(self, lesson: Lesson) -> Prepared | None:
        """The lesson's clip prepared, or None where it cannot be read."""
        key = lesson.clip, lesson.second, lesson.way
        if key not in self.kept:
            if lesson.clip.id in self.failed:
                return None
            try:
                made = self._made(lesson)
            except MediaError as error:
                self.failed[lesson.clip.id] = str(error)
                return None
            self.kept[key] = made
            self.bytes += size(made)
            while self.bytes > self.most and len(self.kept) > 1:
                self.bytes -= size(self.kept.popitem(last=False)[1])
        return self.kept[key]

    def _made(self, lesson: Lesson) -> Prepared:
        media = decode(lesson.clip, self.llm.sampling)
        if lesson.second is None:
            return lean(self.llm.prepare(media))
        start, end = lesson.clip.start, lesson.clip.end
        other = (lesson.second, None) if lesson.way == "a2v" else (None, lesson.second)
        both = paired_media(media, decode(Clip(*other, start, end), self.llm.sampling), lesson.way)
        told = {"pair": lesson.way} if getattr(self.llm, "compares", False) else {}
        return lean(self.llm.prepare(both, **told))


def lean(prepared: Prepared) -> Prepared:
    """The same with pictures in half precision, whether they are kept or not, so that it makes no difference."""
    return {
        name: value.half() if name in HALF and torch.is_tensor(value) else value for name, value in prepared.items()
    }


def size(prepared: Prepared) -> int:
    """Bytes of its tensors."""
    return sum(value.nbytes for value in prepared.values() if torch.is_tensor(value))


def blank(llm: LLM, still: bool = False) -> Prepared:
    """A second of black and silence: reading it takes a model through everything it sees and hears with."""
    sampling = llm.sampling
    height, width = sampling.size or (224, 224)
    count = 1 if still else 2
    frames = np.zeros((count, height, width, 3), np.uint8)
    sound = np.zeros(sampling.sample_rate, np.float32)
    return lean(llm.prepare(Media(frames, np.arange(count) / count, sound, sampling.sample_rate, 1.0)))
