"""Drawings of players of wind instruments, who sway with the instrument and puff their cheeks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lookhear.soundstage.picture.sprites import CIRCLE, GOLD, INK, SILVER, WAIST, Colour, Figure, Point, curve

BRASS_EDGE: Colour = (120, 76, 20)


@contextmanager
def _blowing(f: Figure, s: float | None, seated: bool = False, lean: float = 5.0) -> Iterator[None]:
    """Draw legs and a swaying upper body; inside the context the instrument is drawn in the body's frame, lower at
    rest."""
    f.lower(seated)
    with f.pen.turned(WAIST, 0.0 if s is None else lean * s):
        f.upper(0.0 if s is None else 0.4 + 0.6 * abs(s))
        with f.pen.at(0.0, 0.075 if s is None else 0.0):
            yield


def _bell(f: Figure, start: Point, end: Point, thin: float, wide: float, fill: Colour, edge: Colour) -> None:
    """Draw a bell that widens from the tube's width to its mouth."""
    (x0, y0), (x1, y1) = start, end
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    nx, ny = -(y1 - y0) / length, (x1 - x0) / length
    mx, my = x0 + (x1 - x0) * 0.7, y0 + (y1 - y0) * 0.7
    half = [
        (x0 + nx * thin, y0 + ny * thin),
        (mx + nx * thin * 1.8, my + ny * thin * 1.8),
        (x1 + nx * wide, y1 + ny * wide),
    ]
    other = [
        (x1 - nx * wide, y1 - ny * wide),
        (mx - nx * thin * 1.8, my - ny * thin * 1.8),
        (x0 - nx * thin, y0 - ny * thin),
    ]
    f.pen.shape([*half, *other], fill, edge, 0.014)


def _dots(f: Figure, start: Point, end: Point, count: int, colour: Colour, r: float = 0.013) -> None:
    for k in range(count):
        t = (k + 0.5) / count
        f.pen.oval(start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t, r, r, colour, None)


def flute(f: Figure, s: float | None) -> None:
    """A silver tube held level to the side."""
    with _blowing(f, s):
        f.arm(1, (-0.1, 0.32), (0.2, 0.5))
        f.pen.line([(0.08, 0.272), (-0.42, 0.305)], 0.034, SILVER, INK)
        _dots(f, (-0.08, 0.282), (-0.4, 0.303), 6, (120, 130, 150))
        f.arm(-1, (-0.27, 0.325), (-0.24, 0.5))


def clarinet(f: Figure, s: float | None) -> None:
    """A straight black tube with silver keys, held down in front."""
    with _blowing(f, s):
        f.pen.line([(0, 0.275), (-0.015, 0.7)], 0.042, (26, 26, 32), (232, 232, 238))
        _bell(f, (-0.015, 0.68), (-0.018, 0.79), 0.024, 0.06, (26, 26, 32), (232, 232, 238))
        _dots(f, (0, 0.36), (-0.015, 0.68), 6, SILVER, 0.016)
        f.arm(1, (0.01, 0.47))
        f.arm(-1, (-0.01, 0.6))


def bassoon(f: Figure, s: float | None) -> None:
    """A long dark red tube across the body, taller than the player, with a silver crook."""
    with _blowing(f, s):
        f.pen.line(curve(((0.0, 0.28), (0.07, 0.25), (0.13, 0.34))), 0.016, SILVER, INK)
        f.pen.line([(-0.16, 0.9), (0.23, -0.02)], 0.075, (134, 36, 30), INK)
        f.pen.line([(0.215, 0.01), (0.23, -0.03)], 0.078, (250, 240, 214), INK)
        f.pen.line([(-0.18, 0.94), (-0.165, 0.905)], 0.08, SILVER, INK)
        _dots(f, (0.15, 0.17), (-0.12, 0.82), 9, SILVER, 0.017)
        f.arm(1, (0.11, 0.44), (0.27, 0.5))
        f.arm(-1, (-0.06, 0.66))


def saxophone(f: Figure, s: float | None) -> None:
    """A golden pipe that goes down and comes up again into a wide bell."""
    with _blowing(f, s):
        path = curve(((0.0, 0.28), (0.09, 0.25), (0.085, 0.36), (0.04, 0.55), (0.02, 0.74)))
        f.pen.line(path, 0.05, GOLD, BRASS_EDGE)
        f.pen.line(curve(((0.02, 0.72), (0.01, 0.87), (0.14, 0.88), (0.155, 0.72))), 0.075, GOLD, BRASS_EDGE)
        _bell(f, (0.155, 0.76), (0.215, 0.52), 0.045, 0.12, GOLD, BRASS_EDGE)
        f.pen.oval(0.215, 0.52, 0.115, 0.04, (150, 100, 30), BRASS_EDGE)
        _dots(f, (0.07, 0.44), (0.025, 0.74), 5, (255, 244, 200), 0.02)
        f.arm(1, (0.07, 0.5), (0.23, 0.55))
        f.arm(-1, (0.02, 0.66))


