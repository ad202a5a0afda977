"""Learning rate schedules of nets: a factor for every step."""

from __future__ import annotations

import math
from collections.abc import Callable

from lookhear.catalog import unknown
from lookhear.config import Train, Tuning
from lookhear.errors import RecipeError


def factor(settings: Train, steps_per_epoch: int) -> Callable[[int], float]:
    """Factor of the recipe's `lr` as a function of the step (from 0). Raises RecipeError for an unknown schedule."""
    shapes = {"cosine": _cosine, "step": _step, "constant": lambda *_: 1.0}
    if settings.schedule not in shapes:
        raise RecipeError(unknown("schedule", settings.schedule, shapes))
    shape = shapes[settings.schedule]
    total = settings.epochs * steps_per_epoch
    return lambda step: shape(step, total, settings, steps_per_epoch)


def _cosine(step: int, total: int, settings: Train, steps_per_epoch: int) -> float:
    """Linear warm-up over `warmup` steps, then cosine decay to zero."""
    warmup = min(settings.warmup, total // 2)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))


def _step(step: int, total: int, settings: Train, steps_per_epoch: int) -> float:
    """Step decay: multiply by `step_factor` every `step_epochs` epochs, as in the official training code."""
    return settings.step_factor ** (step // steps_per_epoch // settings.step_epochs)


def warmed(settings: Tuning) -> Callable[[int], float]:
    """Step (from 0) -> factor of a language model's `lr`.

    Linear warm-up over a fraction of the steps, then a cosine decay to zero, or constant.
    """
    warm = math.ceil(settings.warmup * settings.steps)

    def at(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        if settings.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, settings.steps - warm))))

    return at
