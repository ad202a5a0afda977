"""Synthesise single notes as waveforms, cached in a bank: each note is made once per process.

Held tones read band-limited wave tables. Decaying tones are sums of complex exponentials, computed as one small matrix
product (block starts times offsets within a block), so that a note takes about a millisecond for any number of
partials. `tone` is the only function from a note to a waveform; with a sound font it returns that font's note.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.signal import butter, sosfilt

from lookhear.soundstage.sound import voices_font, voices_second
from lookhear.soundstage.sound.melody import MIDDLE
from lookhear.soundstage.sound.voices import DecayingTone, Formants, SustainedTone

TABLE = 4096
BLOCK = 256


@lru_cache(maxsize=2500)
def tone(
    instrument: str, pitch: int, seconds: float, sample_rate: int = 16000, take: int = 0, font: str = ""
) -> np.ndarray:
    """A note, float32 (sample,), held for `seconds` and not yet released; `take` varies players of one type.

    `font` is the path of a sound font whose note is returned (`voices_font`), or `voices_second.NAME`. Root mean square
    is about 1 over the first 0.3 s; `sound` sets the level of a whole part.
    """
    voice = voices_second.voice(instrument, font)
    rng = np.random.default_rng([pitch, take, sum(instrument.encode())])
    size = math.ceil(seconds * sample_rate)
    if font and font != voices_second.NAME:
        wave = voices_font.note(font, instrument, pitch, seconds, sample_rate, take)
    elif isinstance(voice, SustainedTone):
        wave = _sustained(voice, pitch, size, sample_rate, take, rng)
    else:
        wave = (_drum if instrument == "drum" else _decaying)(voice, instrument, pitch, size, sample_rate, take, rng)
    head = wave[: int(0.3 * sample_rate)]
    wave = (wave / max(float(np.sqrt(np.mean(head**2))), 1e-9)).astype(np.float32)
    wave.flags.writeable = False
    return wave


def _hertz(pitch: float) -> float:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _shape(frequencies: np.ndarray, formants: Formants) -> np.ndarray:
    """Gain of the instrument's body at these frequencies, in dB."""
    return sum((g * np.exp(-0.5 * ((frequencies - c) / w) ** 2) for c, g, w in formants), np.zeros_like(frequencies))


@lru_cache(maxsize=64)
def _noise(low: float, high: float, sample_rate: int) -> np.ndarray:
    """Two seconds of band-limited noise, root mean square 1."""
    edge = sample_rate / 2 * 0.98
    sos = butter(2, [low, min(high, edge)], "bandpass", fs=sample_rate, output="sos")
    noise = sosfilt(sos, np.random.default_rng(5).standard_normal(2 * sample_rate + 2000))[2000:]
    return noise / noise.std()


