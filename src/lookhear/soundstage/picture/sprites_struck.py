"""Drawings of players of keyboard and percussion instruments, and of the accordion."""

from __future__ import annotations

from lookhear.soundstage.picture.sprites import GOLD, INK, SILVER, Colour, Figure, Point, shade

IVORY: Colour = (252, 250, 244)


def _lift(s: float | None, side: int) -> float:
    """How far the hand on this side is raised, 0 (touching) to 1; the two hands alternate."""
    return 0.35 if s is None else 0.5 - 0.5 * s * side


def accordion(f: Figure, s: float | None) -> None:
    """Two boxes and the bellows between them, pulled and pushed."""
    f.body()
    pen, w = f.pen, 0.17 if s is None else 0.215 + 0.065 * s
    pen.line([(-0.1, 0.36), (-0.08, 0.5)], 0.03, INK)
    pen.line([(0.1, 0.36), (0.08, 0.5)], 0.03, INK)
    folds = 7
    for k in range(folds):
        x0, x1 = (-w + 2 * w * k / folds), (-w + 2 * w * (k + 1) / folds)
        drop = 0.02 if k % 2 else 0.0
        pen.shape(
            [(x0, 0.45), (x1, 0.45), (x1, 0.73 + drop), (x0, 0.73 + drop)], (240, 226, 200) if k % 2 else (70, 60, 70)
        )
    pen.shape([(-w - 0.13, 0.42), (-w, 0.43), (-w, 0.76), (-w - 0.13, 0.76)], (200, 32, 44))
    pen.shape([(w, 0.43), (w + 0.12, 0.42), (w + 0.12, 0.76), (w, 0.76)], (200, 32, 44))
    pen.shape([(-w - 0.13, 0.44), (-w - 0.075, 0.44), (-w - 0.075, 0.74), (-w - 0.13, 0.74)], IVORY)
    for k in range(6):
        y = 0.465 + 0.05 * k
        pen.line([(-w - 0.115, y), (-w - 0.08, y)], 0.02, INK)
    for k in range(4):
        pen.oval(w + 0.04, 0.49 + 0.07 * k, 0.016, 0.016, IVORY, None)
        pen.oval(w + 0.08, 0.49 + 0.07 * k, 0.016, 0.016, IVORY, None)
    if s is None:
        f.arm(-1, (-w - 0.07, 0.79), (-0.26, 0.6))
        f.arm(1, (w + 0.07, 0.79), (0.26, 0.6))
        return
    f.arm(-1, (-w - 0.11, 0.6), (-0.27, 0.52))
    f.arm(1, (w + 0.1, 0.6), (0.27, 0.52))


def piano(f: Figure, s: float | None) -> None:
    """Player behind the keys of a black grand piano with an open lid."""
    pen, black = f.pen, (30, 28, 36)
    pen.shape([(0.03, 0.62), (0.1, 0.36), (0.22, 0.24), (0.42, 0.16), (0.44, 0.62)], black, (150, 146, 160), 0.014)
    pen.shape([(0.09, 0.58), (0.15, 0.4), (0.25, 0.3), (0.38, 0.25), (0.39, 0.58)], (196, 140, 60), None)
    f.body()
    for x in (-0.36, 0.36):
        pen.line([(x, 0.78), (x, 0.98)], 0.045, black, (150, 146, 160))
    pen.shape([(-0.43, 0.62), (0.45, 0.62), (0.45, 0.82), (-0.43, 0.82)], black, (150, 146, 160), 0.014)
    pen.shape([(-0.39, 0.645), (0.41, 0.645), (0.41, 0.735), (-0.39, 0.735)], IVORY)
    for k in range(13):
        x = -0.39 + 0.8 * (k + 0.5) / 13
        if k % 7 not in (2, 6):
            pen.line([(x, 0.65), (x, 0.69)], 0.026, INK)
    pen.line([(-0.4, 0.775), (0.42, 0.775)], 0.012, GOLD)
    if s is None:
        f.arm(-1, (-0.16, 0.8), (-0.23, 0.57))
        f.arm(1, (0.16, 0.8), (0.23, 0.57))
        return
    for side in (-1, 1):
        f.arm(side, (side * 0.17, 0.665 - 0.12 * _lift(s, side)))


