"""Notes from a General MIDI sound font (.sf2, .sf3) of the user, in place of the synthesised voices.

    lookhear soundstage stage --clips 200 --soundfont FluidR3_GM.sf2

Scenes, questions and levels stay the same; only the voices differ. Erhu, guzheng, pipa, suona and ukulele are played by
their nearest relatives in General MIDI: fiddle, koto, shamisen, shanai and nylon guitar. The flute is played by the
piccolo and the xylophone by the marimba, which YAMNet recognises better. Needs the extra `soundfont`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.errors import MediaError
from lookhear.soundstage.sound.melody import MIDDLE


@dataclass(frozen=True)
class Part:
    """How an instrument is played: General MIDI program (from 0), octaves from the melody, velocity (1 to 127)."""

    program: int
    octaves: int = 0
    velocity: int = 100


VERSION = 2  # version of PARTS: a Soundstage must be finished with the version it was started with
PARTS = {  # the programs that an independent audio classifier names best: research/real/fonts.py, docs/guides/real.md
    "accordion": Part(23, 0, 115),
    "acoustic_guitar": Part(24, -1, 115),
    "bagpipe": Part(109, 0, 60),
    "banjo": Part(105, 0, 60),
    "bassoon": Part(70),
    "cello": Part(42, 0, 60),
    "clarinet": Part(71, -1, 90),
    "electric_bass": Part(33, -1, 60),
    "erhu": Part(110),
    "flute": Part(72, 0, 60),
    "guzheng": Part(107),
    "piano": Part(0, 1, 60),
    "pipa": Part(106),
    "saxophone": Part(66, 0, 115),
    "suona": Part(111),
    "trumpet": Part(56, 0, 60),
    "tuba": Part(58),
    "ukulele": Part(24, 0, 115),
    "violin": Part(40, -1, 90),
    "xylophone": Part(12, -1, 60),
}
KEYS = {"congas": (64, 63, 62), "drum": (36, 38, 45)}  # keys of the standard drum kit for low, middle and high notes
MELODY, KIT = 0, 9  # channels
VELOCITY = 100  # of the drum kit


@lru_cache(maxsize=2)
def opened(path: str, sample_rate: int) -> tuple[Any, int]:
    """The synthesiser with the sound font at `path`, and the font's id in it.

    Raises MediaError if the library is missing or the file is not a sound font.
    """
    try:
        import tinysoundfont
    except ImportError:
        raise MediaError(
            f"Voices of {path!r} need tinysoundfont: pip install --no-deps tinysoundfont "
            "(without --no-deps pip builds PyAudio, which is not needed here)."
        ) from None
    synth = tinysoundfont.Synth(samplerate=sample_rate)
    try:
        return synth, synth.sfload(path)
    except (RuntimeError, OSError):
        reason = "cannot be read as a sound font (.sf2, .sf3)" if Path(path).is_file() else "is no file"
        raise MediaError(f"{path!r} {reason}. Name a General MIDI sound font.") from None


def note(path: str, instrument: str, pitch: int, seconds: float, sample_rate: int, take: int = 0) -> np.ndarray:
    """A note of the sound font, float32 (sample,), not released before its end; `take` > 0 is slightly detuned.

    Raises MediaError if the font lacks the instrument.
    """
    synth, font = opened(path, sample_rate)
    kit = instrument in KEYS
    part = Part(0, velocity=VELOCITY) if kit else PARTS[instrument]
    channel, program = KIT if kit else MELODY, part.program
    try:
        synth.program_select(channel, font, 0, program, kit)
    except RuntimeError:
        what = "standard drum kit" if kit else f"program {program + 1}"
        raise MediaError(
            f"{path!r} has no {what} of General MIDI, for {instrument}. Name a sound font that has all."
        ) from None
    step = (pitch - MIDDLE[instrument] + 6) % 12 // 4
    synth.set_tuning(channel, 0.05 * take)
    for octave in (part.octaves,) if kit else (part.octaves, 0, 1, -1):  # fonts have other ranges than instruments
        synth.noteon(channel, KEYS[instrument][step] if kit else pitch + 12 * octave, part.velocity)
        sound = np.frombuffer(synth.generate(math.ceil(seconds * sample_rate)), np.float32).reshape(-1, 2).mean(1)
        synth.sounds_off()
        synth.generate(sample_rate // 5)  # let the last note fade out, so that it is not heard in the next
        if sound.any():
            return sound
    raise MediaError(f"{path!r} is silent at note {pitch} of {instrument}. Name another sound font.")
