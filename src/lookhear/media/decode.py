"""Decode a clip: frames at requested times, selected by timestamp, and mono sound of the same time span.

clip.video ─┐  one open file if both have one path: sound and picture in one pass
            ├─▶ tracks ─▶ pieces of `seconds` ─▶ Media, Media, …      decode() is one piece as long as the clip
clip.audio ─┘

Each file has its own clock, whose time 0 is the earliest start of its picture and sound (see `probe`). Pixels are as
stored, with rotation applied. Sound is the mean of the channels; lossy codecs may slightly exceed -1..1, which is not
clipped. If a track ends early, the last frame is repeated or the sound continues with zeros, and a note says so. Any
exception of the decoder becomes a MediaError; resource limits are in `limits.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookhear.errors import LookhearError, MediaError
from lookhear.media._picture import SLACK
from lookhear.media._reader import Reader
from lookhear.media.limits import LIMITS
from lookhear.media.opening import close
from lookhear.media.probe import frame_times, probe
from lookhear.media.sampling import Sampling
from lookhear.types import BLANK, Clip, Media, Source

SHORT = 0.5  # seconds that may be missing without a note, because headers round and tracks differ by a packet
BLANK_SIZE = (224, 224)


def decode(clip: Clip, sampling: Sampling | None = None) -> Media:
    """Decode the whole `clip` into one Media. Raises MediaError if nothing can be read."""
    sampling = sampling or Sampling()
    with _one_line(clip):
        if sampling.numbered and clip.video is not None and clip.video != BLANK:
            return _numbered(clip, sampling)
        (media,) = _pieces(clip, sampling, None)
        wanted = sampling.times(0.0, media.duration)
        if media.frames is not None and media.duration and wanted is not None and len(wanted) > len(media.times):
            # the file is shorter than its header says: apply the sampling rule to the actual length
            (shorter,) = _pieces(replace(clip, end=clip.start + media.duration), sampling, None)
            media = replace(shorter, notes=tuple(dict.fromkeys(media.notes + shorter.notes)))
        return media


def stream(clip: Clip, sampling: Sampling | None = None, seconds: float = 60.0) -> Iterator[Media]:
    """Decode the `clip` in pieces of `seconds`, with memory independent of its length.

    The concatenated pieces equal the result of `decode`: `times` continue from piece to piece; each piece has the
    `waveform` and `duration` of its own time span; `notes` describe what was read so far.
    """
    if not seconds > 0:
        raise MediaError(f"Cannot stream in pieces of {seconds!r} s: give a positive number of seconds.")
    if sampling is not None and sampling.numbered:
        raise MediaError(f"{sampling.rule!r} goes back and forth in a clip and cannot be streamed. Use decode.")
    return _streamed(clip, sampling or Sampling(), seconds)


def _streamed(clip: Clip, sampling: Sampling, seconds: float) -> Iterator[Media]:
    with _one_line(clip):
        yield from _pieces(clip, sampling, seconds)


@contextmanager
def _one_line(clip: Clip) -> Iterator[None]:
    """Context manager: any exception caused by a damaged or hostile file becomes a MediaError."""
    try:
        yield
    except (LookhearError, GeneratorExit):
        raise
    except Exception as error:
        path = next((str(s.path) for s in (clip.video, clip.audio) if s is not None and s.path), clip.id)
        what = "there is not enough memory" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
        raise MediaError(f"{path!r} cannot be decoded ({' '.join(what.split())[:150]}). Re-encode the file.") from error


@dataclass(frozen=True)
class _At(Sampling):
    """Sampling at given times."""

    moments: tuple[float, ...] = ()

    def times(self, start: float, end: float) -> list[float]:
        return list(self.moments)


def _numbered(clip: Clip, sampling: Sampling) -> Media:
    """Decode the clip with frames selected by number, in the order of the rule; each frame is decoded once.

    A still picture has one frame, whatever the rule.
    """
    assert clip.video is not None
    path = _path(clip.video)
    picture = probe(path).picture
    if picture is None:  # no picture to select from: the usual function reports it
        (media,) = _pieces(clip, replace(sampling, rule="per_second", count=None), None)
        return media
    wanted = [clip.start] if picture.still else sampling.chosen(*frame_times(path, clip.start, clip.end))
    moments = tuple(sorted(set(wanted)))
    size, rate, exact = sampling.size, sampling.sample_rate, sampling.loop_filter
    at = _At(rule="every", moments=moments, size=size, sample_rate=rate, loop_filter=exact)
    (media,) = _pieces(clip, at, None)
    if media.frames is None or not len(media.frames):
        return media
    # after an early end the last frame is repeated
    rows = [min(moments.index(t), len(media.frames) - 1) for t in wanted]
    return replace(media, frames=media.frames[rows], times=media.times[rows])


def _pieces(clip: Clip, sampling: Sampling, seconds: float | None) -> Iterator[Media]:
    """The clip in pieces of `seconds`, or in one piece if that is None; the files are closed in any case."""
    if not 0 <= clip.start < math.inf or not (clip.end is None or clip.start < clip.end < math.inf):
        raise MediaError(f"Clip {clip.id!r} from {clip.start:g} to {clip.end} s: start at 0 or later, end after it.")
    readers: dict[Path, Reader] = {}
    try:
        for source in (clip.video, clip.audio):
            if source is not None and source != BLANK and _path(source) not in readers:
                readers[_path(source)] = Reader(_path(source))
        yield from _read(clip, sampling, seconds, readers)
    finally:
        for reader in readers.values():
            close(reader.container)


def _path(source: Source) -> Path:
    if source.path is None:
        raise MediaError(f"{source.id!r} has no file, only a name. Give the dataset's --root, or use stored features.")
    return Path(source.path)


def _read(clip: Clip, sampling: Sampling, seconds: float | None, readers: dict[Path, Reader]) -> Iterator[Media]:
    seen = readers[_path(clip.video)] if clip.video is not None and clip.video != BLANK else None
    heard = readers[_path(clip.audio)] if clip.audio is not None and clip.audio != BLANK else None
    end = _end(clip, seen, heard)
    if end - clip.start > LIMITS.seconds:
        length = f"{(end - clip.start) / 3600:.0f} h long, more than the {LIMITS.seconds / 3600:.0f} h that are read"
        raise MediaError(f"Clip {clip.id!r} is {length}. Give it a start and an end in seconds.")
    wanted = sampling.times(clip.start, end)
    for reader in readers.values():
        reader.begin(clip, sampling, wanted, seen=reader is seen, heard=reader is heard)
    low, last = clip.start, False
    while not last:
        high = end if seconds is None else min(low + seconds, end)
        for reader in readers.values():
            while not reader.done and (reader.reached < high - SLACK or reader.still):
                reader.advance()
        there = _actual_end(readers, end)
        high, last = min(high, there), high >= min(end, there) - SLACK
        media = _media(clip, sampling, wanted, seen, heard, low, high, last)
        if last and end - there > SHORT:
            cut = f"truncated at {there - clip.start:.1f} s of {end - clip.start:.1f} s"
            media = replace(media, notes=(*media.notes, cut))
        for pause in (r.paused for r in readers.values() if last and r.paused is not None):
            jump = f"timestamps jump by {pause:.0f} s: what follows was not read"
            media = replace(media, notes=(*media.notes, jump))
        yield media
        low = high


def _end(clip: Clip, seen: Reader | None, heard: Reader | None) -> float:
    """End of the clip in its files' time: `clip.end`, else the end of the picture's file, else of the sound's."""
    moving = seen if seen and seen.facts.picture and not seen.facts.picture.still else None
    leader = moving or (heard if heard and heard.facts.sound else None) or seen
    if leader is None:
        if heard:
            raise MediaError(f"{str(heard.path)!r} has no sound, and clip {clip.id!r} has no other picture to show.")
        if BLANK not in (clip.video, clip.audio):
            raise MediaError(f"Clip {clip.id!r} has neither picture nor sound. Give it a video, a sound, or BLANK.")
        if clip.end is None:
            raise MediaError(
                f"Clip {clip.id!r} is blank and nothing tells its length. Give the clip an end in seconds."
            )
        return clip.end
    if not leader.still and clip.start >= leader.facts.duration - SLACK:
        length = f"{str(leader.path)!r} is {leader.facts.duration:.1f} s long"
        raise MediaError(f"{length}: there is nothing from {clip.start:g} s on. Check the clip's start.")
    return clip.end if clip.end is not None else max(clip.start, leader.facts.duration)


