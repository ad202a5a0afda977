"""Random stages to learn from: drawn as the world draws them, with levels, rates, movements and crowds spread wider."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from lookhear.soundstage.scene.scene import Player, Scene
from lookhear.soundstage.scene.structure import Plan, draw

CROWDS = (0, *[1] * 8, *[2] * 11, *[3] * 12, *[4] * 12, *[5] * 3, *[6] * 3)  # players on stage


def scene(rng: Random, seconds: float, name: str = "", crowds: tuple[int, ...] = CROWDS) -> Scene:
    """One random scene; `crowds` are the numbers of players it is drawn from."""
    crowd = rng.choice(crowds)
    drawn = draw(rng, Plan(visible=(crowd,)), seconds, crowd, name)
    return replace(drawn, players=tuple(_spread(rng, p, seconds) for p in drawn.players))


def _spread(rng: Random, player: Player, seconds: float) -> Player:
    changes: dict = {}
    if rng.random() < 0.5:
        changes["level"] = round(rng.uniform(-7, 7), 1)
    if rng.random() < 0.5:
        changes["rate"] = round(2 ** rng.uniform(-0.5, 2.5), 2)
    if player.x is not None and rng.random() < 0.4:
        changes["miming"] = rng.choice([((0.0, seconds),), ((0.0, seconds / 2),), ((seconds / 2, seconds),), ()])
    return replace(player, **changes)


def share(spans: tuple[tuple[float, float], ...], start: float, end: float) -> float:
    """The part of `start` to `end` that `spans` cover."""
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in spans) / (end - start)
