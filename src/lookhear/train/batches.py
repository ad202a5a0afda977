"""Batches of language model training: sample clips and questions, prefetch, and split over processes and parts.

With sharded processes (FSDP, DeepSpeed) every process must run the same modules in every step; a part without sound
would skip the audio tower and block the others. A part that lacks a modality therefore gets a black and silent clip
without questions.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from accelerate import Accelerator

from lookhear import config
from lookhear.llms import Prepared, Trainable
from lookhear.train import lessons
from lookhear.train.lessons import Ask, Curriculum, Lesson, Truth
from lookhear.train.prepared import Clips
from lookhear.train.sampler import Sampler

AHEAD = 3  # number of steps whose clips are prefetched


@dataclass(frozen=True)
class Drawn:
    """One clip of a step with its questions, masks, and number of target tokens."""

    lesson: Lesson
    asks: list[Ask]
    masks: list[Truth]
    tokens: int


@dataclass(frozen=True)
class Part:
    """The clips of one forward pass of a process; `share` is the weight of its mean loss in the step."""

    clips: list[Prepared]
    asks: list[list[Ask]]
    masks: list[list[Truth]]
    share: float

    @property
    def masked(self) -> bool:
        """Whether any question has a target mask."""
        return any(one is not None for some in self.masks for one in some)


class Batches:
    """Iterator over the batches of a run."""

    def __init__(
        self, llm: Trainable, curriculum: Curriculum, recipe: config.LLMRecipe, clips: Clips, engine: Accelerator
    ):
        self.llm, self.curriculum, self.recipe, self.clips, self.engine = llm, curriculum, recipe, clips, engine
        self.sizes = {task: len(some) for task, some in curriculum.lessons.items()}
        weights = {task: wanted.weight for task, wanted in recipe.tasks.items()}
        self.sampler = Sampler(
            self.sizes, recipe.train.batch, recipe.mix, recipe.temperature, weights, seed=recipe.seed
        )
        self.queue: deque[tuple[dict[str, Any], list[tuple[str, int]]]] = deque()
        self.blanks = self._blanks()

    def steps(self, settings: config.Tuning) -> int:
        """Number of steps of the run."""
        if not settings.epochs:
            return settings.steps
        return math.ceil(settings.epochs * sum(self.sizes.values()) / settings.batch)

    def state(self) -> dict[str, Any]:
        """State of the sampler before the next step."""
        return self.queue[0][0] if self.queue else self.sampler.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Restore the sampler's `state`."""
        self.queue.clear()
        self.sampler.restore(state)

    def next(self, step: int) -> list[Drawn]:
        """The clips of step number `step`; starts prefetching the following steps."""
        while len(self.queue) <= (AHEAD if self.clips.pool else 0):
            self.queue.append((self.sampler.state(), self.sampler.next()))
            self.clips.ahead(self._mine([self._lesson(one) for one in self.queue[-1][1]]))
        drawn = []
        for k, one in enumerate(self.queue.popleft()[1]):
            lesson = self._lesson(one)
            asks, masks = lesson.some(Random(f"{self.recipe.seed} {step} {k}"), self.recipe.train.asks)
            drawn.append(Drawn(lesson, asks, masks, sum(len(self.tokens(target)) for _, target in asks)))
        return drawn

    def parts(self, drawn: Sequence[Drawn]) -> list[Part]:
        """The parts of a step for this process."""
        total, count = sum(one.tokens for one in drawn), self.recipe.train.accumulate
        processes, me = self.engine.num_processes, self.engine.process_index
        every = [drawn[part * processes + me :: count * processes] for part in range(count)]
        return [self.part(mine, total / processes) for mine in every]

    def part(self, mine: Sequence[Drawn], total: float) -> Part:
        """Clips and questions of a part, with blank clips for missing modalities."""
        read = [self.clips.get(one.lesson) for one in mine]
        kept = [(one, clip) for one, clip in zip(mine, read, strict=True) if clip is not None]
        clips = [clip for _, clip in kept]
        asks, masks = [one.asks for one, _ in kept], [one.masks for one, _ in kept]
        tokens = sum(one.tokens for one, _ in kept)
        there = {name for one in clips for name in one}
        for blank in self.blanks if self.engine.num_processes > 1 or not clips else ():
            if not set(blank) <= there:
                clips.append(blank)
                asks.append([] if tokens else [("", "nothing")])  # weight 0; a loss needs at least one token
                masks.append([None] * len(asks[-1]))
        return Part(clips, asks, masks, tokens / total if total else 0.0)

    def tokens(self, target: str) -> Sequence[int]:
        """Token ids of the target, with the end token."""
        return self.llm.reply(target)

    def _lesson(self, one: tuple[str, int]) -> Lesson:
        return self.curriculum.lessons[one[0]][one[1]]

    def _mine(self, some: Sequence[Lesson]) -> Sequence[Lesson]:
        """This process's share of the clips of a step."""
        return some[self.engine.process_index :: self.engine.num_processes]

    def _blanks(self) -> list[Prepared]:
        """A blank video, and a blank image if the first clip of a task is one."""
        blanks = [lessons.blank(self.llm)]
        firsts = [self.clips.get(some[0]) for some in self.curriculum.lessons.values()]
        if any(one is not None and ("pixel_values" in one or "image" in one) for one in firsts):
            blanks.append(lessons.blank(self.llm, still=True))
        return blanks