def _actual_end(readers: dict[Path, Reader], end: float) -> float:
    """`end`, or an earlier time if every file ended before.

    If all requested tracks of a file were read up to the ends that its header states, the stated length holds, even if
    another track that was not requested is longer.
    """
    if not readers or not all(r.done for r in readers.values()):
        return end
    ends = []
    for reader in readers.values():
        read: list[tuple[float, float]] = []  # seconds: actual end of a track, end stated by its header
        if reader.picture and reader.facts.picture and reader.facts.picture.end is not None:
            read.append((reader.picture.end, reader.facts.picture.end))
        if reader.sound and reader.facts.sound:
            read.append((reader.sound.end, reader.facts.sound.end))
        whole = all(got >= promised - SHORT for got, promised in read)
        if read:
            ends.append(reader.facts.duration if whole else max(min(pair) for pair in read))
    return min(end, max(ends, default=end))


def _media(
    clip: Clip,
    sampling: Sampling,
    wanted: list[float] | None,
    seen: Reader | None,
    heard: Reader | None,
    low: float,
    high: float,
    last: bool,
) -> Media:
    """The media from time `low` to `high`."""
    picture, sound = seen and seen.picture, heard and heard.sound
    notes: list[str] = []
    times: list[float] = []
    frames = waveform = None
    samples = round((high - clip.start) * sampling.sample_rate) - round((low - clip.start) * sampling.sample_rate)
    if clip.video == BLANK:
        grid = wanted if wanted is not None else Sampling(fps=sampling.fps).times(clip.start, high)
        times = [t for t in grid or () if low - SLACK <= t < high - SLACK]
        frames = np.zeros((len(times), *(sampling.size or BLANK_SIZE), 3), np.uint8)
    elif seen and picture:
        times, pixels = picture.fetch(high, least=int(last))
        if picture.shape is not None:
            _affordable(seen.path, pixels)
            frames = np.stack(pixels) if pixels else np.zeros((0, *picture.shape, 3), np.uint8)
        if seen.still and frames is not None:
            notes.append("a still image, shown throughout")
        if picture.ended and not seen.still and high - picture.end > SHORT:
            notes.append(f"picture ends at {max(0.0, picture.end - clip.start):.1f} s")
    if clip.audio == BLANK:
        waveform = np.zeros(samples, np.float32)
    elif sound and not (sound.ended and sound.first is None):
        waveform = sound.fetch(high)
        if sound.ended and high - sound.end > SHORT:
            notes.append(f"sound ends at {max(0.0, sound.end - clip.start):.1f} s")
    if frames is None and waveform is None:
        file = (seen or heard).path if seen or heard else clip.id  # type: ignore[union-attr]
        why = f" ({sound.strange})" if sound and sound.strange else ""
        raise MediaError(
            f"{str(file)!r}: neither picture nor sound can be decoded there{why}. Check or re-encode the file."
        )
    if frames is None:
        notes.append("picture cannot be decoded" if picture else "no picture")
    if waveform is None:
        why = f" ({sound.strange})" if sound and sound.strange else ""
        notes.append(f"sound cannot be decoded{why}" if sound else "no sound track")
    if damaged := (picture.damaged if picture else 0) + (sound.damaged if sound else 0):
        notes.append(f"{damaged} damaged packets skipped")
    if sound and sound.unreal:
        notes.append(f"{sound.unreal:.3g} s of sound are NaN or infinite: silence in their place")
    at = np.array(times, np.float64) - clip.start
    media = Media(frames, at, waveform, sampling.sample_rate, high - low, tuple(notes))
    if clip.audio != BLANK and media.silent:
        media = replace(media, notes=(*notes, "sound is silent throughout"))
    return media


def _affordable(path: Path, pixels: list[np.ndarray]) -> None:
    """Raises MediaError if repeated frames exceed the limit: they take no space in a file, but do in memory."""
    distinct = {id(frame) for frame in pixels}
    if pixels and (len(pixels) - len(distinct)) * pixels[0].nbytes > LIMITS.padding:
        raise MediaError(
            f"{str(path)!r} shows {len(distinct)} pictures at {len(pixels)} moments, more than fits at this size. "
            "Give Sampling a size or fewer frames, or read the clip in pieces (stream)."
        )
