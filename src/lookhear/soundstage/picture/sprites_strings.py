"""Drawings of string players, bowed and plucked."""

from __future__ import annotations

from lookhear.soundstage.picture.sprites import INK, SILVER, Colour, Figure, Pen, mirrored, rounded

WOOD: Colour = (168, 84, 36)
STRING: Colour = (250, 240, 220)


def _fiddle(pen: Pen, wood: Colour, neck: float) -> None:
    """Draw a waisted body with f-holes and a neck that points up; the bridge is at (0, 0.02)."""
    outline = [(0, -0.24), (0.09, -0.23), (0.125, -0.16), (0.115, -0.09), (0.08, -0.03), (0.09, 0.03), (0.145, 0.09)]
    outline += [(0.155, 0.17), (0.11, 0.245), (0, 0.265)]
    pen.shape(mirrored(outline), wood)
    for side in (-1, 1):
        pen.line([(side * 0.065, -0.03), (side * 0.075, 0.06)], 0.018, INK)
    pen.line([(0, 0.06), (0, 0.22)], 0.045, INK)
    pen.line([(0, 0.06), (0, neck)], 0.036, (44, 30, 28))
    pen.line([(0, 0.1), (0, neck)], 0.01, STRING)
    pen.line([(-0.045, 0.03), (0.045, 0.03)], 0.016, STRING)
    pen.oval(0, neck, 0.04, 0.045, wood)


def _bow(pen: Pen, frog: tuple[float, float], tip: tuple[float, float]) -> None:
    pen.line([frog, tip], 0.02, (96, 52, 30), (250, 246, 236))


def violin(f: Figure, s: float | None) -> None:
    """Held under the chin to the side, with a steep bow."""
    f.body()
    pen = f.pen
    f.arm(1, (0.37, 0.31), (0.27, 0.5))
    with pen.at(0.17, 0.345, 76, 0.62):
        _fiddle(pen, WOOD, -0.42)
    pen.oval(0.36, 0.315, 0.036, 0.036, f.skin)
    if s is None:
        f.arm(-1, (-0.23, 0.66))
        _bow(pen, (-0.23, 0.66), (-0.33, 0.97))
        return
    hand = (0.03 - 0.05 * s, 0.56 + 0.13 * s)
    _bow(pen, hand, (hand[0] + 0.23, hand[1] - 0.5))
    f.arm(-1, hand)


def cello(f: Figure, s: float | None) -> None:
    """Seated player, the body between the knees, the bow level."""
    f.body(seated=True)
    pen = f.pen
    pen.line([(0.02, 0.92), (0.02, 1.0)], 0.018, SILVER, INK)
    with pen.at(0.03, 0.71, 4, 1.0):
        _fiddle(pen, (186, 98, 40), -0.56)
    f.arm(1, (0.08, 0.4), (0.25, 0.5))
    if s is None:
        f.arm(-1, (-0.27, 0.62))
        _bow(pen, (-0.27, 0.62), (-0.34, 0.97))
        return
    hand = (-0.2 + 0.11 * s, 0.69)
    _bow(pen, (hand[0], hand[1] + 0.01), (hand[0] + 0.48, hand[1] + 0.05))
    f.arm(-1, hand, (-0.26, 0.55))


def erhu(f: Figure, s: float | None) -> None:
    """Seated player, a long thin neck on a small drum in the lap, the bow level."""
    f.body(seated=True)
    pen = f.pen
    pen.line([(0.1, 0.72), (0.07, -0.03)], 0.026, (110, 50, 36), (244, 214, 170))
    for y in (0.04, 0.12):
        pen.line([(-0.03, y + 0.01), (0.075, y)], 0.026, (110, 50, 36), INK)
    pen.shape([(0.03, 0.68), (0.16, 0.68), (0.2, 0.75), (0.16, 0.83), (0.03, 0.83), (-0.01, 0.75)], (96, 40, 32))
    pen.shape([(0.05, 0.7), (0.14, 0.7), (0.17, 0.755), (0.14, 0.81), (0.05, 0.81), (0.02, 0.755)], (226, 210, 160))
    f.arm(1, (0.1, 0.42), (0.26, 0.54))
    if s is None:
        f.arm(-1, (-0.25, 0.66))
        _bow(pen, (-0.25, 0.66), (-0.36, 0.96))
        return
    hand = (-0.21 + 0.11 * s, 0.68)
    _bow(pen, hand, (hand[0] + 0.5, hand[1] - 0.02))
    f.arm(-1, hand)


