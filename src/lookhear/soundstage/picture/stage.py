"""The stage behind the players: a hall with curtains and lamps, or open air with sky, hills or houses."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SHARP = 3  # drawn this many times too large, then reduced
FLOOR = 0.7  # top edge of the ground, as a fraction of the height
LIGHTS = 4
HALLS = (  # wall, curtain, floor, tint of the players
    ((96, 70, 74), (150, 40, 52), (178, 128, 84), (1.0, 0.97, 0.92)),
    ((66, 76, 104), (44, 66, 140), (150, 128, 112), (0.93, 0.97, 1.06)),
    ((82, 64, 100), (104, 48, 124), (158, 116, 100), (1.02, 0.94, 1.0)),
    ((64, 88, 80), (34, 104, 88), (170, 138, 96), (0.96, 1.0, 0.95)),
)
SKIES = (  # top of the sky, horizon, grass, far hills, tint of the players
    ((112, 178, 236), (214, 236, 250), (134, 184, 96), (120, 168, 130), (1.0, 1.0, 1.0)),
    ((240, 150, 110), (252, 222, 160), (150, 156, 88), (150, 118, 120), (1.03, 0.95, 0.85)),
    ((158, 172, 188), (218, 222, 224), (126, 156, 108), (130, 146, 142), (0.94, 0.96, 0.98)),
    ((58, 70, 128), (190, 150, 170), (84, 118, 96), (78, 88, 120), (0.88, 0.89, 1.0)),
)


def tint(indoor: bool, light: int) -> tuple[float, float, float]:
    """RGB factor by which the stage light tints the players' colours."""
    return (HALLS if indoor else SKIES)[light % LIGHTS][-1]


@lru_cache(maxsize=64)
def stage(indoor: bool, light: int, variant: int, size: int) -> Image.Image:
    """The empty stage as an RGB image of size x size."""
    n = size * SHARP
    image = Image.new("RGB", (n, n))
    (_hall if indoor else _meadow)(image, n, light % LIGHTS, variant)
    return image.reduce(SHARP)


def _mix(a: tuple[int, ...], b: tuple[int, ...], t: float) -> tuple[int, int, int]:
    r, g, u = (max(0, min(255, round(x + (y - x) * t))) for x, y in zip(a, b, strict=True))
    return r, g, u


