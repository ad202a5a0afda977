"""Motion of players: the pose of a player at a given time, from its notes or from an independent rhythm.

A player moves only during `miming`. If it also sounds then, every stroke begins at a note onset; otherwise strokes
follow an independent rhythm at the player's rate. A visible movement therefore does not imply a sound.
"""

from __future__ import annotations

import bisect

import numpy as np

from lookhear.soundstage.scene.scene import Player, Scene
from lookhear.soundstage.sound.melody import Note, grid, notes

BOWED = ("violin", "cello", "erhu", "accordion")  # each stroke moves the hand to the other end
STEPS = 4  # poses on either side of the middle pose


def strokes(scene: Scene) -> tuple[tuple[float, ...], ...]:
    """Onsets of each player's playing movements in seconds, in the order of `scene.players`."""
    return tuple(_strokes(scene, i, melody) for i, melody in enumerate(notes(scene)))


def _strokes(scene: Scene, index: int, melody: tuple[Note, ...]) -> tuple[float, ...]:
    player, rng = scene.players[index], np.random.default_rng([scene.seed, 2, index])
    out = [n.onset for n in melody if any(a <= n.onset < b for a, b in player.miming)]
    for start, end in _minus(player.miming, player.sounding):
        out += grid(rng, start, end, player.rate, 0.15).tolist()
    return tuple(sorted(out))


def _minus(spans: tuple[tuple[float, float], ...], holes: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """The parts of `spans` that lie outside all `holes`."""
    left = list(spans)
    for start, end in holes:
        left = [(a, b) for s, e in left for a, b in ((s, min(e, start)), (max(s, end), e)) if b - a > 1e-6]
    return left


def pose(player: Player, times: tuple[float, ...], time: float) -> int | None:
    """The pose at a time, an integer in -STEPS..STEPS, or None outside `miming`; `times` are the player's strokes.

    Most of a movement happens at its stroke and the rest slowly afterwards. At any usual frame rate, the frame with the
    largest change is therefore the first frame after the note onset.
    """
    if not any(a <= time < b for a, b in player.miming):
        return None
    k = bisect.bisect_right(times, time + 1e-9) - 1
    if k < 0:
        return 0
    side, since = (1 if k % 2 else -1), time - times[k]
    if player.instrument in BOWED:
        return round(STEPS * side * (0.4 + 0.6 * min(1.0, since / 0.4)))
    return round(STEPS * side * max(0.0, min(1.0, 1.25 - since / 0.5)))
