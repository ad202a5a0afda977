"""Encode one clip, the unit of work of an extraction: decode it once for all encoders whose features are missing.

file ─ pieces of 32 s ─▶ encoders with a limited receptive field: piece by piece, with constant memory
                     └─▶ encoders that need the whole clip: pieces are collected and joined
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lookhear.errors import LookhearError, MediaError
from lookhear.media.decode import decode, stream
from lookhear.media.sampling import Sampling
from lookhear.store.features import FeatureStore, StoreWriteError, key
from lookhear.types import BLANK, Clip, Media

PIECE = 32.0  # seconds decoded at once: two such pieces of full-size 720p frames are 180 MB
SILENT = "sound is silent throughout"  # a note of each piece; a note of the clip only if every piece has it
LEAST = 1.0  # seconds; a shorter last piece is merged into the previous one


@dataclass(frozen=True)
class Tally:
    """Counts of an extraction, in clips (or texts); `seconds` is the length of the decoded media."""

    made: int = 0
    kept: int = 0
    failed: tuple[tuple[str, str], ...] = ()  # (clip id, reason)
    seconds: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        together = self.failed + other.failed
        return Tally(self.made + other.made, self.kept + other.kept, together, self.seconds + other.seconds)


def units(clips: Iterable[Clip]) -> list[Clip]:
    """The distinct time spans of single recordings in `clips`; a clip with sound from another recording gives two."""
    spans: dict[Clip, None] = {}
    for clip in clips:
        same = clip.video and clip.audio and clip.video.id == clip.audio.id
        for unit in [clip] if same else [replace(clip, audio=None), replace(clip, video=None)]:
            if {unit.video, unit.audio} - {None, BLANK}:
                spans[unit] = None
    return list(spans)


def encode_clip(clip: Clip, encoders: Sequence[Any], store: FeatureStore) -> Tally:
    """Encode one clip with all encoders whose features are missing; those with equal sampling share one decode."""
    blank = clip.video == BLANK
    keys = {id(e): key(clip, e.reads) for e in encoders}
    where = {encoder: name for encoder, name in keys.items() if name is not None}
    seconds = 0.0
    try:
        there = [e for e in encoders if id(e) in where]
        todo = [e for e in there if not store.has(e.signature()["name"], where[id(e)])]
        if not todo:
            return Tally(kept=int(not blank and bool(there)))
        for sampling, users in _together(todo):
            sides = {e.reads for e in users}
            length, made = _encoded(clip, sampling, users, "frames" in sides, "waveform" in sides)
            seconds = max(seconds, length)
            for encoder, (streams, missing) in zip(users, made, strict=True):
                store.put(encoder.signature()["name"], where[id(encoder)], streams, absent=missing)
    except StoreWriteError:
        raise
    except LookhearError as error:
        return Tally(failed=((clip.id, str(error)),))
    except Exception as error:  # any exception of a decoder or encoder affects this clip only
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return Tally(failed=((clip.id, reason),))
    return Tally() if blank else Tally(made=1, seconds=seconds)


def _together(encoders: Sequence[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """Group encoders by sampling, in as few groups as possible; audio encoders join any group with frames."""
    groups: dict[Any, list[Any]] = {}
    for encoder in sorted(encoders, key=lambda e: e.reads):  # frames before waveform
        listens = encoder.reads == "waveform"
        same = (
            s for s in groups if s == encoder.sampling or (listens and s.sample_rate == encoder.sampling.sample_rate)
        )
        groups.setdefault(next(same, encoder.sampling), []).append(encoder)
    yield from groups.items()


def _encoded(
    clip: Clip, sampling: Sampling, users: Sequence[Any], looks: bool, listens: bool, notes: tuple[str, ...] = ()
) -> tuple[float, list[tuple[dict[str, Tensor], bool]]]:
    """Decoded seconds, and for each of `users` its streams and whether they replace a missing track."""
    seconds, frames, parts = 0.0, 0, [[] for _ in users]  # type: ignore[var-annotated]
    for before, media, after in _around(_decoded(clip, sampling, looks, listens)):
        seconds, frames = seconds + media.duration, frames + len(media.times)
        all_notes = tuple(dict.fromkeys(notes + media.notes))
        for encoder, part in zip(users, parts, strict=True):
            reach, there = encoder.reach, media.track(encoder.reads)
            if reach is None or there is None:
                part.append(_side(replace(media, notes=all_notes), encoder.reads))
            elif len(there):
                part.append(_near(encoder, before, media, after, reach))
    wanted = sampling.times(0.0, seconds) if looks and not sampling.numbered else None
    shorter = clip.end is None or clip.start + seconds < clip.end - 1e-3
    if wanted and shorter and 0 < frames < len(wanted):
        # the file is shorter than its header says: apply the sampling rule to the actual length
        return _encoded(replace(clip, end=clip.start + seconds), sampling, users, looks, listens, all_notes)
    made = []
    for encoder, part in zip(users, parts, strict=True):
        whole = [piece for piece in part if isinstance(piece, Media)]
        missing = any(piece.track(encoder.reads) is None for piece in whole)
        if missing:
            (streams,) = encoder([_stand_in(replace(whole[-1], duration=seconds), encoder)])
        elif whole:
            (streams,) = encoder([_joined(whole)])
        else:
            streams = {name: torch.cat([rows[name] for rows in part]) for name in part[0]}
        made.append((streams, missing))
    return seconds, made


def _decoded(clip: Clip, sampling: Sampling, looks: bool, listens: bool) -> Iterator[Media]:
    """Decode the needed tracks of a clip; if the track is missing, the other one, which gives the length."""
    asked = replace(clip, video=clip.video if looks else None, audio=clip.audio if listens else None)
    begun = False
    try:
        for media in _pieces(asked, sampling):
            begun = True
            yield media
    except MediaError:
        if begun:
            raise
        source = clip.video or clip.audio
        for media in _pieces(replace(clip, video=source, audio=source), sampling):
            if (looks and media.frames is not None) or (listens and media.waveform is not None):
                raise
            yield media


def _pieces(clip: Clip, sampling: Sampling) -> Iterator[Media]:
    yield from [decode(clip, sampling)] if sampling.numbered else stream(clip, sampling, PIECE)


def _around(pieces: Iterator[Media]) -> Iterator[tuple[Media | None, Media, Media | None]]:
    """Each piece with its predecessor and successor; a very short last piece is merged into the previous one."""
    before: Media | None = None
    here = next(pieces)
    for after in pieces:
        if after.duration < LEAST:
            here = _joined([here, after])
        else:
            yield before, here, after
            before, here = _side(here, "waveform"), after  # frame encoders need no context
    yield before, here, None


def _side(media: Media, reads: str) -> Media:
    """The track of a piece that an encoder reads, without the other one."""
    return replace(media, frames=None) if reads == "waveform" else replace(media, waveform=None)


def _joined(pieces: Sequence[Media]) -> Media:
    """Concatenate the pieces of a clip."""
    if len(pieces) == 1:
        return pieces[0]
    first = pieces[0]
    frames = None if first.frames is None else np.concatenate([p.frames for p in pieces if p.frames is not None])
    wave = None if first.waveform is None else np.concatenate([p.waveform for p in pieces if p.waveform is not None])
    times = np.concatenate([p.times for p in pieces])
    hushed = all(SILENT in p.notes for p in pieces)
    notes = tuple(n for n in pieces[-1].notes if n != SILENT or hushed)
    return Media(frames, times, wave, first.sample_rate, sum(p.duration for p in pieces), notes)


def _near(encoder: Any, before: Media | None, media: Media, after: Media | None, reach: int) -> dict[str, Tensor]:
    """The rows of one piece; an encoder with context gets `reach` more seconds at each end."""
    lead = reach if before is not None else 0
    if reach:
        tail = [] if after is None else [_cut(after, 0, reach)]
        head = [] if before is None else [_cut(before, len(before.waveform) // before.sample_rate - reach, None)]  # type: ignore[arg-type]
        media, count = _joined([*head, media, *tail]), int(media.duration + 0.5)
    (streams,) = encoder([media])
    return {name: rows[lead : lead + count] if reach else rows for name, rows in streams.items()}


def _cut(media: Media, start: int, end: int | None) -> Media:
    """Sound from `start` to `end` whole seconds of a piece."""
    assert media.waveform is not None, "only encoders of sound look around"
    rate = media.sample_rate
    wave = media.waveform[start * rate : None if end is None else end * rate]
    return Media(None, media.times[:0], wave, rate, len(wave) / rate)


def _stand_in(media: Media, encoder: Any) -> Media:
    """Black frames or silence of the clip's length, encoded in place of a missing track."""
    return decode(Clip(BLANK, BLANK, 0.0, max(media.duration, 1.0)), encoder.sampling)
