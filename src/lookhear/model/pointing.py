"""The seconds an answer points to: weights cut to the clip, stretches that stand out, and nothing where nothing is.

A net gives every second a weight, silent and black ones too. A silent second holds no evidence in what was heard, so no
segment covers it; of a track that is empty throughout no weights are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from lookhear.types import Media, Segment

TRACKS = {"seen": "visual", "heard": "audio"}  # track of evidence -> stream of the segments found in it
STANDS_OUT = 1.5  # times the even share: a second that weighs more belongs to a segment
SILENT = 1e-3  # peak below which a second is silent: -60 dB of full scale
BLACK = 16  # brightest value of a black frame

Empty = Mapping[str, Sequence[bool]]  # track of evidence -> for each second whether nothing is there


def empty_seconds(media: Media) -> dict[str, tuple[bool, ...]]:
    """For each second of a decoded clip whether its picture is black (`seen`), its sound silent (`heard`).

    A track that was not decoded is left out; a second without a frame of its own looks like the one before it.
    """
    empty = {}
    if media.waveform is not None and len(media.waveform):
        rate = media.sample_rate
        parts = [media.waveform[at : at + rate] for at in range(0, len(media.waveform), rate)]
        empty["heard"] = tuple(bool(np.abs(part).max() < SILENT) for part in parts)
    if media.frames is not None and len(media.frames):
        black: dict[int, bool] = {}
        last = False
        for frame, time in zip(media.frames, media.times, strict=True):
            black[int(time)] = bool(frame.max() < BLACK) and black.get(int(time), True)
        seen = []
        for second in range(max(black) + 1):
            last = black.get(second, last)
            seen.append(last)
        empty["seen"] = tuple(seen)
    return empty


def word_weights(weight: Tensor, pieces: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """(word, weight) in order, summing to 1, from the weight of each row of a text stream and what the rows stand for.

    Pieces of a word (`##`) are added up. The weight of the rows after the last piece, if any, is called [padding].
    """
    shares = (weight / weight.sum().clamp(min=1e-12)).tolist()
    weighted: list[tuple[str, float]] = []
    for piece, share in zip(pieces, shares, strict=False):
        if piece.startswith("##") and weighted:
            before, sofar = weighted.pop()
            weighted.append((before + piece.removeprefix("##"), sofar + share))
        else:
            weighted.append((piece, share))
    rest = sum(shares[len(pieces) :])
    return (*weighted, ("[padding]", rest)) if rest > 1e-6 else tuple(weighted)


def trimmed(weight: Tensor, seconds: int | None, empty: Sequence[bool] = ()) -> tuple[float, ...]:
    """The weights of a clip's own seconds, summing to 1; none where the track is `empty` throughout."""
    if empty and all(empty):
        return ()
    weight = weight[:seconds]
    return tuple((weight / weight.sum().clamp(min=1e-12)).tolist())


def segments(track: str, weight: Sequence[float], empty: Sequence[bool] = ()) -> list[Segment]:
    """Contiguous seconds that stand out and are not `empty`, as segments of the stream they were found in."""
    gone = [*empty, *[False] * len(weight)]
    high = [w > STANDS_OUT / len(weight) and not nothing for w, nothing in zip(weight, gone, strict=False)]
    standing_out, start = [], None
    for second, on in enumerate([*high, False]):
        if on and start is None:
            start = second
        elif not on and start is not None:
            standing_out.append(Segment(track, float(start), float(second), TRACKS[track]))
            start = None
    return standing_out