def _band(low: float, high: float, size: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    return np.resize(np.roll(_noise(low, high, sample_rate), -int(rng.integers(2 * sample_rate))), size)


def _tables(voice: SustainedTone, hertz: float, sample_rate: int) -> np.ndarray:
    """Wave tables (2, TABLE): the dull beginning of a tone and its full sound."""
    n = np.arange(1, max(2, int(0.48 * sample_rate / hertz)))
    level = voice.slope * np.log2(n) + _shape(n * hertz, voice.formants) + np.where(n % 2 == 0, voice.even, 0.0)
    phase = np.random.default_rng(9).uniform(0, 2 * np.pi, len(n))
    spectrum = np.zeros((2, TABLE // 2 + 1), complex)
    spectrum[:, 1 : len(n) + 1] = 10 ** (np.stack([level - 7 * np.log2(n), level]) / 20) * np.exp(1j * phase)
    table = np.fft.irfft(spectrum, axis=1)
    return table / table[1].std()


def _sustained(
    voice: SustainedTone, pitch: int, size: int, sample_rate: int, take: int, rng: np.random.Generator
) -> np.ndarray:
    t = np.arange(size) / sample_rate
    swing = voice.vibrato[1] * (1 - np.exp(-t / 0.15)) * np.sin(2 * np.pi * voice.vibrato[0] * (1 + 0.07 * take) * t)
    cents = swing - voice.scoop * np.exp(-t / 0.03) + 5 * take
    full = 1 - np.exp(-t / max(voice.bloom, 1e-3))
    wave = np.zeros(size)
    sources = [(pitch + reed / 100, cents, 1.0) for reed in voice.reeds] + [(d, 0.0, 0.45) for d in voice.drones]
    for number, (midi, bend, gain) in enumerate(sources):
        hertz = _hertz(midi)
        turns = np.cumsum(hertz * 2 ** (bend / 1200) * np.ones(size)) / sample_rate + 0.37 * number
        at = (turns % 1.0 * TABLE).astype(np.int32)
        mellow, bright = _tables(voice, hertz, sample_rate)
        wave += gain * (mellow[at] * (1 - full) + bright[at] * full)
    wave *= 1 + voice.beat[1] * np.sin(2 * np.pi * voice.beat[0] * t)
    wave *= 1 + 0.07 * np.interp(t / 0.07, np.arange(size), rng.standard_normal(size))  # no hand or breath is steady
    level, low, high = voice.noise
    breath = 10 ** (level / 20) + 10 ** (voice.chiff / 20) * np.exp(-t / 0.03)
    wave += breath * _band(low, high, size, sample_rate, rng)
    return wave * np.minimum(1, t / voice.attack)


def _partials(hertz: np.ndarray, level: np.ndarray, decay: np.ndarray, size: int, sample_rate: int) -> np.ndarray:
    """Sum of decaying sines: `decay` is the time to -60 dB of each, in seconds."""
    keep = hertz < 0.48 * sample_rate
    step = (-6.91 / decay[keep] + 2j * np.pi * hertz[keep]) / sample_rate
    start = 10 ** (level[keep] / 20) * np.exp(1j * np.random.default_rng(3).uniform(0, 2 * np.pi, len(step)))
    outer = np.exp(np.outer(np.arange(0, size, BLOCK), step)) * start
    inner = np.exp(np.outer(step, np.arange(BLOCK)))
    return (outer @ inner).real.ravel()[:size]


def _decaying(
    voice: DecayingTone, name: str, pitch: int, size: int, sample_rate: int, take: int, rng: np.random.Generator
) -> np.ndarray:
    hertz = _hertz(pitch + 0.05 * take)
    if voice.ratios:
        ratio, level = np.array(voice.ratios), np.array(voice.gains, float)
    else:
        n = np.arange(1, 61)
        ratio = n * np.sqrt(1 + voice.stiff * n**2)
        level = voice.slope * np.log2(n) + 20 * np.log10(np.abs(np.sin(np.pi * n * voice.place)) + 0.03)
    f = ratio * hertz
    level = level + _shape(f, voice.formants)
    decay = voice.ring * 2 ** ((MIDDLE[name] - pitch) / 24) / (1 + f / voice.dull)
    wave = _partials(f, level, decay, size, sample_rate)
    if voice.pair:
        wave = wave + 0.8 * _partials(f * 2 ** (voice.pair / 1200), level, decay, size, sample_rate)
    t = np.arange(size) / sample_rate
    if voice.bend[0] or voice.bend[2]:
        cents = voice.bend[0] * np.exp(-t / 0.05) + voice.bend[2] * np.minimum(1, t / 0.2) * np.sin(
            2 * np.pi * voice.bend[1] * t
        )
        wave = np.interp(np.cumsum(2 ** (cents / 1200)) - 1, np.arange(size), wave)
    peak = float(np.sqrt(np.mean(wave[: sample_rate // 20] ** 2)))
    db, low, high, length = voice.click
    wave = wave + peak * 10 ** (db / 20) * 4 * np.exp(-t / length) * _band(low, high, size, sample_rate, rng)
    return wave * np.minimum(1, t / voice.attack)


def _drum(
    voice: DecayingTone, name: str, pitch: int, size: int, sample_rate: int, take: int, rng: np.random.Generator
) -> np.ndarray:
    """A drum kit: low notes are the bass drum, middle notes the snare, high notes the tom; each has a cymbal."""
    t = np.arange(size) / sample_rate
    octave, step = divmod(pitch - MIDDLE[name] + 6, 12)
    hertz = (58.0, 185.0, 115.0)[step // 4 % 3] * 2 ** (0.5 * octave)
    body = _partials(
        np.array(voice.ratios) * hertz, np.array(voice.gains, float), np.full(4, voice.ring), size, sample_rate
    )
    body = np.interp(np.cumsum(2 ** (voice.bend[0] * np.exp(-t / 0.02) / 1200)) - 1, np.arange(size), body)
    snare = (0.25, 1.0, 0.4)[step // 4 % 3] * np.exp(-t / 0.07) * _band(1200, 6500, size, sample_rate, rng)
    cymbal = 0.3 * np.exp(-t / voice.click[3]) * _band(*voice.click[1:3], size, sample_rate, rng)
    return (body + snare + cymbal) * np.minimum(1, t / voice.attack)
