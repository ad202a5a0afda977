"""Properties that need no network: loudness, silence, black frames and cuts, computed piece by piece."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from lookhear.timeline.decide import runs

FLOOR = -100.0  # dB full scale, for digital silence
SILENT = -60.0  # dB full scale below which a tenth of a second is silent
LEAST = 0.5  # shortest silence or black stretch in seconds that is reported
DARK, DARKEST = 16.0, 48.0  # grey levels of a black frame: largest mean and largest 99th percentile
HISTOGRAM, PICTURE = 0.5, 18.0  # colour histogram distance (0..1) and mean grey difference of a cut
BINS, COARSE = 8, 16  # histogram bins per colour; side in pixels of the reduced picture


class Loudness:
    """Level of a sound in tenths of a second, computed piece by piece."""

    def __init__(self, rate: int):
        self.size = rate // 10
        self.rest = np.zeros(0, np.float32)
        self.power: list[np.ndarray] = []

    def take(self, wave: Float[np.ndarray, " sample"]) -> None:
        """Process the next piece."""
        whole = np.concatenate([self.rest, wave])
        count = len(whole) // self.size
        self.power.append(np.square(whole[: count * self.size].reshape(count, self.size)).mean(axis=1))
        self.rest = whole[count * self.size :]

    def tenths(self) -> Float[np.ndarray, " tenth"]:
        """Mean power of each tenth of a second; an incomplete last one counts."""
        last = [np.square(self.rest).mean(keepdims=True)] if len(self.rest) else []
        return np.concatenate([*self.power, *last]) if self.power or last else np.zeros(0)

    def levels(self) -> list[float]:
        """dB full scale of each second; an incomplete last one counts."""
        tenths = self.tenths()
        seconds = [tenths[i : i + 10].mean() for i in range(0, len(tenths), 10)]
        return [round(float(decibels(power)), 1) for power in seconds]

    def silence(self, duration: float) -> list[tuple[float, float]]:
        """Stretches of at least half a second below -60 dB full scale."""
        quiet = runs(decibels(self.tenths()) < SILENT)
        found = [(first / 10, min(duration, (last + 1) / 10)) for first, last in quiet]
        return [(round(a, 2), round(b, 2)) for a, b in found if b - a >= LEAST]


def decibels(power: np.ndarray | float) -> np.ndarray:
    """dB full scale of mean power."""
    return np.maximum(FLOOR, 10 * np.log10(np.maximum(power, 1e-12)))


class Pictures:
    """Cuts and black stretches, computed frame by frame."""

    def __init__(self, step: float):
        self.step = step
        self.times: list[float] = []
        self.dark: list[bool] = []
        self.cuts: list[float] = []
        self.last: tuple[np.ndarray, np.ndarray] | None = None

    def take(self, frame: UInt8[np.ndarray, "height width 3"], time: float) -> None:
        """Process the next frame, shown at `time` seconds."""
        down, along = (max(1, n // 64) for n in frame.shape[:2])
        small = frame[::down, ::along]
        grey = small.mean(axis=2)
        histogram = np.concatenate([np.histogram(small[..., c], BINS, (0, 256))[0] for c in range(3)]) / (3 * grey.size)
        coarse = _coarse(grey)
        if self.last is not None:
            apart = np.abs(histogram - self.last[0]).sum() / 2
            if apart > HISTOGRAM and np.abs(coarse - self.last[1]).mean() > PICTURE:
                self.cuts.append(round((time + self.times[-1]) / 2, 2))
        self.last = histogram, coarse
        self.times.append(time)
        self.dark.append(bool(grey.mean() < DARK and np.percentile(grey, 99) < DARKEST))

    def black(self, duration: float) -> list[tuple[float, float]]:
        """Stretches of at least half a second of black frames."""
        spans = []
        for first, last in runs(self.dark):
            start = 0.0 if first == 0 else self.times[first] - self.step / 2
            end = duration if last == len(self.dark) - 1 else self.times[last] + self.step / 2
            if end - start >= LEAST:
                spans.append((round(start, 2), round(end, 2)))
        return spans


def _coarse(grey: np.ndarray) -> np.ndarray:
    rows = np.linspace(0, grey.shape[0] - 1, COARSE).astype(int)
    columns = np.linspace(0, grey.shape[1] - 1, COARSE).astype(int)
    return grey[rows][:, columns]
