"""Melodies: onsets, durations and pitches of each player's notes, consistent with the facts of the scene.

A sounding span begins with a note exactly at its start and is filled to its end, so there are no further rests. Onsets
deviate from the grid by at most 15 % of a step, so that note rates are preserved. All players of a scene share one key;
the mood determines scale and articulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lookhear.soundstage.scene.scene import Player, Scene

MIDDLE = {  # MIDI note around which a melody in register 0 moves, at most SPAN semitones away
    "accordion": 64,
    "acoustic_guitar": 55,
    "bagpipe": 69,
    "banjo": 62,
    "bassoon": 50,
    "cello": 50,
    "clarinet": 64,
    "congas": 53,
    "drum": 45,
    "electric_bass": 40,
    "erhu": 69,
    "flute": 76,
    "guzheng": 62,
    "piano": 60,
    "pipa": 64,
    "saxophone": 60,
    "suona": 74,
    "trumpet": 67,
    "tuba": 43,
    "ukulele": 69,
    "violin": 74,
    "xylophone": 79,
}
SPAN = 6


@dataclass(frozen=True)
class PlayingStyle:
    """The style of playing of a mood: scale, articulation, accents, and size of melodic steps."""

    scale: tuple[int, ...]
    hold: float  # fraction of each note that sounds before its release
    accent: float  # level difference in dB between strong and weak notes
    leap: int  # largest step of the melody, in notes of the scale
    stray: float  # largest deviation of an onset from the grid, as a fraction of one step


MANNERS = {
    "neutral": PlayingStyle((0, 2, 4, 5, 7, 9, 10), 0.92, 1.5, 2, 0.06),
    "happy": PlayingStyle((0, 2, 4, 5, 7, 9, 11), 0.78, 2.5, 3, 0.04),
    "sad": PlayingStyle((0, 2, 3, 5, 7, 8, 10), 0.97, 1.0, 1, 0.12),
    "calm": PlayingStyle((0, 2, 4, 7, 9), 0.97, 0.5, 1, 0.08),
    "angry": PlayingStyle((0, 1, 3, 5, 7, 8, 11), 0.85, 4.0, 4, 0.02),
}


@dataclass(frozen=True)
class Note:
    """One note: onset and duration in seconds, MIDI number, and its accent in dB relative to the player's level."""

    onset: float
    duration: float
    pitch: int
    accent: float = 0.0


def middle(player: Player) -> int:
    """MIDI note around which the player's melody moves."""
    return MIDDLE[player.instrument] + 12 * player.register


def grid(rng: np.random.Generator, start: float, end: float, rate: float, stray: float = 0.06) -> np.ndarray:
    """Onsets from `start` at `rate` per second, the first at `start`; the last note lasts at least 0.35 of a step."""
    count = max(1, math.ceil((end - start) * rate - 0.35))
    steps = np.arange(count) + rng.uniform(-stray, stray, count)
    steps[0] = 0
    return start + steps / rate


def notes(scene: Scene) -> tuple[tuple[Note, ...], ...]:
    """The notes of each player, in the order of `scene.players`; an empty tuple for a silent player."""
    manner = MANNERS[scene.mood]
    tonic = int(np.random.default_rng([scene.seed, 77]).integers(12))
    return tuple(
        _melody(player, manner, tonic, np.random.default_rng([scene.seed, 1, i]))
        for i, player in enumerate(scene.players)
    )


def _melody(player: Player, manner: PlayingStyle, tonic: int, rng: np.random.Generator) -> tuple[Note, ...]:
    centre = middle(player)
    ladder = [p for p in range(centre - SPAN, centre + SPAN + 1) if (p - tonic) % 12 in manner.scale]
    rung, out = len(ladder) // 2, []
    for start, end in player.sounding:
        onsets = grid(rng, start, end, player.rate, manner.stray)
        for k, (onset, stop) in enumerate(zip(onsets, [*onsets[1:], end], strict=True)):
            step = int(rng.integers(1, manner.leap + 1)) * (1 if rng.random() < 0.5 else -1)
            if not 0 <= rung + step < len(ladder):
                step = -step
            rung = min(max(rung + step, 0), len(ladder) - 1)  # never the same pitch twice: each onset is audible
            accent = manner.accent * (0.5 if k % 4 == 0 else -0.5) + float(rng.uniform(-0.5, 0.5))
            out.append(Note(float(onset), float(stop - onset), ladder[rung], accent))
    return tuple(out)
