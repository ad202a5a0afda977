"""Test clips with known answers: sounds over a grey picture, pictures in silence, and sequences.

kind(rng) -> (question, options, {option: (frames, waveform)})      one question; the clips differ in one sense
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

SECONDS, FPS, SIZE, RATE = 8, 8, 160, 16_000
COLOURS = {"red": (200, 30, 30), "green": (30, 160, 50), "blue": (40, 60, 200), "yellow": (230, 210, 40)}
CORNERS = {"top left": (0, 0), "top right": (0, 1), "bottom left": (1, 0), "bottom right": (1, 1)}
SOUNDS = ("a low tone", "a high tone", "hissing noise", "clicks")
SLOTS = 4  # parts of two seconds, each with at most one beep or flash
Drawn = tuple[np.ndarray, np.ndarray]  # frames uint8 (time, height, width, 3), waveform float32 (sample,)
Kind = Callable[[np.random.Generator], tuple[str, tuple[str, ...], dict[str, Drawn]]]


def beeps(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """One to four beeps."""
    hertz = rng.uniform(500, 1200)
    drawn = {}
    for count in range(1, SLOTS + 1):
        sound = silence()
        for slot in _slots(rng, count):
            _put(sound, _tone(hertz, 0.4), 2 * slot + 0.7)
        drawn[str(count)] = (_grey(), sound)
    return "How many beeps do you hear", tuple(drawn), drawn


def digits(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """A digit, spoken three times."""
    words = [str(word) for word in rng.choice(sorted(_spoken()), 4, replace=False)]
    drawn = {}
    for word in words:
        sound = silence()
        for second in (1.0, 3.5, 6.0):
            _put(sound, _spoken()[word], second)
        drawn[word] = (_grey(), sound)
    return "Which number is spoken", tuple(sorted(words)), drawn


def sounds(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """A low tone, a high tone, noise or clicks."""
    drawn = {}
    for name in SOUNDS:
        sound = silence()
        for second in (1.0, 4.0):
            _put(sound, _sound(name, 2.0, rng), second)
        drawn[name] = (_grey(), sound)
    return "What do you hear", SOUNDS, drawn


def flashes(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """A black screen that turns white one to four times."""
    drawn = {}
    for count in range(1, SLOTS + 1):
        frames = np.zeros((SECONDS * FPS, SIZE, SIZE, 3), np.uint8)
        for slot in _slots(rng, count):
            frames[(2 * slot * FPS + FPS // 2) : (2 * slot * FPS + 3 * FPS // 2)] = 255
        drawn[str(count)] = (frames, silence())
    return "How many times does the black screen turn white", tuple(drawn), drawn


def colours(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """A screen of one colour."""
    made = {name: (_filled(_jittered(rng, colour)), silence()) for name, colour in COLOURS.items()}
    return "What colour is the screen", tuple(COLOURS), made


def corners(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """A white square in a corner."""
    drawn = {}
    for name, (row, column) in CORNERS.items():
        frames = _filled((25, 25, 25))
        side, edge = SIZE // 3, int(rng.integers(4, 12))
        top, left = (SIZE - side - edge if far else edge for far in (row, column))
        frames[:, top : top + side, left : left + side] = 240
        drawn[name] = (frames, silence())
    return "In which corner is the white square", tuple(CORNERS), drawn


def heard_first(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """Three sounds in turn, a different one first in each clip; reversed time would make the last one first."""
    three = [SOUNDS[i] for i in rng.permutation(len(SOUNDS))[:3]]
    drawn = {}
    for turn in _turns(three):
        sound = silence()
        for second, name in zip((0.5, 3.0, 5.5), turn, strict=True):
            _put(sound, _sound(name, 1.8, rng), second)
        drawn[turn[0]] = (_grey(), sound)
    return f"Which of {_listed(three)} is heard first", tuple(three), drawn


def seen_first(rng: np.random.Generator) -> tuple[str, tuple[str, ...], dict[str, Drawn]]:
    """Three colours in turn, a different one first in each clip."""
    three = [sorted(COLOURS)[i] for i in rng.permutation(len(COLOURS))[:3]]
    drawn = {}
    for turn in _turns(three):
        thirds = [_filled(COLOURS[name]) for name in turn]
        edges = [0, *(round(SECONDS * FPS * part / 3) for part in (1, 2)), SECONDS * FPS]
        frames = np.concatenate([third[a:b] for third, a, b in zip(thirds, edges, edges[1:], strict=False)])
        drawn[turn[0]] = (frames, silence())
    return f"Which of {_listed(three)} does the screen show first", tuple(three), drawn


def _turns(three: Sequence[str]) -> list[tuple[str, str, str]]:
    """Three orders: each item is first once and last once."""
    a, b, c = three
    return [(a, b, c), (b, c, a), (c, a, b)]


def silence() -> np.ndarray:
    """Silence with the length of a clip."""
    return np.zeros(SECONDS * RATE, np.float32)


def _listed(three: Sequence[str]) -> str:
    return f"{three[0]}, {three[1]} and {three[2]}"


def _slots(rng: np.random.Generator, count: int) -> list[int]:
    return sorted(int(slot) for slot in rng.choice(SLOTS, count, replace=False))


def _jittered(rng: np.random.Generator, colour: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(np.clip(value + rng.integers(-15, 16), 0, 255)) for value in colour)


def _filled(colour: Sequence[int]) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (SECONDS * FPS, SIZE, SIZE, 3)).copy()


def _grey() -> np.ndarray:
    return _filled((128, 128, 128))


def _put(sound: np.ndarray, piece: np.ndarray, second: float) -> None:
    start = round(second * RATE)
    sound[start : start + len(piece)] += piece[: len(sound) - start]


def _tone(hertz: float, seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    ramp = np.minimum(1, np.minimum(t, seconds - t) / 0.02)
    return (0.4 * ramp * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def _sound(name: str, seconds: float, rng: np.random.Generator) -> np.ndarray:
    if name == "a low tone":
        return _tone(rng.uniform(150, 220), seconds)
    if name == "a high tone":
        return _tone(rng.uniform(1800, 2400), seconds)
    if name == "hissing noise":
        return (0.15 * rng.normal(size=round(seconds * RATE))).astype(np.float32)
    made = np.zeros(round(seconds * RATE), np.float32)
    made[:: RATE // 8] = 0.9  # eight clicks a second
    return np.convolve(made, np.exp(-np.arange(80) / 16).astype(np.float32))[: len(made)]


@cache
def _spoken() -> dict[str, np.ndarray]:
    """Word -> waveform; made by `research.digits`."""
    from safetensors.numpy import load_file

    return {w: x.astype(np.float32) / 32767 for w, x in load_file(Path(__file__).parent / "digits.safetensors").items()}


HEARD: dict[str, Kind] = {"beeps": beeps, "spoken digits": digits, "sounds": sounds}
SEEN: dict[str, Kind] = {"flashes": flashes, "colours": colours, "corners": corners}
ORDER: dict[str, Kind] = {"heard first": heard_first, "seen first": seen_first}
