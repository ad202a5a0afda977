"""Validation of a language model during training: mean loss by task, best step, early stopping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

import torch

from lookhear.train.lessons import Lesson


@dataclass
class Best:
    """The lowest mean loss so far; `stale` counts validations since."""

    loss: float = float("inf")
    step: int = 0
    stale: int = 0
    by_task: Mapping[str, float] = field(default_factory=dict)

    def better(self, step: int, by_task: Mapping[str, float]) -> bool:
        """Record a validation; True if its mean over tasks is the best so far."""
        loss = mean(by_task.values())
        if loss < self.loss:
            self.loss, self.step, self.stale, self.by_task = loss, step, 0, dict(by_task)
            return True
        self.stale += 1
        return False

    def state(self) -> dict[str, Any]:
        return {"loss": self.loss, "step": self.step, "stale": self.stale, "by_task": dict(self.by_task)}


@torch.no_grad()
def losses(
    lessons: Mapping[str, Sequence[Lesson]], loss: Callable[[Lesson], torch.Tensor | None], most: int = 0
) -> dict[str, float]:
    """Task -> mean loss over its clips (the first `most`, 0 for all); unreadable clips are skipped."""
    found = {}
    for task, some in lessons.items():
        told = [one for lesson in some[: most or None] if (one := loss(lesson)) is not None]
        if told:
            found[task] = float(torch.stack(told).mean())
    return found
