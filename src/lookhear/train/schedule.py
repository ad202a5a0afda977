"""How the learning rate moves: a factor for every step, fixed by how many steps there will be."""

from __future__ import annotations

import math
from collections.abc import Callable

from lookhear.catalog import unknown
from lookhear.config import Train, Tuning
from lookhear.errors import RecipeError


def factor(settings: Train, steps_per_epoch: int) -> Callable[[int], float]:
    """Step (from 0) -> what the recipe's `lr` is multiplied by. Raises RecipeError for an unknown schedule."""
    shapes = {"cosine": _cosine, "step": _step, "constant": lambda *_: 1.0}
    if settings.schedule not in shapes:
        raise RecipeError(unknown("schedule", settings.schedule, shapes))
    shape = shapes[settings.schedule]
    total = settings.epochs * steps_per_epoch
    return lambda step: shape(step, total, settings, steps_per_epoch)


def _cosine(step: int, total: int, settings: Train, steps_per_epoch: int) -> float:
    """Up in a straight line over `warmup` steps, then down to zero as half a cosine."""
    warmup = min(settings.warmup, total // 2)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))


def _step(step: int, total: int, settings: Train, steps_per_epoch: int) -> float:
    """`step_factor` times as much every `step_epochs` epochs, as the field's networks are trained."""
    return settings.step_factor ** (step // steps_per_epoch // settings.step_epochs)


def warmed(settings: Tuning) -> Callable[[int], float]:
    """Step (from 0) -> what a language model's `lr` is multiplied by: up in a straight line over a part of the steps,
    then half a cosine to zero, or constant."""
    warm = math.ceil(settings.warmup * settings.steps)

    def at(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        if settings.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, settings.steps - warm))))

    return at
