"""Frame selection of the published extraction scripts, by frame number: one function per script, with equal results.

times of all frames, seconds  ─ rule ─▶  numbers of frames, from 0, in the script's own order, repeats included

- `music_avqa_adaptive` (MUSIC-AVQA, so all that use its features): 60 frames, the middle of each second; shorter clips
  loop their last incomplete second.
- `ffmpeg_r1` (MUSIC-AVQA's other script, AVQA): `ffmpeg -r 1`, N + 2 files: frames 0 and 1,
  then 1.1 s before each second.
- `ffmpeg_vf_fps1` (common): `ffmpeg -vf fps=1`, N files: the last frame before k + 0.5 s.
- `tome_linspace10` (TSPM): 10 of the `ffmpeg_r1` files, evenly up to the last but one. The script's order depends on
  the file system; here they are sorted.
- `avqa_clips_8x16` (AVQA's HCRN features): 8 stretches of 16 neighbouring frames.
- `crab_arange` (Crab): `count` frames, the first of each equal part: 10, or 4 for emotion.
- `crab_plus_linspace` (Crab+): `count` frames from the first to the last.

With `count`, the two ffmpeg rules give their first `count` files and refuse a clip that has fewer (TSPM's first 60).
Irregularities are those of the scripts; for new work use `per_second`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from lookhear.errors import MediaError

# (times of all frames, frames per second, seconds by the header, count) -> frame numbers
Rule = Callable[[Sequence[float], float, float, int | None], list[int]]
EVEN = 0.5  # tolerance in frames for scripts that assume a constant frame rate
FASTEST = 100  # frames per second above which moviepy restarts at each request and returns frame 0


def music_avqa_adaptive(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """Frames of MUSIC-AVQA's own script.

    Raises MediaError for uneven frames, which the script read from a re-timed copy.
    """
    uneven = max(abs(t - times[0] - i / fps) for i, t in enumerate(times))
    if uneven > EVEN / fps or fps > FASTEST:
        raise MediaError(
            f"music_avqa_adaptive needs even frame times, at most {FASTEST} a second; these are up to {uneven:.2f} s "
            f"off at {fps:g} a second. Use rule=per_second for such files."
        )
    positions = adaptive_positions(fps, int(round(seconds, 2) * fps) + 1, count or 60)
    # headers often state one frame too many: moviepy then returns the last frame that it decoded
    last = max((p for p in positions if p <= len(times)), default=1)
    return [min(p, last) - 1 for p in positions]


def adaptive_positions(fps: float, frames: int, count: int = 60) -> list[int]:
    """The script's own frame numbers, from 1, for a file whose header states `frames` frames."""
    last = int(frames % fps) or int(fps)
    begin = frames - last
    middles = [round((i + 0.5) * fps) for i in range(count)]
    return [p if p <= frames else begin + 1 + (p - begin - 1) % last for p in middles]


def ffmpeg_r1(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """The files of `ffmpeg -r 1` (5.1): a frame that ends more than 1.1 s before the next file is due is dropped."""
    frames: list[int] = []
    for number, time in enumerate(times):
        drift = time - times[0] - len(frames)
        late = drift + 1 / fps
        if drift < 0 < late:
            drift = 0.0
        copies = 0 if late < -1.1 - 1e-9 else round(late) if late > 1.1 else 1
        before = min(copies, round(drift - 0.6)) if late > 1.1 and drift > 1.1 else 0  # copies of the previous frame
        frames += [max(number - 1, 0)] * before + [number] * (copies - before)
    return _first(frames, count, "ffmpeg_r1")


def ffmpeg_vf_fps1(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """The files of `ffmpeg -vf fps=1`: for each second the last frame whose rounded time is not later."""
    rounded = [math.floor(t - times[0] + 0.5 + 1e-9) for t in times]
    end = math.floor(times[-1] - times[0] + 1 / fps + 0.5 + 1e-9)
    found = [max((i for i, r in enumerate(rounded) if r <= k), default=0) for k in range(max(1, end))]
    return _first(found, count, "ffmpeg_vf_fps1")


def tome_linspace10(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """TSPM's selection for its merged tokens among the files of `ffmpeg_r1`, in sorted order."""
    files = ffmpeg_r1(times, fps, seconds)
    return [files[i] for i in _line(0, max(len(files) - 2, 0), count or 10)]


def avqa_clips_8x16(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """AVQA's eight stretches of 16 frames around evenly spaced positions, padded with the first or last frame."""
    frames, found = len(times), []
    for centre in _line(0, frames, 10)[1:9]:
        stretch = list(range(max(centre - 8, 0), frames - 1 if centre + 8 > frames else centre + 8))
        short = 16 - len(stretch)
        found += [0] * short + stretch if centre <= 8 else stretch + [frames - 1] * short
    return found


def crab_arange(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """Crab's `count` frames, the first of each equal part."""
    assert count, "Sampling asks for it"
    return [min(int(i * (len(times) / count)), len(times) - 1) for i in range(count)]


def crab_plus_linspace(times: Sequence[float], fps: float, seconds: float, count: int | None = None) -> list[int]:
    """Crab+'s `count` frames from the first to the last."""
    assert count, "Sampling asks for it"
    return [round(i * (len(times) - 1) / max(count - 1, 1)) for i in range(count)]


def _line(low: int, high: int, count: int) -> list[int]:
    """int(linspace(low, high, count)) with numpy's rounding."""
    import numpy as np

    return [int(x) for x in np.linspace(low, high, count)]


def _first(files: list[int], count: int | None, rule: str) -> list[int]:
    if count is not None and len(files) < count:
        raise MediaError(f"{rule} gives {len(files)} frames of this clip, fewer than count={count}.")
    return files[:count]


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        music_avqa_adaptive,
        ffmpeg_r1,
        ffmpeg_vf_fps1,
        tome_linspace10,
        avqa_clips_8x16,
        crab_arange,
        crab_plus_linspace,
    )
}
COUNTED = ("crab_arange", "crab_plus_linspace")  # rules that need a count
