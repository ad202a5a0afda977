"""Decode a clip: frames at asked times, chosen by timestamp, and the mono sound of the same stretch.

    clip.video ─┐  one open file when both come from one path, sound and picture in one pass
                ├─▶ tracks ─▶ pieces of `seconds` ─▶ Media, Media, …      decode() is one piece as long as the clip
    clip.audio ─┘

Each file has its own clock, whose time 0 is the earliest start of its picture and sound (see `probe`). Pixels come as
they are stored, rotated as they are shown. Sound is the mean of the channels; lossy sound may overshoot -1..1 by a
little and is not clipped. A track that ends early is held: the last frame stays on, the sound goes on as zeros, and a
note says so. Whatever a file can throw is a MediaError, one line; what reading may cost is in `limits.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from lookhear.errors import LookhearError, MediaError
from lookhear.media._picture import SLACK, PictureTrack
from lookhear.media._sound import SoundTrack
from lookhear.media.limits import LIMITS, Stopwatch
from lookhear.media.opening import close, open_media
from lookhear.media.orientation import of_image
from lookhear.media.probe import INDEXED, Clock, describe, frame_times, is_image, probe
from lookhear.media.sampling import Sampling
from lookhear.types import BLANK, Clip, Media, Source

SHORT = 0.5  # seconds that may be missing without a note: headers round, tracks differ by a packet
NEAR = 2.0  # seconds from the beginning within which seeking is not worth it
EARLY = 1.0  # seconds before the clip at which reading begins after a seek, so that decoders have settled
FAR = 30.0  # seconds one track may run ahead of the other before it is taken to have ended
BLANK_SIZE = (224, 224)


def decode(clip: Clip, sampling: Sampling | None = None) -> Media:
    """The whole `clip` as one Media. Raises MediaError, one line, where nothing can be read."""
    sampling = sampling or Sampling()
    with _one_line(clip):
        if sampling.numbered and clip.video is not None and clip.video != BLANK:
            return _numbered(clip, sampling)
        (media,) = _pieces(clip, sampling, None)
        wanted = sampling.times(0.0, media.duration)
        if media.frames is not None and wanted is not None and len(wanted) > len(media.times):
            # the file ended before it promised to: spread what the rule asks for over what there is
            (shorter,) = _pieces(replace(clip, end=clip.start + media.duration), sampling, None)
            media = replace(shorter, notes=tuple(dict.fromkeys(media.notes + shorter.notes)))
        return media


def stream(clip: Clip, sampling: Sampling | None = None, seconds: float = 60.0) -> Iterator[Media]:
    """The `clip` in pieces of `seconds`, one after another; memory does not grow with its length.

    The pieces joined are what `decode` returns: `times` run on from piece to piece, each piece's `waveform` is the
    sound of its own stretch and its `duration` the length of that stretch; `notes` are about what was read so far.
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
    """Whatever a damaged or hostile file makes a decoder throw belongs to its clip."""
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
    """Frames at given times."""

    moments: tuple[float, ...] = ()

    def times(self, start: float, end: float) -> list[float]:
        return list(self.moments)


def _numbered(clip: Clip, sampling: Sampling) -> Media:
    """The clip with frames chosen by number, in the rule's own order: each is decoded once, in order of time."""
    assert clip.video is not None
    path = _path(clip.video)
    if probe(path).picture is None:  # nothing to choose from: what is said of such a clip is said by the usual way
        (media,) = _pieces(clip, replace(sampling, rule="per_second", count=None), None)
        return media
    wanted = sampling.chosen(*frame_times(path, clip.start, clip.end))
    moments = tuple(sorted(set(wanted)))
    how = {"size": sampling.size, "sample_rate": sampling.sample_rate, "loop_filter": sampling.loop_filter}
    at = _At(rule="every", moments=moments, **how)
    (media,) = _pieces(clip, at, None)
    if media.frames is None or not len(media.frames):
        return media
    rows = [min(moments.index(t), len(media.frames) - 1) for t in wanted]  # a file that ends early holds its last frame
    return replace(media, frames=media.frames[rows], times=media.times[rows])


