"""Room response (hall or open air), K-weighted loudness, and background ambience."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.signal import freqz

TAIL = 0.6  # longest reverberation tail of a room, in seconds


@lru_cache(maxsize=16)
def response(indoor: bool, variant: int, size: int, sample_rate: int) -> np.ndarray:
    """Frequency response, complex64 (size // 2 + 1,). The direct sound has no delay and gain 1."""
    rng = np.random.default_rng([variant, indoor])
    impulse = np.zeros(int(TAIL * sample_rate))
    impulse[0] = 1.0
    t = np.arange(len(impulse)) / sample_rate
    if indoor:
        for delay, gain in zip(rng.uniform(0.008, 0.05, 6), 0.22 * rng.uniform(0.4, 1, 6), strict=True):
            impulse[int(delay * sample_rate)] += gain * rng.choice((-1, 1))
        decay = 0.35 + 0.1 * variant  # seconds for a decay by 60 dB
        tail = rng.standard_normal(len(t)) * np.exp(-6.91 * t / decay) * (t > 0.015)
        impulse += 0.35 * np.convolve(tail, [0.5, 0.5], "same") / np.sqrt(np.sum(tail**2))
    else:
        impulse[int((0.006 + 0.003 * variant) * sample_rate)] += 0.12  # reflection from the ground
    return np.fft.rfft(impulse, size).astype(np.complex64)


@lru_cache(maxsize=8)
def ear(size: int, sample_rate: int) -> np.ndarray:
    """Weight of each power-spectrum bin (size // 2 + 1,) in loudness: the K curve of ITU-R BS.1770, 1 at 1 kHz."""
    f = np.fft.rfftfreq(size, 1 / sample_rate)
    shelf = freqz(
        [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585], f, fs=48000
    )
    rumble = freqz([1.0, -2.0, 1.0], [1, -1.99004745483398, 0.99007225036621], f, fs=48000)
    weight = np.abs(shelf[1] * rumble[1]) ** 2
    return (weight / np.interp(1000, f, weight)).astype(np.float32)


def loudness(waveform: np.ndarray, seconds: float, sample_rate: int) -> float:
    """Loudness in dB full scale of a sound with a duration of `seconds`: K-weighted root mean square."""
    size = len(waveform)
    return power_db(np.fft.rfft(waveform), size, seconds, sample_rate)


def power_db(spectrum: np.ndarray, size: int, seconds: float, sample_rate: int) -> float:
    """`loudness` from the spectrum (size // 2 + 1,) of the sound."""
    energy = 2 * float(np.dot(ear(size, sample_rate), spectrum.real**2 + spectrum.imag**2)) / size
    return 10 * np.log10(max(energy / (seconds * sample_rate), 1e-20))


@lru_cache(maxsize=8)
def ambience(indoor: bool, sample_rate: int) -> np.ndarray:
    """Ten seconds of background without any player, float32 (sample,): the air of a hall, or wind and a bird
    outdoors."""
    size = 10 * sample_rate
    rng = np.random.default_rng(int(indoor))
    f = np.fft.rfftfreq(size, 1 / sample_rate)
    tint = 1 / np.maximum(f, 60) ** (0.5 if indoor else 0.8) * (f < 7000)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * tint)
    noise /= noise.std()
    t = np.arange(size) / sample_rate
    if not indoor:
        noise *= 1 + 0.5 * np.sin(2 * np.pi * 0.2 * t)
        for start in (1.3, 1.6, 6.2, 6.5, 6.8):
            chirp = np.clip((t - start) / 0.12, 0, 1)
            noise += 1.5 * np.sin(np.pi * chirp) * np.sin(2 * np.pi * (5200 * t + 40 * np.sin(60 * t)))
    return (noise * 10 ** ((-66 if indoor else -62) / 20)).astype(np.float32)
