"""Drawing of one musician: a pen with a movable coordinate frame, and the person who holds the instrument.

Figure coordinates: x from -0.6 (the viewer's left) to 0.6, y from 0 (top of the head) down to 1 (the ground). A pose is
a number from -1 to 1 (the two ends of a playing movement), or None for a player who makes no playing movements.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw

from lookhear.soundstage.scene.scene import Look

Point = tuple[float, float]
Colour = tuple[int, int, int]
LEFT, RIGHT, TOP, BOTTOM = -0.6, 0.6, -0.08, 1.04  # extent of a sprite in figure coordinates
INK: Colour = (40, 30, 44)
GOLD: Colour = (240, 190, 60)
SILVER: Colour = (214, 220, 230)
SKINS = ((255, 222, 196), (240, 194, 150), (208, 150, 104), (158, 104, 68), (104, 66, 46))
HAIRS = ((44, 32, 32), (96, 60, 36), (214, 170, 84), (168, 72, 40), (150, 150, 158), (24, 24, 34))
CLOTHES = (
    *((64, 96, 168), (176, 56, 64), (58, 130, 96), (236, 228, 214), (110, 76, 150), (52, 56, 72)),
    *((222, 138, 60), (92, 168, 190)),
)
TROUSERS = ((48, 52, 70), (72, 60, 56), (96, 100, 116))
WAIST: Point = (0.0, 0.68)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour darkened by a factor."""
    r, g, b = colour
    return int(r * factor), int(g * factor), int(b * factor)


class Pen:
    """Draws filled shapes in figure coordinates onto a canvas that is `sharp` times larger than the result."""

    def __init__(self, height: int, tint: tuple[float, float, float], sharp: int):
        self.unit, self.sharp, self.tint = height * sharp, sharp, tint
        size = (math.ceil(height * (RIGHT - LEFT)) * sharp, math.ceil(height * (BOTTOM - TOP)) * sharp)
        self.image = Image.new("RGBA", size, (*INK, 0))
        self.draw = ImageDraw.Draw(self.image)
        self.frame = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)  # x' = a x + b y + e, y' = c x + d y + f

    @contextmanager
    def at(self, x: float, y: float, degrees: float = 0.0, scale: float = 1.0) -> Iterator[None]:
        """Context in which (0, 0) is this point and the axes are turned clockwise and scaled."""
        old = a, b, c, d, e, f = self.frame
        k, s = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
        self.frame = (a * k + b * s, b * k - a * s, c * k + d * s, d * k - c * s, a * x + b * y + e, c * x + d * y + f)
        yield
        self.frame = old

    @contextmanager
    def turned(self, centre: Point, degrees: float) -> Iterator[None]:
        """Context in which everything is turned clockwise about a point."""
        with self.at(*centre, degrees), self.at(-centre[0], -centre[1]):
            yield

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        a, b, c, d, e, f = self.frame
        u = self.unit
        return [((a * x + b * y + e - LEFT) * u, (c * x + d * y + f - TOP) * u) for x, y in points]

    def _wide(self, width: float) -> int:
        a, _, c, _, _, _ = self.frame
        return max(1, round(width * self.unit * math.hypot(a, c)))

    def _ink(self, colour: Colour, alpha: int = 255) -> tuple[int, int, int, int]:
        r, g, b = (min(255, int(v * t)) for v, t in zip(colour, self.tint, strict=True))
        return r, g, b, alpha

    def shape(self, points: Sequence[Point], fill: Colour, edge: Colour | None = INK, width: float = 0.011) -> None:
        """Draw a filled polygon with an outline."""
        at = self._pixels(points)
        self.draw.polygon(at, self._ink(fill))
        if edge is not None:
            self.draw.line([*at, at[0], at[1]], self._ink(edge), self._wide(width), "curve")

    def oval(
        self, x: float, y: float, rx: float, ry: float, fill: Colour, edge: Colour | None = INK, width: float = 0.011
    ) -> None:
        """Draw a filled ellipse."""
        self.shape([(x + rx * c, y + ry * s) for c, s in CIRCLE], fill, edge, width)

    def line(self, points: Sequence[Point], width: float, fill: Colour, edge: Colour | None = None) -> None:
        """Draw a thick line with round ends, outlined if an edge colour is given."""
        at = self._pixels(points)
        for colour, wide in ((edge, self._wide(width + 0.02)), (fill, self._wide(width))):
            if colour is None:
                continue
            ink, r = self._ink(colour), wide / 2
            self.draw.line(at, ink, wide, "curve")
            if wide > 2:
                for x, y in (at[0], at[-1]):
                    self.draw.ellipse((x - r, y - r, x + r, y + r), ink)

    def shadow(self, rx: float) -> None:
        """Draw a faint shadow on the ground; it is too faint to count as part of the player's mask."""
        (x0, y0), (x1, y1) = self._pixels([(-rx, 0.955), (rx, 1.02)])
        self.draw.ellipse((x0, y0, x1, y1), (*INK, 90))

    def picture(self) -> Image.Image:
        """The drawing, reduced to its final size."""
        return self.image.reduce(self.sharp)


