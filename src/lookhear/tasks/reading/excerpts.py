"""Which frames and which samples of a clip Crab and Crab+ show to their models, task by task.

Frames: Crab takes the first frame of each equal part, Crab+ spreads them from the first to the last. Sound: most tasks
hear a clip in equal pieces, put back together, so that only the samples that do not divide are lost.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SILENCE = -1  # a sample that is put in
RATE = 16_000
SOUND: Mapping[str, str] = {  # part of AV-UIE -> rule of `sound`
    "avqa": "windows", "s4": "one fifth", "ms3": "one fifth", "ref_avs": "one tenth", "arig": "fifths",
} | dict.fromkeys(("meld", "mer24", "mafw", "dfew", "cremad"), "four seconds") | dict.fromkeys(
    ("avqa_thu", "ks", "ucf", "avvp", "ave", "a2v", "v2a", "unav", "avcap"), "tenths"
)  # fmt: skip
PARTS = {"fifths": 5, "one fifth": 5, "tenths": 10, "one tenth": 10}


def frames(total: int, count: int = 10) -> np.ndarray:
    """Crab: the first frame of each of `count` equal parts of `total`; all of them where there are fewer."""
    if total < 1:
        return np.zeros(0, dtype=np.int64)
    count = min(count, total)
    # the official arange has one index too many, behind the last frame, where the step is rounded down (523 in 7 parts)
    return np.floor(np.arange(count) * (total / count)).astype(np.int64)


def frames_plus(total: int, count: int = 10) -> np.ndarray:
    """Crab+: an even number of frames from the first to the last, four for emotions.

    Of a shorter clip, every frame; the released code tries two frames there and then takes black ones without a word.
    """
    even = 2 * round(count / 2)
    return np.round(np.linspace(0, total - 1, min(even, total))).astype(np.int64)


def sound(total: int, rule: str = "whole", piece: int = 0, rate: int = RATE) -> np.ndarray:
    """The sample that is heard at each place, SILENCE where none is, of a sound of `total` samples (Crab+).

    `windows`: ten of two seconds, from half a second before every sixth; a sound is taken to be 60 s long, as
    MUSIC-AVQA's are. `tenths`, `fifths`: all equal pieces. `one tenth`, `one fifth`: number `piece` of them.
    `four seconds`: the first four. `whole`: all. A sound of less than a second is filled up with silence first.
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
