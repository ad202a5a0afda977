"""Limits on what reading one file may cost: pixels, seconds, memory and processor time.

A header can claim anything at no cost: a day of sound in 3 kB, a picture of a billion pixels, a pause of a week.
Nothing is therefore allocated or computed because of a header alone. A file whose content exceeds the `Limits` is
refused with a one-line MediaError.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from lookhear.errors import MediaError


@dataclass(frozen=True)
class Limits:
    """Limits for one file or one decoded clip."""

    pixels: int = 2**25  # pixels of one picture: 34 million, as in 8K; converting one takes up to 0.8 GB
    seconds: float = 24 * 3600.0  # longest clip in seconds
    pause: float = 600.0  # seconds without a packet in any track after which timestamps are invalid
    memory: int = 4 * 2**30  # bytes of distinct frames and of sound that are decoded at once
    padding: int = 2**29  # bytes of repeated frames or silence that are added at once
    rates: tuple[int, int] = (1_000, 1_000_000)  # sample rates of a sound track in Hz
    start: float = 5.0  # processor seconds allowed for any file, and …
    bytes_per_second: float = 10_000.0  # … one more for each of so many bytes
    honest: float = 1_000.0  # bytes per second of a file, below which its packets are counted to check its length


LIMITS = Limits()


class Stopwatch:
    """Context manager that measures the processor time of this thread against the allowance for a file of this size."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._size = path, path.stat().st_size
        self._allowed, self._spent, self._since = limits.start + self._size / limits.bytes_per_second, 0.0, 0.0

    def __enter__(self) -> None:
        self._since = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self._spent += time.thread_time() - self._since
        if self._spent > self._allowed:
            raise MediaError(
                f"{str(self._path)!r}: reading took more than {self._allowed:.0f} s of processor time for "
                f"{self._size / 1000:.0f} kB, so it was given up. Re-encode the file."
            )
