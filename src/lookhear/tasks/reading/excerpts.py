"""Frame and sample selection of Crab and Crab+, task by task.

Frames: Crab takes the first frame of each equal part, Crab+ spaces them evenly from the first to the last. Sound: most
tasks cut a clip into equal pieces and concatenate them, so that only the remainder of the division is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SILENCE = -1  # index of an inserted zero sample
RATE = 16_000
SOUND: Mapping[str, str] = {  # part of AV-UIE -> rule of the function `sound`
    "avqa": "windows", "s4": "one fifth", "ms3": "one fifth", "ref_avs": "one tenth", "arig": "fifths",
} | dict.fromkeys(("meld", "mer24", "mafw", "dfew", "cremad"), "four seconds") | dict.fromkeys(
    ("avqa_thu", "ks", "ucf", "avvp", "ave", "a2v", "v2a", "unav", "avcap"), "tenths"
)  # fmt: skip
PARTS = {"fifths": 5, "one fifth": 5, "tenths": 10, "one tenth": 10}


def frames(total: int, count: int = 10) -> np.ndarray:
    """Crab: indices of the first frame of each of `count` equal parts of `total`; all frames if there are fewer."""
    if total < 1:
        return np.zeros(0, dtype=np.int64)
    count = min(count, total)
    # the official arange gives an extra index past the last frame if the step is rounded down (523 in 7 parts)
    return np.floor(np.arange(count) * (total / count)).astype(np.int64)


def frames_plus(total: int, count: int = 10) -> np.ndarray:
    """Crab+: indices of an even number of evenly spaced frames from the first to the last, four for emotions.

    A shorter clip gives every frame; the released code fails there and silently uses black frames.
    """
    even = 2 * round(count / 2)
    return np.round(np.linspace(0, total - 1, min(even, total))).astype(np.int64)


def sound(total: int, rule: str = "whole", piece: int = 0, rate: int = RATE) -> np.ndarray:
    """Sample indices (SILENCE for zeros) that Crab+ selects from a sound of `total` samples.

    `windows`: ten windows of two seconds, each from half a second before every sixth second; the sound is assumed to be
    60 s long, as in MUSIC-AVQA. `tenths`, `fifths`: all equal pieces. `one tenth`, `one fifth`: the piece number
    `piece`. `four seconds`: the first four seconds. `whole`: everything. A sound shorter than a second is first padded
    with silence.
    """
    heard = np.arange(max(total, rate))
    heard[total:] = SILENCE
    if rule == "four seconds":
        return np.concatenate([heard, np.full(4 * rate, SILENCE)])[: 4 * rate]
    if rule == "windows":
        second = len(heard) // 60
        before = np.full(second // 2, SILENCE)
        padded = np.concatenate([before, heard])
        return np.concatenate([padded[i * second : (i + 2) * second] for i in range(0, 60, 6)])
    if rule == "whole":
        return heard
    if rule not in PARTS:
        raise ValueError(f"no rule is called {rule!r}; there are windows, four seconds, whole, {', '.join(PARTS)}")
    parts = PARTS[rule]
    length = len(heard) // parts
    if rule.startswith("one"):
        if not 0 <= piece < parts:
            raise ValueError(f"piece {piece} is none of {parts}")
        return heard[piece * length : (piece + 1) * length]
    return heard[: parts * length]
