"""One-second stages: two or three players of eight instruments, one or two of them heard, and their masks.

A frame from the middle of the second, the second's sound, the mask of the players who sound and their names. Who moves
is drawn apart from who sounds, so the picture alone does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from random import Random

import numpy as np

from lookhear.soundstage.picture.painter import frames, masks
from lookhear.soundstage.scene.scene import MOODS, Look, Player, Scene
from lookhear.soundstage.scene.structure import LEVELS, LOOKS
from lookhear.soundstage.sound.mix import sound
from lookhear.types import Media

SIDE, RATE = 48, 16_000
KINDS = ("accordion", "cello", "drum", "guzheng", "piano", "saxophone", "tuba", "xylophone")


@dataclass(frozen=True)
class Shown:
    """A second of stage: what is decoded, who sounds and who is seen (from the left), masks (height, width)."""

    media: Media
    names: tuple[str, ...]
    seen: tuple[str, ...]
    sounding: np.ndarray
    everyone: np.ndarray
    players: tuple[np.ndarray, ...]


def scene(rng: Random) -> Scene:
    """A random stage of one second."""
    count = rng.choice((2, 3))
    heard = set(rng.sample(range(count), 2 if rng.random() < 0.25 else 1))
    players = []
    for place, kind in enumerate(rng.sample(KINDS, count)):
        look = Look(*(rng.randrange(LOOKS) for _ in range(3)), round(rng.uniform(0.85, 1.15), 2))
        x = 0.09 + 0.82 * (place + 0.5 + rng.uniform(-0.12, 0.12)) / count
        moves = ((0.0, 1.0),) if rng.random() < 0.5 else ()
        sounds = ((0.0, 1.0),) if place in heard else ()
        rate, register = rng.choice((2.0, 4.0)), rng.choice((-1, 0, 0, 1))
        players.append(Player(kind, round(x, 3), sounds, rng.choice(LEVELS), rate, register, moves, look))
    light = rng.random() < 0.5, rng.choice(MOODS), rng.randrange(LOOKS)
    return Scene("", rng.getrandbits(31), 1.0, tuple(players), *light)


def shown(stage: Scene) -> Shown:
    """The stage as it is seen and heard."""
    picture = next(islice(frames(stage, SIDE, 2), 1, None))
    each = masks(stage, 0.5, SIDE)
    heard = [i for i, p in enumerate(stage.players) if p.sounding]
    media = Media(picture[None], np.array([0.5]), sound(stage, RATE), RATE, 1.0)
    names = tuple(stage.players[i].instrument.replace("_", " ") for i in heard)
    seen = tuple(p.instrument.replace("_", " ") for p in stage.players)
    return Shown(media, names, seen, each[heard].any(0), each.any(0), tuple(each))


def drawn(seed: int) -> Shown:
    """The stage number `seed`."""
    return shown(scene(Random(f"crab masks {seed}")))