class _Reader:
    """One open file, read once from near the clip's start, feeding its picture, its sound or both."""

    def __init__(self, path: Path) -> None:
        self.path, self.done, self.picture, self.sound = path, False, None, None
        self.container = open_media(path)
        try:
            self.facts = describe(self.container, path)
        except BaseException:
            close(self.container)
            raise
        self.paused: float | None = None  # where its timestamps jumped further than can be believed
        self._watch = Stopwatch(path, LIMITS)

    def begin(
        self, clip: Clip, sampling: Sampling, wanted: list[float] | None, seen: bool, heard: bool, seek: bool = True
    ) -> None:
        """Start reading for `wanted` times; `seen` and `heard` say which of its tracks are asked for."""
        self._again = (clip, sampling, wanted, seen, heard, False)
        facts, streams = self.facts, self.container.streams
        self.picture: PictureTrack | None = None
        self.sound: SoundTrack | None = None
        if seen and facts.picture:
            track = streams[facts.picture.index]
            way = of_image(self.path) if is_image(self.container) else None
            self.picture = PictureTrack(track, facts, wanted, clip.start, sampling.size, sampling.loop_filter, way)
        if heard and facts.sound:
            self.sound = SoundTrack(streams[facts.sound.index], facts, clip.start, sampling.sample_rate)
        known = [t for t, there in ((facts.picture, self.picture), (facts.sound, self.sound)) if t and there]
        self._landing = []  # (track, time it must have been entered by)
        if seek and clip.start > NEAR and facts.format in INDEXED and known:
            first = streams[known[0].index]
            offset = round((clip.start - EARLY + facts.zero) / first.time_base)
            self.container.seek(offset, stream=first, backward=True)
            tracks = [t for t in (self.picture, self.sound) if t]
            self._landing = [(t, max(clip.start, k.start) + SLACK) for t, k in zip(tracks, known, strict=True)]
        self._packets = self.container.demux([streams[k.index] for k in known]) if known else iter(())
        self._clock = Clock()

    @property
    def still(self) -> bool:
        """The file is one image, which is shown for as long as is asked."""
        return self.facts.picture is not None and self.facts.picture.still

    @property
    def reached(self) -> float:
        """Everything asked for before this time is there."""
        return min((t.reached for t in (self.picture, self.sound) if t), default=float("inf"))

    def advance(self) -> None:
        """Read one packet, or find the end."""
        with self._watch:
            self._advance()

    def _advance(self) -> None:
        try:
            packet = next(self._packets, None)
        except av.error.FFmpegError:  # the rest of the file cannot be read: for us it ends here
            packet = None
        if packet is not None and packet.size and packet.pts is not None:
            begin = float(packet.pts * packet.time_base)
            if not self._clock.believes(begin, packet):
                self.paused, packet = begin - (self._clock.until or 0.0), None
        if packet is None:
            self.done = True
            for track in (self.picture, self.sound):
                if track:
                    track.finish()
        elif packet.size:
            of_picture = self.facts.picture is not None and packet.stream_index == self.facts.picture.index
            track = self.picture if of_picture else self.sound
            assert track is not None, "only packets of the tracks asked for are read"
            track.feed(packet)
            self._look_after_the_late(self.picture, self.sound)
        if any(self.done if t.first is None else t.first > latest for t, latest in self._landing):
            close(self.container)  # the seek landed too late: read from the beginning instead
            self.container, self.done = open_media(self.path), False
            self.begin(*self._again)

    def _look_after_the_late(self, picture: PictureTrack | None, sound: SoundTrack | None) -> None:
        """Where one track ends long before the other, do not gather the rest of the other while waiting for it."""
        if picture is None or sound is None:
            return
        if picture.seen > sound.reached + FAR:
            sound.pause()
        end = self.facts.picture.end if self.facts.picture else None
        if end is not None and not picture.ended and FAR + max(end, picture.seen) < sound.reached < float("inf"):
            picture.finish()


def _pieces(clip: Clip, sampling: Sampling, seconds: float | None) -> Iterator[Media]:
    """The clip in pieces of `seconds`, or in one where that is None; the files are closed whatever happens."""
    if not 0 <= clip.start < math.inf or not (clip.end is None or clip.start < clip.end < math.inf):
        raise MediaError(f"Clip {clip.id!r} from {clip.start:g} to {clip.end} s: start at 0 or later, end after it.")
    readers: dict[Path, _Reader] = {}
    try:
        for source in (clip.video, clip.audio):
            if source is not None and source != BLANK and _path(source) not in readers:
                readers[_path(source)] = _Reader(_path(source))
        yield from _read(clip, sampling, seconds, readers)
    finally:
        for reader in readers.values():
            close(reader.container)


def _path(source: Source) -> Path:
    if source.path is None:
        raise MediaError(f"{source.id!r} has no file, only a name. Give the dataset's --root, or use stored features.")
    return Path(source.path)


def _read(clip: Clip, sampling: Sampling, seconds: float | None, readers: dict[Path, _Reader]) -> Iterator[Media]:
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
        there = _there(readers, end)
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


def _end(clip: Clip, seen: _Reader | None, heard: _Reader | None) -> float:
    """Where the clip ends, in its files' time: `clip.end`, or the end of the picture's file, or of the sound's."""
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


def _there(readers: dict[Path, _Reader], end: float) -> float:
    """Up to where there is something: `end`, unless every file ended before.

    A file whose tracks were read to where its headers put their ends is as long as it says, also where another track
    of it, which nobody asked for, is the longer one.
    """
    if not readers or not all(r.done for r in readers.values()):
        return end
    ends = []
    for reader in readers.values():
        both = (reader.picture, reader.facts.picture), (reader.sound, reader.facts.sound)
        read = [(track.end, facts.end) for track, facts in both if track and facts and facts.end is not None]
        whole = all(got >= promised - SHORT for got, promised in read)
        if read:
            ends.append(reader.facts.duration if whole else max(min(pair) for pair in read))
    return min(end, max(ends, default=end))


def _media(
    clip: Clip,
    sampling: Sampling,
    wanted: list[float] | None,
    seen: _Reader | None,
    heard: _Reader | None,
    low: float,
    high: float,
    last: bool,
) -> Media:
    """What was seen and heard from `low` to `high`."""
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
    at = np.array(times, np.float64) - clip.start
    media = Media(frames, at, waveform, sampling.sample_rate, high - low, tuple(notes))
    if clip.audio != BLANK and media.silent:
        media = replace(media, notes=(*notes, "sound is silent throughout"))
    return media


def _affordable(path: Path, pixels: list[np.ndarray]) -> None:
    """Frames that only repeat another cost a file nothing and us their full size."""
    distinct = {id(frame) for frame in pixels}
    if pixels and (len(pixels) - len(distinct)) * pixels[0].nbytes > LIMITS.padding:
        raise MediaError(
            f"{str(path)!r} shows {len(distinct)} pictures at {len(pixels)} moments, more than fits at this size. "
            "Give Sampling a size or fewer frames, or read the clip in pieces (stream)."
        )
