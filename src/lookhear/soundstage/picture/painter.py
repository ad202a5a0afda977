"""Render the picture of a scene: the stage and the players, with exact instance masks.

Players stand at their `x` across the picture and are moved inwards only where they would be cut off. The back row
stands higher, is drawn first and may be partly occluded. A player with the instrument is one sprite per pose; sprites
are cached while in use. A frame is the stage with one sprite pasted per player, so frames are cheap and masks exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from PIL import Image

from lookhear.soundstage.picture.motion import STEPS, pose, strokes
from lookhear.soundstage.picture.sprites import LEFT, TOP, Figure, Pen
from lookhear.soundstage.picture.sprites_strings import STRINGS
from lookhear.soundstage.picture.sprites_struck import STRUCK
from lookhear.soundstage.picture.sprites_winds import WINDS
from lookhear.soundstage.picture.stage import stage, tint
from lookhear.soundstage.scene.scene import Look, Scene

DRAWINGS = {draw.__name__: draw for draw in (*STRINGS, *WINDS, *STRUCK)}
HEIGHTS = (0.74, 0.74, 0.65, 0.54, 0.45, 0.42, 0.4, 0.38, 0.37, 0.36, 0.35)  # figure height by visible players
FRONT, BACK, SMALLER = 0.95, 0.82, 0.88  # ground line of the two rows, and scale of the back row
WIDE = 0.38  # smallest half width of a figure, as a fraction of its height

Box = tuple[float, float, float, float]


def frames(
    scene: Scene, size: int = 128, fps: float = 8, crowd: int = 0, without: tuple[int, ...] = ()
) -> Iterator[np.ndarray]:
    """The scene's frames in order, uint8 (size, size, 3); frame k shows the scene at k / fps seconds.

    Figures are drawn as tall as for `crowd` players on stage; 0 means the actual number. `without` holds indices of
    players that are not drawn; the rest of the picture stays as it is.
    """
    plan, poses, picture = [p for p in _plan(scene, size, crowd) if p.index not in without], None, None
    for k in range(round(scene.seconds * fps)):
        now = [pose(scene.players[place.index], place.moves, k / fps) for place in plan]
        if now != poses or picture is None:  # if nobody moved, the previous frame is used again
            image = stage(scene.indoor, scene.light, scene.seed % 3, size).copy()
            for _, drawing, at in _sprites(scene, plan, k / fps):
                image.paste(drawing, at, drawing)
            poses, picture = now, np.asarray(image)
        yield picture


def masks(scene: Scene, time: float, size: int = 128, occluded: bool = True) -> np.ndarray:
    """Instance masks at a time: bool (player, size, size) in the order of `scene.players`.

    A player and the instrument form one mask. With `occluded`, a pixel belongs to the front-most player only; without
    it, to every player that covers it. Masks of players off stage are empty.
    """
    out = np.zeros((len(scene.players), size, size), bool)
    for index, drawing, (x, y) in _sprites(scene, _plan(scene, size), time):
        solid = np.asarray(drawing.getchannel("A")) > 127
        left, top = max(0, x), max(0, y)
        part = solid[top - y : size - y, left - x : size - x]
        window = (slice(top, top + part.shape[0]), slice(left, left + part.shape[1]))
        if occluded:
            out[:, *window] &= ~part
        out[index][window] |= part
    return out


def boxes(scene: Scene, time: float, size: int = 128, occluded: bool = True) -> tuple[Box | None, ...]:
    """Bounding box of each player's mask, (left, top, right, bottom) in 0..1; None for an invisible player."""
    out: list[Box | None] = []
    for mask in masks(scene, time, size, occluded):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            out.append((float(left / size), float(top / size), float(right / size), float(bottom / size)))
        else:
            out.append(None)
    return tuple(out)


class _Place:
    """Placement of one player in the picture: index, height in pixels, corner of the sprite, strokes."""

    def __init__(self, scene: Scene, index: int, size: int, moves: tuple[float, ...], crowd: int):
        player = scene.players[index]
        back = player.look.depth > 0
        share = HEIGHTS[min(crowd, len(HEIGHTS) - 1)]
        self.height = max(12, round(size * share * player.look.scale * (SMALLER if back else 1.0)))
        reach = WIDE * self.height
        centre = min(max((player.x or 0.0) * size, reach), size - reach)
        ground = size * (BACK if back else FRONT)
        self.corner = round(centre + LEFT * self.height), round(ground + (TOP - 1) * self.height)
        self.index, self.moves = index, moves


def _plan(scene: Scene, size: int, crowd: int = 0) -> list[_Place]:
    """Placements of the visible players in drawing order: the back row first, within a row the taller players first."""
    moves, crowd = strokes(scene), crowd or len(scene.visible)
    places = [_Place(scene, i, size, moves[i], crowd) for i, p in enumerate(scene.players) if p.x is not None]
    return sorted(places, key=lambda p: (-min(scene.players[p.index].look.depth, 1), -p.height, p.index))


def _sprites(scene: Scene, plan: list[_Place], time: float) -> Iterator[tuple[int, Image.Image, tuple[int, int]]]:
    for place in plan:
        player = scene.players[place.index]
        look = Look(player.look.skin, player.look.hair, player.look.clothes)
        light = tint(scene.indoor, scene.light)
        step = pose(player, place.moves, time)
        yield place.index, sprite(player.instrument, look, scene.mood, light, place.height, step), place.corner


@lru_cache(maxsize=256)
def sprite(
    instrument: str, look: Look, mood: str, light: tuple[float, float, float], height: int, step: int | None
) -> Image.Image:
    """The RGBA sprite of one player in one pose; the ground is at `1 - TOP` of its height below the top edge."""
    pen = Pen(height, light, 4 if height < 90 else 3)
    pen.shadow(0.3)
    DRAWINGS[instrument](Figure(pen, look, mood), None if step is None else step / STEPS)
    return pen.picture()
