"""Sampling: which frames of a clip are decoded, as a frozen value with a name.

|----step----|----step----|----step----|--|      per_second, offset 0.5: the middle of each step
      x            x            x
|------part------|------part------|              uniform, count 2: the middle of each equal part
        x                 x

A new rule is a function `(sampling, start, end) -> times` in RULES and, if it has settings of its own, a line in
`name`. Rules of published scripts use frame numbers instead of times: `frame_rules.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.media import frame_rules


@dataclass(frozen=True)
class Sampling:
    """Which frames are decoded, their size, and the sample rate of the sound.

    `rule` is `per_second` (one frame in every 1/`fps` seconds, at `offset` of the step), `uniform` (`count` frames, one
    at `offset` of each equal part), `every` (each frame of the file), or the name of a published script's rule in
    `frame_rules` (`music_avqa_adaptive`, `crab_arange` with `count`, …). `size` (height, width) scales inside the
    decoder, after rotation; None keeps the file's size. `loop_filter` False omits the deblocking filter of the decoder:
    faster, with slightly different pixels (measured in docs/results/extraction.md). Raises RecipeError for invalid
    settings.
    """

    rule: str = "per_second"
    fps: float = 1.0
    offset: float = 0.5
    count: int | None = None
    size: tuple[int, int] | None = None
    sample_rate: int = 16_000
    loop_filter: bool = True

    def __post_init__(self) -> None:
        if self.rule not in RULES and not self.numbered:
            raise RecipeError(catalog.unknown("sampling rule", self.rule, (*RULES, *frame_rules.RULES)))
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise RecipeError(f"Sampling fps={self.fps!r}: frames per second must be a positive number.")
        if not 0 <= self.offset < 1:
            raise RecipeError(f"Sampling offset={self.offset!r}: the place within a step is from 0 to below 1.")
        needed = self.rule in ("uniform", *frame_rules.COUNTED)
        if (needed and self.count is None) or (self.count is not None and self.count < 1):
            raise RecipeError(f"Sampling count={self.count!r}: rule {self.rule!r} needs how many frames, 1 or more.")
        if self.rule in ("per_second", "every", "avqa_clips_8x16") and self.count is not None:
            raise RecipeError(f"Sampling count={self.count!r} belongs to rule 'uniform', not to {self.rule!r}.")
        if self.size is not None:
            object.__setattr__(self, "size", tuple(self.size))  # YAML gives a list
            if len(self.size) != 2 or not all(isinstance(n, int) and n > 0 for n in self.size):
                raise RecipeError(f"Sampling size={self.size!r}: give (height, width) in pixels, both positive.")
        if not (isinstance(self.sample_rate, int) and self.sample_rate > 0):
            raise RecipeError(f"Sampling sample_rate={self.sample_rate!r}: samples per second must be positive.")

    @property
    def numbered(self) -> bool:
        """Whether frames are selected by their numbers in the file, as by a published script, instead of by time."""
        return self.rule in frame_rules.RULES

    @property
    def name(self) -> str:
        """A short text that differs for any two samplings; part of a feature's signature."""
        size = f" {self.size[0]}x{self.size[1]}" if self.size else ""
        how = {
            "per_second": f" fps={self.fps:g} offset={self.offset:g} tail=half",
            "uniform": f" count={self.count} offset={self.offset:g}",
        }
        counted = f" count={self.count}" if self.count and self.numbered else ""
        rough = "" if self.loop_filter else " loop_filter=off"
        return f"{self.rule}{how.get(self.rule, counted)}{size} {self.sample_rate}Hz{rough}"

    def times(self, start: float, end: float) -> list[float] | None:
        """The requested times in seconds, ascending, from `start` to `end`; None if the file determines them (`every`).

        For rules by frame number: their selection among frames at 25 per second, which is used for blank clips.
        """
        if self.numbered:
            return sorted(
                self.chosen([start + i / 25 for i in range(max(1, round((end - start) * 25)))], 25, end - start)
            )
        return RULES[self.rule](self, start, end)

    def chosen(self, times: Sequence[float], fps: float, seconds: float) -> list[float]:
        """The frames that a rule by number selects among those at `times` (`fps` by the header), in its order."""
        return [times[i] for i in frame_rules.RULES[self.rule](times, fps, seconds, self.count)]


def _per_second(sampling: Sampling, start: float, end: float) -> list[float]:
    """Tail rule "half": an incomplete last step counts if at least half of it is there; any clip has one step."""
    steps = max(1, math.floor((end - start) * sampling.fps + 0.5 + 1e-9))
    times = [start + (k + sampling.offset) / sampling.fps for k in range(steps)]
    if times[-1] >= end:  # past the end: the same fraction of the step's actual length
        begin = start + (steps - 1) / sampling.fps
        times[-1] = begin + sampling.offset * (end - begin)
    return times


def _uniform(sampling: Sampling, start: float, end: float) -> list[float]:
    part = (end - start) / (sampling.count or 1)
    return [start + (k + sampling.offset) * part for k in range(sampling.count or 1)]


def _every(sampling: Sampling, start: float, end: float) -> None:
    return None


RULES: dict[str, Callable[[Sampling, float, float], list[float] | None]] = {
    "per_second": _per_second,
    "uniform": _uniform,
    "every": _every,
}
