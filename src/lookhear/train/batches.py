"""The clips and questions of a training step: drawn, decoded ahead, shared out over processes and parts.

A part without sound, say, would let its process pass by the audio tower, for which sharded processes (FSDP, DeepSpeed)
wait. So a clip that asks nothing, black and silent, stands in for what a part lacks.
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

AHEAD = 3  # steps whose clips are decoded in advance


@dataclass(frozen=True)
class Drawn:
    """One clip of a step with what is asked about it; `tokens` its targets have."""

    lesson: Lesson
    asks: list[Ask]
    masks: list[Truth]
    tokens: int


@dataclass(frozen=True)
class Part:
    """What a process reads at once; `share` is the weight of its mean loss in the step."""

    clips: list[Prepared]
    asks: list[list[Ask]]
    masks: list[list[Truth]]
    share: float

    @property
    def masked(self) -> bool:
        """Whether there is a mask to learn."""
        return any(one is not None for some in self.masks for one in some)


class Batches:
    """Steps one after the other."""

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
        """How many steps the recipe means."""
        if not settings.epochs:
            return settings.steps
        return math.ceil(settings.epochs * sum(self.sizes.values()) / settings.batch)

    def state(self) -> dict[str, Any]:
        """Where the next step is drawn from."""
        return self.queue[0][0] if self.queue else self.sampler.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.queue.clear()
        self.sampler.restore(state)

    def next(self, step: int) -> list[Drawn]:
        """The draws of step number `step`; those of the steps after it are decoded from now on."""
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
        """What this process reads of a step, one after the other."""
        total, count = sum(one.tokens for one in drawn), self.recipe.train.accumulate
        processes, me = self.engine.num_processes, self.engine.process_index
        every = [drawn[part * processes + me :: count * processes] for part in range(count)]
        return [self.part(mine, total / processes) for mine in every]

    def part(self, mine: Sequence[Drawn], total: float) -> Part:
        """Clips and questions of a part; blanks stand in for what it lacks."""
        read = [self.clips.get(one.lesson) for one in mine]
        kept = [(one, clip) for one, clip in zip(mine, read, strict=True) if clip is not None]
        clips = [clip for _, clip in kept]
        asks, masks = [one.asks for one, _ in kept], [one.masks for one, _ in kept]
        tokens = sum(one.tokens for one, _ in kept)
        there = {name for one in clips for name in one}
        for blank in self.blanks if self.engine.num_processes > 1 or not clips else ():
            if not set(blank) <= there:
                clips.append(blank)
                asks.append([] if tokens else [("", "nothing")])  # of weight 0: every loss needs a token
                masks.append([None] * len(asks[-1]))
        return Part(clips, asks, masks, tokens / total if total else 0.0)

    def tokens(self, target: str) -> Sequence[int]:
        """The target as tokens, with the one that ends it."""
        return self.llm.reply(target)

    def _lesson(self, one: tuple[str, int]) -> Lesson:
        return self.curriculum.lessons[one[0]][one[1]]

    def _mine(self, some: Sequence[Lesson]) -> Sequence[Lesson]:
        """The clips of a step that this process reads."""
        return some[self.engine.process_index :: self.engine.num_processes]

    def _blanks(self) -> list[Prepared]:
        """A blank video, and a blank still where the first clip of some task is one."""
        blanks = [lessons.blank(self.llm)]
        firsts = [self.clips.get(some[0]) for some in self.curriculum.lessons.values()]
        if any(one is not None and ("pixel_values" in one or "image" in one) for one in firsts):
            blanks.append(lessons.blank(self.llm, still=True))
        return blanks