def trumpet(f: Figure, s: float | None) -> None:
    """Golden, level, with three valves and a bell to the side."""
    with _blowing(f, s, lean=6):
        f.arm(1, (0.25, 0.345), (0.22, 0.52))
        f.pen.line(
            [(0.13, 0.275), (0.27, 0.275), (0.29, 0.31), (0.27, 0.35), (0.12, 0.35), (0.1, 0.31), (0.13, 0.275)],
            0.026,
            GOLD,
            BRASS_EDGE,
        )
        f.pen.line([(0.0, 0.275), (0.34, 0.275)], 0.026, GOLD, BRASS_EDGE)
        _bell(f, (0.3, 0.275), (0.47, 0.275), 0.016, 0.1, GOLD, BRASS_EDGE)
        for x in (0.16, 0.2, 0.24):
            f.pen.line([(x, 0.225), (x, 0.37)], 0.024, (255, 236, 160), BRASS_EDGE)
        f.arm(-1, (0.15, 0.37), (-0.13, 0.56))


def tuba(f: Figure, s: float | None) -> None:
    """Seated player, arms round a huge golden coil whose bell opens upward beside the head."""
    with _blowing(f, s, seated=True, lean=4):
        pen = f.pen
        _bell(f, (0.19, 0.55), (0.25, 0.08), 0.05, 0.2, GOLD, BRASS_EDGE)
        pen.oval(0.25, 0.08, 0.195, 0.055, (166, 112, 34), BRASS_EDGE)
        ring = [(0.03 + 0.17 * x, 0.64 + 0.19 * y) for x, y in [*CIRCLE, *CIRCLE[:2]]]
        pen.line(ring, 0.09, GOLD, BRASS_EDGE)
        inner = [(0.03 + 0.07 * x, 0.64 + 0.085 * y) for x, y in [*CIRCLE, *CIRCLE[:2]]]
        pen.line(inner, 0.035, (255, 222, 120), BRASS_EDGE)
        pen.line(curve(((0.0, 0.28), (-0.08, 0.33), (-0.12, 0.5))), 0.026, GOLD, BRASS_EDGE)
        for x in (-0.02, 0.03, 0.08):
            pen.line([(x, 0.58), (x, 0.7)], 0.026, SILVER, BRASS_EDGE)
        f.arm(1, (0.17, 0.72), (0.27, 0.56))
        f.arm(-1, (0.0, 0.6), (-0.22, 0.6))


def suona(f: Figure, s: float | None) -> None:
    """A short red-brown cone with a big brass bell, pointing out and down."""
    with _blowing(f, s, lean=6):
        f.pen.line([(0.0, 0.275), (-0.03, 0.32)], 0.016, SILVER, INK)
        f.pen.line([(-0.07, 0.285), (0.02, 0.335)], 0.018, GOLD, BRASS_EDGE)
        _bell(f, (-0.03, 0.33), (-0.165, 0.57), 0.024, 0.044, (150, 52, 34), INK)
        _bell(f, (-0.165, 0.56), (-0.235, 0.69), 0.04, 0.13, (255, 206, 70), BRASS_EDGE)
        f.pen.line([(-0.125, 0.745), (-0.345, 0.635)], 0.03, (255, 232, 140), BRASS_EDGE)
        _dots(f, (-0.05, 0.36), (-0.15, 0.54), 4, (250, 220, 170), 0.014)
        f.arm(1, (-0.05, 0.42), (0.2, 0.54))
        f.arm(-1, (-0.125, 0.52), (-0.27, 0.53))


def bagpipe(f: Figure, s: float | None) -> None:
    """A tartan bag under the arm with three drones over the shoulder."""
    with _blowing(f, s, lean=4):
        pen = f.pen
        for dx, top in ((0.12, 0.1), (0.2, 0.03), (0.29, -0.03)):
            foot = (0.13 + dx * 0.2, 0.46)
            pen.line([foot, (0.1 + dx, top)], 0.036, (34, 28, 30), (236, 226, 206))
            pen.line([(0.1 + dx - 0.02, top + 0.09), (0.1 + dx - 0.016, top + 0.07)], 0.05, (250, 244, 226))
            pen.line([(0.1 + dx, top), (0.1 + dx, top - 0.012)], 0.055, (250, 244, 226), INK)
        f.arm(1, (0.1, 0.66), (0.29, 0.56))
        swell = 0.02 * (s or 0.0)
        pen.oval(0.13, 0.55, 0.17 + swell, 0.11 + swell, (30, 110, 70))
        for k in range(4):
            x = 0.02 + 0.07 * k
            pen.line([(x, 0.46 + 0.01 * abs(k - 1.5)), (x + 0.02, 0.64 - 0.01 * abs(k - 1.5))], 0.018, (206, 44, 50))
        pen.line([(-0.02, 0.53), (0.28, 0.53)], 0.018, (206, 44, 50))
        pen.line([(0.0, 0.59), (0.26, 0.59)], 0.014, (250, 220, 90))
        pen.line([(0.0, 0.275), (0.05, 0.47)], 0.024, (34, 28, 30), (236, 226, 206))
        pen.line([(0.02, 0.62), (-0.05, 0.87)], 0.034, (34, 28, 30), (236, 226, 206))
        f.arm(-1, (-0.01, 0.73))


WINDS = (flute, clarinet, bassoon, saxophone, trumpet, tuba, suona, bagpipe)
