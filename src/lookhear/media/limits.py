"""What reading one file may cost: pixels, seconds, memory and processor time, whatever its headers claim.

A header can claim anything at no cost: a day of sound in 3 kB, a picture of a billion pixels, a pause of a week. So
nothing is allocated or computed because a header says so. Where a file really holds more than `Limits` allow, it is
refused in one line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from lookhear.errors import MediaError


@dataclass(frozen=True)
class Limits:
    """The most that one file, or one decoded clip, may take."""

    pixels: int = 2**25  # of one picture: 34 million, as 8K has; one takes up to 0.8 GB while it is converted
    seconds: float = 24 * 3600.0  # of a clip
    pause: float = 600.0  # seconds without a packet in any track after which timestamps are not believed
    memory: int = 4 * 2**30  # bytes of distinct frames and of sound, decoded at once
    padding: int = 2**29  # bytes of repeated frames or silence that fill what is missing, decoded at once
    rates: tuple[int, int] = (1_000, 1_000_000)  # samples per second of a sound track
    start: float = 5.0  # processor seconds that any file may take, and …
    bytes_per_second: float = 10_000.0  # … one more for each so many bytes
    honest: float = 1_000.0  # bytes a second: a file with fewer is counted, packet by packet, before it is believed


LIMITS = Limits()


class Stopwatch:
    """Processor time spent inside `with` by this thread, held against what a file of this size may take."""

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