def _round_body(pen: Pen, wood: Colour, hole: Colour, neck: float, dark: Colour) -> None:
    """Draw a waisted body with a sound hole and the neck up; the hand plucks at (0, 0.06)."""
    outline = [(0, -0.17), (0.08, -0.165), (0.115, -0.11), (0.1, -0.045), (0.095, -0.015), (0.13, 0.04), (0.155, 0.11)]
    outline += [(0.14, 0.19), (0.08, 0.235), (0, 0.245)]
    pen.shape(mirrored(outline), wood)
    pen.oval(0, -0.015, 0.055, 0.055, hole)
    pen.line([(0, -0.1), (0, neck)], 0.042, dark, INK)
    pen.line([(-0.06, 0.14), (0.06, 0.14)], 0.026, dark)
    pen.line([(0, 0.14), (0, neck)], 0.012, STRING)
    pen.shape([(-0.04, neck), (0.04, neck), (0.05, neck - 0.1), (-0.05, neck - 0.1)], dark)


def _pluck(f: Figure, s: float | None, at: tuple[float, float], swing: tuple[float, float]) -> None:
    """Draw the plucking arm: the hand swings about a point, or hangs down where the pose is None."""
    if s is None:
        f.arm(-1, (-0.24, 0.68))
    else:
        f.arm(-1, (at[0] + swing[0] * s, at[1] + swing[1] * s))


def acoustic_guitar(f: Figure, s: float | None) -> None:
    """A large amber body with a dark hole, strummed up and down."""
    f.body()
    with f.pen.at(-0.03, 0.6, 66, 1.08):
        _round_body(f.pen, (226, 154, 62), (60, 34, 24), -0.44, (96, 56, 34))
    f.arm(1, (0.31, 0.475), (0.25, 0.58))
    _pluck(f, s, (-0.07, 0.6), (-0.01, 0.09))


def ukulele(f: Figure, s: float | None) -> None:
    """Tiny, sunny yellow, held high."""
    f.body()
    with f.pen.at(-0.03, 0.525, 72, 0.62):
        _round_body(f.pen, (255, 226, 90), (196, 84, 60), -0.32, (196, 84, 60))
    f.arm(1, (0.15, 0.475), (0.23, 0.6))
    _pluck(f, s, (-0.06, 0.53), (-0.01, 0.075))


def banjo(f: Figure, s: float | None) -> None:
    """A round white skin in a silver ring, and a long neck."""
    f.body()
    pen = f.pen
    with pen.at(-0.05, 0.62, 62, 1.0):
        pen.line([(0, 0.0), (0, -0.5)], 0.044, (120, 66, 40), INK)
        pen.oval(0, 0, 0.165, 0.165, (150, 156, 168))
        pen.oval(0, 0, 0.125, 0.125, (252, 250, 244))
        pen.line([(-0.04, 0.06), (0.04, 0.06)], 0.022, (120, 66, 40))
        pen.line([(0, 0.08), (0, -0.46)], 0.012, (196, 190, 180))
        pen.shape([(-0.04, -0.48), (0.04, -0.48), (0.05, -0.58), (-0.05, -0.58)], (120, 66, 40))
        pen.line([(0, -0.26), (0.05, -0.28)], 0.018, SILVER)
    f.arm(1, (0.28, 0.45), (0.25, 0.57))
    _pluck(f, s, (-0.08, 0.61), (0.0, 0.08))