def _beat(f: Figure, s: float | None, side: int, grip: Point, head: Point, stick: Colour, ball: Colour | None) -> None:
    """Draw an arm with a stick or mallet whose head moves down to a point."""
    up = 0.0 if s is None else _lift(s, side)
    hand = (grip[0] * side, grip[1] - 0.09 * up + (0.09 if s is None else 0.0))
    tip = (head[0] * side, head[1] - 0.26 * up) if s is not None else (hand[0] - 0.02 * side, hand[1] + 0.2)
    f.arm(side, hand)
    f.pen.line([hand, tip], 0.02, stick, INK)
    if ball is not None:
        f.pen.oval(*tip, 0.038, 0.038, ball)
    f.pen.oval(*hand, 0.036, 0.036, f.skin)


def xylophone(f: Figure, s: float | None) -> None:
    """Player behind a row of wooden bars of decreasing length, with two mallets."""
    f.body()
    pen = f.pen
    for x in (-0.33, 0.33):
        pen.line([(x, 0.76), (x, 0.98)], 0.03, (130, 136, 150), INK)
    pen.line([(-0.4, 0.66), (0.4, 0.69)], 0.03, (90, 96, 110))
    pen.line([(-0.4, 0.79), (0.4, 0.75)], 0.03, (90, 96, 110))
    colours: tuple[Colour, ...] = (
        (214, 60, 56),
        (236, 132, 48),
        (246, 204, 66),
        (104, 184, 84),
        (60, 156, 200),
        (126, 92, 186),
    )
    for k in range(10):
        x, half = -0.37 + 0.082 * k, 0.125 - 0.0075 * k
        pen.shape(
            [(x - 0.033, 0.72 - half), (x + 0.033, 0.72 - half), (x + 0.033, 0.72 + half), (x - 0.033, 0.72 + half)],
            colours[k * 6 // 10],
        )
    for side in (-1, 1):
        _beat(f, s, side, (0.2, 0.58), (0.11, 0.68), (240, 220, 180), (250, 250, 250))


def congas(f: Figure, s: float | None) -> None:
    """Two tall drums struck with the hands."""
    f.body()
    pen = f.pen
    for side, wood in ((-1, (196, 60, 44)), (1, (222, 150, 60))):
        x = 0.165 * side
        sides = [(0.125, 0.64), (0.155, 0.74), (0.14, 0.86), (0.1, 1.0)]
        pen.shape([*[(x + a, y) for a, y in sides], *[(x - a, y) for a, y in reversed(sides)]], wood)
        for dx in (-0.06, 0.0, 0.06):
            pen.line([(x + dx * 1.1, 0.67), (x + dx * 1.25, 0.78), (x + dx, 0.98)], 0.01, shade(wood, 0.7))
        pen.line([(x - 0.14, 0.88), (x + 0.14, 0.88)], 0.02, SILVER)
        pen.oval(x, 0.635, 0.135, 0.052, SILVER)
        pen.oval(x, 0.628, 0.115, 0.04, (250, 238, 206))
    for side in (-1, 1):
        if s is None:
            f.arm(side, (side * 0.3, 0.68))
        else:
            f.arm(side, (side * 0.15, 0.62 - 0.2 * _lift(s, side)), (side * 0.25, 0.53 - 0.05 * _lift(s, side)))


def drum(f: Figure, s: float | None) -> None:
    """A drum kit: bass drum in front, snare, tom, two cymbals, sticks."""
    f.body()
    pen, shell = f.pen, (40, 96, 190)
    for x, y in ((-0.36, 0.47), (0.37, 0.45)):
        pen.line([(x, y), (x * 0.98, 0.98)], 0.018, SILVER, INK)
        pen.shape([(x - 0.13, y + 0.02), (x, y - 0.03), (x + 0.13, y + 0.01), (x, y + 0.035)], (250, 212, 90))
    pen.oval(0, 0.81, 0.2, 0.19, shell)
    pen.oval(0, 0.81, 0.16, 0.152, IVORY)
    pen.oval(0, 0.81, 0.06, 0.056, shell, None)
    for x, y, r in ((-0.25, 0.68, 0.115), (0.25, 0.7, 0.125)):
        pen.shape([(x - r, y), (x + r, y), (x + r, y + 0.13), (x - r, y + 0.13)], (200, 50, 60) if x < 0 else shell)
        pen.oval(x, y, r, 0.04, IVORY)
        pen.line([(x, y + 0.13), (x, 0.98)], 0.02, SILVER, INK)
    for side in (-1, 1):
        _beat(f, s, side, (0.17, 0.6), (0.27, 0.68), (246, 214, 150), None)


STRUCK = (accordion, piano, xylophone, congas, drum)
