"""Rendering of twins to files, and the proof that nothing but the changed cause differs between a twin and its base."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from lookhear.soundstage.picture.painter import frames
from lookhear.soundstage.scene.scene import Scene
from lookhear.soundstage.sound.mix import sound, stem
from lookhear.soundstage.twins.kinds import Twin


@dataclass(frozen=True)
class Proof:
    """Comparison of a twin with its base before any video or audio encoder.

    `same`: the stream that must not change is equal bit by bit. `rest`: the other stream is equal once the changed
    players are left out of both. `residual`: the largest absolute sample of (base - twin) minus the difference of the
    changed players' stems, where 1 is full scale; it is 0 up to rounding of float32. `changed`: the largest difference
    of a sample, or of a grey level out of 255, in the stream that must differ.
    """

    same: bool
    rest: bool
    residual: float
    changed: float


def render(twin: Twin, path: Path, size: int = 128, fps: float = 8, sample_rate: int = 16000, font: str = "") -> None:
    """Write a twin as H.264 and AAC in mp4, as `write.render` writes its base. Raises MediaError."""
    from lookhear.media.write import write

    shown = frames(twin.picture, size, fps, twin.crowd)
    write(path, shown, sound(twin.sound, sample_rate, font=font), fps, sample_rate)


def prove(base: Scene, twin: Twin, size: int = 128, fps: float = 8, sample_rate: int = 16000, font: str = "") -> Proof:
    """Compare a twin with its base, sample by sample and pixel by pixel."""
    heard = [sound(scene, sample_rate, font=font) for scene in (base, twin.sound)]
    rest = [sound(scene, sample_rate, twin.players, font) for scene in (base, twin.sound)]
    voices = np.zeros_like(heard[0])
    for index in twin.players:
        voices += stem(base, index, sample_rate, font=font) - stem(twin.sound, index, sample_rate, font=font)
    residual = float(np.abs(heard[0] - heard[1] - voices).max())
    shown, largest = _pictures(base, twin, (), size, fps)
    if twin.stream == "audio":
        return Proof(shown, np.array_equal(rest[0], rest[1]), residual, float(np.abs(heard[0] - heard[1]).max()))
    bare, _ = _pictures(base, twin, twin.players, size, fps)
    return Proof(np.array_equal(heard[0], heard[1]), bare, residual, float(largest))


def _pictures(base: Scene, twin: Twin, without: tuple[int, ...], size: int, fps: float) -> tuple[bool, int]:
    """Whether all frames of both are equal when the players `without` are left out, and the largest difference of a
    pixel."""
    one, other = (frames(scene, size, fps, twin.crowd, without) for scene in (base, twin.picture))
    largest = 0
    for a, b in zip_longest(one, other):
        if a is None or b is None:
            return False, 255
        if not np.array_equal(a, b):
            largest = max(largest, int(np.abs(a.astype(np.int16) - b.astype(np.int16)).max()))
    return largest == 0, largest