CIRCLE = [(math.cos(i * math.pi / 10), math.sin(i * math.pi / 10)) for i in range(20)]


@lru_cache(maxsize=512)
def curve(points: tuple[Point, ...], steps: int = 12) -> tuple[Point, ...]:
    """A smooth Bezier curve from the first to the last point; the points between are control points."""
    out = []
    for k in range(steps + 1):
        t, level = k / steps, list(points)
        while len(level) > 1:
            level = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(level)]
        out.append(level[0])
    return tuple(out)


@lru_cache(maxsize=64)
def rounded(points: tuple[Point, ...], rounds: int = 2) -> tuple[Point, ...]:
    """A closed outline with rounded corners (Chaikin's corner cutting, repeated `rounds` times)."""
    for _ in range(rounds):
        ring = [*points, points[0]]
        points = tuple(
            (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in pairwise(ring) for t in (0.25, 0.75)
        )
    return points


def mirrored(right: list[Point]) -> tuple[Point, ...]:
    """A smooth symmetric outline from its right half, which begins and ends on the axis."""
    return rounded((*right, *[(-x, y) for x, y in reversed(right[1:-1])]))


class Figure:
    """A person drawn with a pen: first the body, then the instrument, then the arms."""

    def __init__(self, pen: Pen, look: Look, mood: str):
        self.pen, self.mood = pen, mood
        self.skin = SKINS[look.skin % len(SKINS)]
        self.hair, self.style = HAIRS[(look.hair * 5 + look.skin) % len(HAIRS)], look.hair % 4
        self.shirt = CLOTHES[look.clothes % len(CLOTHES)]
        self.legs = TROUSERS[(look.clothes + look.hair) % len(TROUSERS)]
        self.sleeve = shade(self.shirt, 0.86)

    def lower(self, seated: bool = False) -> None:
        """Draw legs and shoes, and a stool for a seated player."""
        pen = self.pen
        if seated:
            pen.line([(-0.1, 0.75), (-0.12, 0.96)], 0.03, (120, 84, 56), INK)
            pen.line([(0.1, 0.75), (0.12, 0.96)], 0.03, (120, 84, 56), INK)
            pen.line([(-0.11, 0.735), (0.11, 0.735)], 0.045, (150, 106, 70), INK)
        for side in (-1, 1):
            knee = (0.17, 0.75) if seated else (0.075, 0.82)
            path = [(0.065 * side, 0.69), (knee[0] * side, knee[1]), ((knee[0] + 0.01) * side, 0.95)]
            pen.line(path, 0.095, self.legs, INK)
            pen.line([(knee[0] * side, 0.975), ((knee[0] + 0.05) * side, 0.975)], 0.05, (34, 28, 32))

    def upper(self, puff: float = 0.0) -> None:
        """Draw trunk and head; `puff` in 0..1 blows up the cheeks."""
        pen = self.pen
        trunk = [(-0.06, 0.335), (0.06, 0.335), (0.14, 0.38), (0.125, 0.7), (-0.125, 0.7), (-0.14, 0.38)]
        pen.shape(trunk, self.shirt)
        if self.style in (2, 3):
            pen.oval(0, 0.2, 0.165, 0.165 if self.style == 2 else 0.15, self.hair)
            if self.style == 2:
                pen.line([(-0.13, 0.2), (-0.135, 0.36)], 0.07, self.hair)
                pen.line([(0.13, 0.2), (0.135, 0.36)], 0.07, self.hair)
        pen.shape([(-0.045, 0.3), (0.045, 0.3), (0.06, 0.36), (0, 0.4), (-0.06, 0.36)], self.skin, None)
        pen.oval(0, 0.2, 0.132, 0.14, self.skin)
        if puff:
            for side in (-1, 1):
                pen.oval(side * 0.095, 0.262, 0.042 + 0.012 * puff, 0.036 + 0.012 * puff, _cheeks(self.skin), None)
        self._hair()
        self._face(puff)

    def body(self, seated: bool = False) -> None:
        """Draw legs, trunk and head."""
        self.lower(seated)
        self.upper()

    def _hair(self) -> None:
        pen, top = self.pen, [(0.14 * c, 0.2 + 0.152 * s) for c, s in CIRCLE if s <= 0.05]
        top.sort()
        fringe = {
            0: [(0.125, 0.13), (0.0, 0.105), (-0.125, 0.13)],
            1: [(0.12, 0.12), (0.06, 0.1), (-0.02, 0.15), (-0.13, 0.16)],
            2: [(0.12, 0.16), (0.02, 0.1), (-0.12, 0.16)],
            3: [(0.13, 0.12), (0.09, 0.14), (0.04, 0.11), (-0.02, 0.145), (-0.07, 0.11), (-0.13, 0.14)],
        }[self.style]
        pen.shape([*top, *fringe], self.hair)
        if self.style == 3:
            pen.oval(0, 0.045, 0.06, 0.05, self.hair)

    def _face(self, puff: float) -> None:
        pen, mood = self.pen, self.mood
        brow = {"sad": 0.02, "angry": -0.024}.get(mood, 0.0)
        for side in (-1, 1):
            x = side * 0.055
            if mood in ("calm", "sad"):
                pen.line(curve(((x - 0.028, 0.2), (x, 0.222), (x + 0.028, 0.2)), 6), 0.013, INK)
            else:
                pen.oval(x, 0.202, 0.018, 0.024, INK, None)
            if mood != "calm":
                lift = 0.012 if mood == "happy" else 0.0
                a, b = (x - side * 0.03, 0.163 - brow - lift), (x + side * 0.034, 0.163 + brow - lift)
                pen.line([a, b], 0.017 if mood == "angry" else 0.012, self.hair)
        if mood == "happy":
            for side in (-1, 1):
                pen.oval(side * 0.09, 0.25, 0.022, 0.016, _cheeks(self.skin), None)
        if puff:
            return
        bend = {"happy": 0.045, "calm": 0.018, "sad": -0.032, "angry": -0.02}.get(mood, 0.0)
        y = 0.268 if bend >= 0 else 0.283
        pen.line(curve(((-0.045, y), (0, y + bend), (0.045, y)), 6), 0.016, (150, 50, 60))

    def arm(self, side: int, hand: Point, elbow: Point | None = None) -> None:
        """Draw an arm from the shoulder on one side (-1 is the viewer's left) to the hand."""
        shoulder = (0.135 * side, 0.41)
        if elbow is None:
            elbow = ((shoulder[0] + hand[0]) / 2 + 0.075 * side, (shoulder[1] + hand[1]) / 2 + 0.055)
        self.pen.line([shoulder, elbow, hand], 0.068, self.sleeve, INK)
        self.pen.oval(*hand, 0.038, 0.038, self.skin)


def _cheeks(skin: Colour) -> Colour:
    return skin[0], int(skin[1] * 0.88), int(skin[2] * 0.86)
