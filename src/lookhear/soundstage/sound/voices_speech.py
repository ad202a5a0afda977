"""The narrator: synthetic babble with syllables, intonation and moving formants of speech, in no language.

Syllables are made once per process and speaker and concatenated, with breaths between phrases. The narrator cannot be
mistaken for an instrument: the pitch glides all the time and the spectrum changes four or five times a second.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lookhear.soundstage.sound.voices_tones import _band

VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (500, 1500, 2500),
)
SPEAKERS = ((112.0, 1.0), (205.0, 1.16), (140.0, 1.05))  # pitch in Hz, formants relative to a male voice
SYLLABLES = 18


@lru_cache(maxsize=len(SPEAKERS) * SYLLABLES)
def _syllable(speaker: int, number: int, sample_rate: int) -> np.ndarray:
    rng = np.random.default_rng([speaker, number])
    hertz, size = SPEAKERS[speaker]
    count = int(rng.uniform(0.13, 0.24) * sample_rate)
    t = np.linspace(0, 1, count)
    first, second = (np.array(VOWELS[i]) * size for i in rng.choice(len(VOWELS), 2, replace=False))
    slide = 1 / (1 + np.exp(-(t - 0.4) * 10))
    pitch = hertz * 2 ** (rng.uniform(-0.25, 0.3) + rng.uniform(-0.35, 0.2) * t)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    wave = np.zeros(count)
    for n in range(1, int(3800 / hertz)):
        gain = sum(
            w / (1 + ((n * pitch - (a + (b - a) * slide)) / bw) ** 2)
            for a, b, w, bw in zip(first, second, (1, 0.6, 0.3), (70, 90, 140), strict=True)
        )
        wave += gain * n**-0.4 * np.sin(n * phase)
    wave *= np.minimum(1, np.minimum(t / 0.12, (1 - t) / 0.25))
    kind = rng.integers(3)  # a fricative, a plosive, or no consonant before the vowel
    if kind < 2:
        length = int((0.08, 0.02)[kind] * sample_rate)
        band = ((3500, 7500), (800, 5000))[kind]
        hiss = _band(*band, length, sample_rate, rng) * np.hanning(length) * wave.std() * (0.7, 1.4)[kind]
        wave = np.concatenate([hiss, wave])
    return (wave / wave.std()).astype(np.float32)


def speech(seed: int, seconds: float, sample_rate: int) -> np.ndarray:
    """Babble from the first to the last sample, float32 (sample,), root mean square about 1."""
    rng = np.random.default_rng([seed, 4])
    speaker, out = int(rng.integers(len(SPEAKERS))), np.zeros(round(seconds * sample_rate), np.float32)
    at, phrase = 0, int(rng.integers(6, 11))
    while at < len(out):
        wave = _syllable(speaker, int(rng.integers(SYLLABLES)), sample_rate)[: len(out) - at]
        out[at : at + len(wave)] += wave * rng.uniform(0.7, 1.2)
        phrase -= 1
        at += len(wave) + int(rng.uniform(0.0, 0.03) * sample_rate)
        if phrase == 0:
            at, phrase = at + int(0.18 * sample_rate), int(rng.integers(6, 11))
    return out