def electric_bass(f: Figure, s: float | None) -> None:
    """A solid red body with horns and a white plate, a very long neck, a strap."""
    f.body()
    pen = f.pen
    pen.line([(-0.12, 0.37), (0.1, 0.62)], 0.035, INK)
    with pen.at(-0.06, 0.64, 58, 1.0):
        body = [
            (-0.03, -0.08),
            (-0.1, -0.2),
            (-0.14, -0.17),
            (-0.105, -0.03),
            (-0.15, 0.09),
            (-0.13, 0.2),
            (-0.04, 0.21),
        ]
        body += [(0.06, 0.22), (0.14, 0.17), (0.14, 0.07), (0.095, -0.02), (0.13, -0.12), (0.09, -0.15), (0.03, -0.08)]
        pen.shape(rounded(tuple(body)), (206, 40, 48))
        pen.shape([(0.02, -0.06), (0.08, 0.0), (0.09, 0.12), (0.02, 0.14)], (248, 246, 240), None)
        pen.line([(0, 0.0), (0, -0.58)], 0.036, (226, 180, 116), INK)
        pen.line([(-0.05, 0.05), (0.05, 0.05)], 0.03, INK)
        pen.line([(-0.04, 0.14), (0.04, 0.14)], 0.024, SILVER)
        pen.shape([(-0.03, -0.57), (0.04, -0.57), (0.06, -0.7), (-0.03, -0.68)], (226, 180, 116))
        for y in (-0.6, -0.66):
            pen.line([(-0.075, y), (-0.03, y)], 0.02, SILVER)
    f.arm(1, (0.32, 0.405), (0.26, 0.56))
    _pluck(f, s, (-0.1, 0.63), (0.01, 0.075))


def guzheng(f: Figure, s: float | None) -> None:
    """Seated player behind a long zither on stands, both hands on the strings."""
    f.body()
    pen = f.pen
    for x in (-0.28, 0.28):
        pen.line([(x, 0.74), (x - 0.05, 0.98)], 0.03, (74, 40, 30), INK)
        pen.line([(x, 0.74), (x + 0.05, 0.98)], 0.03, (74, 40, 30), INK)
    pen.shape([(-0.4, 0.64), (0.41, 0.58), (0.43, 0.7), (-0.4, 0.79)], (120, 60, 36))
    pen.shape([(-0.36, 0.65), (0.38, 0.595), (0.39, 0.665), (-0.36, 0.735)], (222, 172, 110), None)
    for k in range(4):
        y = 0.66 + 0.02 * k
        pen.line([(-0.36, y), (0.38, y - 0.055)], 0.008, (250, 244, 226))
    for k in range(6):
        x = -0.2 + 0.09 * k
        pen.line([(x, 0.715 - 0.014 * k), (x + 0.02, 0.685 - 0.014 * k)], 0.02, INK)
    if s is None:
        f.arm(-1, (-0.2, 0.8), (-0.24, 0.56))
        f.arm(1, (0.2, 0.77), (0.24, 0.55))
        return
    f.arm(-1, (-0.21 + 0.05 * s, 0.62 - 0.05 * s))
    f.arm(1, (0.14 + 0.03 * s, 0.6 + 0.045 * s))


def pipa(f: Figure, s: float | None) -> None:
    """Seated player with an upright pear-shaped body, many frets and a bent peg box."""
    f.body(seated=True)
    pen = f.pen
    with pen.at(0.03, 0.66, 7, 1.05):
        half = [(0.03, -0.36), (0.045, -0.24), (0.08, -0.12), (0.135, 0.0), (0.15, 0.09), (0.12, 0.17), (0, 0.2)]
        pen.shape(mirrored([(0.0, -0.37), *half]), (232, 190, 124), (94, 48, 30), 0.022)
        for k in range(7):
            y = -0.33 + 0.06 * k
            pen.line([(-0.03 - 0.006 * k, y), (0.03 + 0.006 * k, y)], 0.014, (94, 48, 30))
        pen.line([(-0.045, 0.13), (0.045, 0.13)], 0.028, (94, 48, 30))
        pen.line([(0, -0.36), (0, 0.13)], 0.01, (250, 246, 236))
        pen.line([(0, -0.37), (0.02, -0.49), (-0.03, -0.52)], 0.04, (94, 48, 30), INK)
        for y in (-0.41, -0.46):
            pen.line([(-0.08, y), (0.1, y)], 0.02, (200, 150, 70))
    f.arm(1, (0.08, 0.43), (0.25, 0.54))
    _pluck(f, s, (-0.03, 0.7), (-0.07, 0.04))


STRINGS = (violin, cello, erhu, acoustic_guitar, ukulele, banjo, electric_bass, guzheng, pipa)
