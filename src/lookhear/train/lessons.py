"""Training data of a language model: for each task, clips with their prompts and targets.

    recipe.tasks ─▶ examples ─ by clip ─▶ Lesson(task, clip, ((prompt, target), …)) ─ decode, prepare, kept ─▶ tensors

Examples whose reference is insufficient for a target are left out and counted. Where a dataset has a closed list of
answers, the prompt of every second question lists them, as `lookhear evaluate` does; the others are as `lookhear ask`
asks them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import torch

from lookhear import config, datasets, tasks
from lookhear.errors import DatasetError
from lookhear.llms import LLM, Prepared
from lookhear.media.decode import decode
from lookhear.model.llm import paired_media
from lookhear.tasks import localisation
from lookhear.tasks.reading import boxes
from lookhear.types import Clip, Example, Media, Source

Ask = tuple[str, str]  # prompt, target
Truth = np.ndarray | None  # bool (224, 224), or the classes of AVSS as uint8
HALF = ("pixel_values", "pixel_values_videos")  # kept in half precision


@dataclass(frozen=True)
class Lesson:
    """A clip of a task with all its (prompt, target) pairs.

    In matching tasks `second` is the other candidate, and `way` the direction (a2v, v2a).
    """

    task: str
    clip: Clip
    asks: tuple[Ask, ...]
    second: Source | None = None
    way: str = ""
    masks: tuple[Truth, ...] = ()
    """target mask of each ask, for models with a mask decoder; None without a mask"""

    def some(self, rng: Random, most: int) -> tuple[list[Ask], list[Truth]]:
        """A random selection of at most `most` asks with their masks."""
        places = range(len(self.asks))
        chosen = list(places) if len(self.asks) <= most else rng.sample(places, most)
        return [self.asks[k] for k in chosen], [self.masks[k] if self.masks else None for k in chosen]


@dataclass(frozen=True)
class Curriculum:
    """Task -> its lessons; `notes` describe omitted examples."""

    lessons: Mapping[str, tuple[Lesson, ...]]
    notes: tuple[str, ...] = ()
    tasks: frozenset[str] = frozenset()
    """names in tasks/ whose prompts are used"""

    @property
    def digest(self) -> str:
        """Hash of all training data."""
        every = [one for some in self.lessons.values() for one in some]
        facts = [f"{one.task}\t{one.clip.id}\t{one.asks}\n" for one in every]
        facts += [hashlib.sha256(m.tobytes()).hexdigest() for one in every for m in one.masks if m is not None]
        return hashlib.sha256("".join(facts).encode()).hexdigest()


def read(recipe: config.LLMRecipe, drawn: str = "", validating: bool = False) -> Curriculum:
    """Read the lessons of a recipe. Raises DatasetError for a task without any.

    `drawn` is the text by which a model with a mask decoder requests a mask; it is appended to targets with a mask.
    With `validating`, the `val` splits of the tasks are read.
    """
    lessons, notes, kinds = {}, [], set[str]()
    for name, wanted in recipe.tasks.items():
        if validating and not wanted.val:
            continue
        split, limit = (wanted.val, wanted.val_limit) if validating else (wanted.split, wanted.limit)
        dataset, root = datasets.of(wanted.dataset), wanted.root or recipe.root
        answers = dataset.answers(root)
        examples = [dataset.with_mask(e) for e in datasets.load(wanted.dataset, root, split)]
        examples = [dataset.with_answers(e, answers if i % 2 else ()) for i, e in enumerate(examples)]
        kinds |= {e.task for e in examples}
        lessons[name], lost = _of_task(name, examples, recipe.explain, limit, drawn)
        if not lessons[name]:
            raise DatasetError(
                f"Task {name!r}: none of the {len(examples)} examples of {wanted.dataset!r} has a target to learn."
            )
        notes += [f"{name}: {count} examples are left out: {why}" for why, count in lost.most_common()]
    return Curriculum(lessons, tuple(notes), frozenset(kinds))


def _of_task(
    name: str, examples: Sequence[Example], explain: bool, limit: int, drawn: str
) -> tuple[tuple[Lesson, ...], Counter[str]]:
    kinds = {task: tasks.find(task) for task in {e.task for e in examples}}
    lost: Counter[str] = Counter()
    clips: dict[tuple[Any, ...], list[tuple[Ask, Truth]]] = {}
    for example in examples:
        task = kinds[example.task]
        try:
            prompt, target = task.prompt(example), task.target(example, explain)
        except DatasetError as error:
            lost[str(error).replace(repr(example.id), "…")] += 1
            continue
        second = example.meta.get("second")
        key = (example.clip, second, str(example.meta.get("form", "")) if second else "")
        if key in clips or not limit or len(clips) < limit:
            truth = truth_of(example) if drawn else None
            target = target if truth is None else f"{target} {drawn}"
            clips.setdefault(key, []).append(((prompt, target), truth))
    made = []
    for (clip, second, way), pairs in clips.items():
        asks, masks = zip(*pairs, strict=True)
        made.append(Lesson(name, clip, asks, second, way, masks if any(m is not None for m in masks) else ()))
    return tuple(made), lost


def truth_of(example: Example) -> Truth:
    """Target mask of an example at the coordinate size (224 x 224), or None."""
    regions = [r for r in (example.reference.regions if example.reference else ()) if r.mask is not None]
    if not any(np.asarray(r.mask).any() for r in regions):
        return None
    small = replace(example.truth, regions=tuple(replace(r, mask=boxes.resized(np.asarray(r.mask))) for r in regions))
    if example.meta.get("form") == "avss":
        return localisation.class_map(small, (boxes.SIZE, boxes.SIZE))
    return np.logical_or.reduce([r.mask for r in small.regions])


def prepared(llm: LLM, lesson: Lesson) -> Prepared:
    """The lesson's clip, decoded and preprocessed by the model. Raises MediaError."""
    media = decode(lesson.clip, llm.sampling)
    if lesson.second is None:
        return half_precision(llm.prepare(media))
    start, end = lesson.clip.start, lesson.clip.end
    video, audio = (lesson.second, None) if lesson.way == "a2v" else (None, lesson.second)
    both = paired_media(media, decode(Clip(video, audio, start, end), llm.sampling), lesson.way)
    return half_precision(llm.prepare(both, pair=lesson.way))


def half_precision(prepared: Prepared) -> Prepared:
    """Convert pictures to half precision, whether cached or not, so that caching does not change results."""
    return {
        name: value.half() if name in HALF and torch.is_tensor(value) else value for name, value in prepared.items()
    }


def size(prepared: Prepared) -> int:
    """Size of the tensors in bytes."""
    return sum(value.nbytes for value in prepared.values() if torch.is_tensor(value))


def blank(llm: LLM, still: bool = False) -> Prepared:
    """A second of black and silence, which passes through all towers of the model."""
    sampling = llm.sampling
    height, width = sampling.size or (224, 224)
    count = 1 if still else 2
    frames = np.zeros((count, height, width, 3), np.uint8)
    sound = np.zeros(sampling.sample_rate, np.float32)
    return half_precision(llm.prepare(Media(frames, np.arange(count) / count, sound, sampling.sample_rate, 1.0)))
