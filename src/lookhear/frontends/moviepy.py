"""Resampling to 16 kHz as in moviepy 1.0.3, from which MUSIC-AVQA's features were made: aliased and drifting.

The 44.1 kHz sound is not low-passed: output sample n is the input sample nearest to n / 16 000 s. Moviepy reads through
a buffer of 200 000 samples which it re-centres when an index leaves it, keeping one sample too many each time, so what
follows is one 44.1 kHz sample late, once more about every 2.3 s. This is only for reproducing published features.
"""

from __future__ import annotations

import itertools

import numpy as np

RATE_IN, RATE_OUT = 44_100, 16_000
BUFFER, CHUNK = 200_000, 2000


def decimate(wave: np.ndarray, duration: float) -> np.ndarray:
    """`wave` (sample, ...) at 44.1 kHz in -1..1 as moviepy brings it to 16 kHz; `duration` is the file header's."""
    total = int(RATE_OUT * duration)
    edges = np.linspace(0, total, max(1, -(-total // CHUNK)) + 1, dtype=int)
    reader = _Buffer(wave)
    second = 1.0 / RATE_OUT  # a product, not a quotient, as in moviepy: exact halves round by the last bit
    chunks = [reader.at(second * np.arange(a, b), duration) for a, b in itertools.pairwise(edges)]
    quantised = np.trunc(2**15 * np.clip(np.concatenate(chunks), -0.99, 0.99))
    return quantised / 2**15


class _Buffer:
    """A stretch of the sound, re-centred as moviepy does."""

    def __init__(self, wave: np.ndarray):
        self.wave, self.position = wave, 0
        self.start, self.held = 0, self._next(BUFFER)

    def at(self, times: np.ndarray, duration: float) -> np.ndarray:
        """Samples nearest to `times`; zeros outside the sound."""
        inside = (times >= 0) & (times < duration)
        out = np.zeros((len(times), *self.wave.shape[1:]))
        index = np.round(RATE_IN * times).astype(int)[inside]
        if not len(index):
            return out
        for edge in (index.min(), index.max()):
            if not 0 <= edge - self.start < len(self.held):
                self._around(int(edge))
                break
        index = index - self.start
        if len(self.held) < BUFFER // 2:
            index = index - (BUFFER // 2 - len(self.held) + 1)
        out[inside] = self.held[np.clip(index, -len(self.held), len(self.held) - 1)]
        return out

    def _around(self, frame: int) -> None:
        start, end = max(0, frame - BUFFER // 2), self.start + BUFFER
        if start < end < start + BUFFER:
            kept = end - start + 1  # one too many: all following samples are one late
            self.held = np.concatenate([self.held[-kept:], self._next(BUFFER - kept)])
        else:
            self.position = start
            self.held = self._next(BUFFER)
        self.start = start

    def _next(self, count: int) -> np.ndarray:
        piece = self.wave[self.position : self.position + count]
        self.position += count
        return piece