def _fade(draw: ImageDraw.ImageDraw, n: int, y0: float, y1: float, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    for y in range(int(y0 * n), int(y1 * n)):
        draw.line((0, y, n, y), _mix(a, b, (y / n - y0) / (y1 - y0)))


def _hall(image: Image.Image, n: int, light: int, variant: int) -> None:
    wall, curtain, floor, _ = HALLS[light]
    draw = ImageDraw.Draw(image)
    _fade(draw, n, 0, FLOOR, _mix(wall, (20, 16, 28), 0.35), _mix(wall, (255, 236, 200), 0.18))
    for k in range(5):  # panels of the back wall
        x = (0.18 + 0.13 * k) * n
        draw.rectangle((x, 0.26 * n, x + 0.11 * n, 0.64 * n), outline=_mix(wall, (255, 236, 200), 0.3), width=SHARP)
    _fade(draw, n, FLOOR, 1, _mix(floor, (40, 24, 20), 0.25), floor)
    for k in range(-6, 19):  # boards run towards the viewer
        draw.line(
            ((0.5 + (k - 6) * 0.045) * n, FLOOR * n, (0.5 + (k - 6) * 0.13) * n, n),
            _mix(floor, (40, 24, 20), 0.3),
            SHARP // 2 + 1,
        )
    draw.line((0, FLOOR * n, n, FLOOR * n), _mix(floor, (30, 18, 16), 0.6), SHARP)
    glow = Image.new("L", (n, n), 0)
    beam = ImageDraw.Draw(glow)
    lamps = (0.3, 0.7) if variant % 2 else (0.22, 0.5, 0.78)
    for x in lamps:
        beam.polygon(
            [(x * n - 0.02 * n, 0), (x * n + 0.02 * n, 0), ((x + 0.17) * n, 0.9 * n), ((x - 0.17) * n, 0.9 * n)], 38
        )
        beam.ellipse(((x - 0.19) * n, 0.84 * n, (x + 0.19) * n, 0.97 * n), 64)
    image.paste((255, 240, 206), (0, 0), glow.filter(ImageFilter.GaussianBlur(0.02 * n)))
    for side in (0, 1):
        for k in range(5):  # folds of the curtain
            x0, x1 = 0.026 * k, 0.026 * (k + 1)
            sag = 0.012 * math.cos(k)
            shade = _mix(curtain, (16, 10, 20), 0.12 + 0.4 * (k % 2))
            xs = (x0, x1) if side == 0 else (1 - x1, 1 - x0)
            draw.rectangle((xs[0] * n, 0, xs[1] * n, (0.84 + sag) * n), fill=shade)
    for k in range(9):  # valance
        x = k / 8
        draw.ellipse(
            ((x - 0.075) * n, -0.08 * n, (x + 0.075) * n, 0.1 * n),
            fill=_mix(curtain, (16, 10, 20), 0.1 + 0.25 * (k % 2)),
        )
        draw.arc(((x - 0.075) * n, -0.08 * n, (x + 0.075) * n, 0.1 * n), 20, 160, fill=(226, 180, 80), width=SHARP)


def _meadow(image: Image.Image, n: int, light: int, variant: int) -> None:
    top, low, grass, hill, _ = SKIES[light]
    rng, draw = np.random.default_rng([variant, light]), ImageDraw.Draw(image)
    _fade(draw, n, 0, FLOOR, top, low)
    x = rng.uniform(0.12, 0.88) * n
    draw.ellipse(
        (x - 0.05 * n, 0.07 * n, x + 0.05 * n, 0.17 * n), fill=_mix((255, 244, 200), low, 0.2 if light != 2 else 0.8)
    )
    for _ in range(4):  # clouds
        cx, cy = rng.uniform(0, 1) * n, rng.uniform(0.05, 0.3) * n
        for dx, r in ((-0.05, 0.028), (0.0, 0.042), (0.05, 0.03), (0.09, 0.02)):
            draw.ellipse(
                (cx + (dx - r) * n, cy - r * n, cx + (dx + r) * n, cy + r * 0.7 * n),
                fill=_mix(low, (255, 255, 255), 0.6),
            )
    if variant % 3 == 2:
        _street(draw, n, rng, hill, low)
        ground = _mix(grass, (176, 170, 164), 0.75)
    else:
        for k in range(2):
            phase, height = rng.uniform(0, 6), 0.05 + 0.03 * k
            line = [
                (i / 40 * n, (FLOOR - 0.1 + 0.05 * k + height * math.sin(i / 40 * (4 + 2 * k) + phase)) * n)
                for i in range(41)
            ]
            draw.polygon([*line, (n, n), (0, n)], fill=_mix(hill, grass, 0.45 * k))
        for _ in range(5):  # trees
            x, h = rng.uniform(0, 1) * n, rng.uniform(0.1, 0.18) * n
            draw.rectangle((x - 0.008 * n, FLOOR * n - h * 0.5, x + 0.008 * n, FLOOR * n), fill=(104, 78, 62))
            draw.ellipse(
                (x - h * 0.38, FLOOR * n - h * 1.2, x + h * 0.38, FLOOR * n - h * 0.3),
                fill=_mix(hill, (40, 90, 60), 0.35),
            )
        ground = grass
    _fade(draw, n, FLOOR, 1, _mix(ground, (255, 255, 255), 0.12), _mix(ground, (30, 40, 30), 0.12))
    for _ in range(70):  # blades of grass, or specks of the pavement
        x, y = rng.uniform(0, 1) * n, rng.uniform(FLOOR + 0.02, 1) * n
        draw.line((x, y, x + SHARP, y - 2 * SHARP), _mix(ground, (30, 50, 30), 0.3), 1 + SHARP // 3)


def _street(
    draw: ImageDraw.ImageDraw, n: int, rng: np.random.Generator, hill: tuple[int, ...], low: tuple[int, ...]
) -> None:
    x = -0.03
    while x < 1:
        width, height = rng.uniform(0.14, 0.22), rng.uniform(0.26, 0.42)
        paint = _mix(
            hill, (int(rng.integers(150, 240)), int(rng.integers(140, 210)), int(rng.integers(130, 200))), 0.55
        )
        top = FLOOR - height
        draw.rectangle((x * n, top * n, (x + width) * n, FLOOR * n), fill=paint)
        draw.polygon(
            [(x * n, top * n), ((x + width / 2) * n, (top - 0.07) * n), ((x + width) * n, top * n)],
            fill=_mix(paint, (120, 60, 50), 0.55),
        )
        for row in range(int(height / 0.12)):
            for column in range(2):
                wx, wy = x + width * (0.2 + 0.38 * column), top + 0.035 + 0.12 * row
                draw.rectangle(
                    (wx * n, wy * n, (wx + width * 0.22) * n, (wy + 0.06) * n), fill=_mix(low, (60, 80, 110), 0.6)
                )
        x += width
