"""Decode the picture track of an open file: from packets to the frames shown at requested times.

This is used by `decode.py`. All times are seconds on the file's clock, whose time 0 is set by `probe.describe`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from lookhear.errors import MediaError
from lookhear.media.limits import LIMITS
from lookhear.media.opening import DECODER
from lookhear.media.orientation import UPRIGHT, Orientation, of_frame
from lookhear.media.probe import INDEXED, Facts

SLACK = 1e-6  # tolerance in seconds: timestamps are fractions, requested times are floats
HELD = 512  # largest number of packets kept undecoded
SKIPS = ("h264", "hevc", "mpeg4")  # decoders that can skip the decoding of non-reference frames, packet by packet


class PictureTrack:
    """Selects, for each requested time, the last frame whose timestamp is not later.

    `wanted` is ascending; None selects every frame from `start` on. A time before the first frame gets the first frame.
    `image` is the orientation of an image file; frames of videos carry their own.

    Packets are buffered undecoded until it is certain which frame is shown at a requested time. Decoding then starts at
    the last key frame before the wanted frame and ends with the wanted frame; non-reference frames in between are
    skipped. The result is exact: a key frame depends on no earlier frame, and skipped frames are neither wanted nor
    referenced.

        key  P  b  P  b  P  b  P ─── key  P  b  P  b  P ───       b: non-reference frame
         x   x     x  x (wanted)      (no frame wanted)           x: decoded
    """

    def __init__(
        self,
        stream: VideoStream,
        facts: Facts,
        wanted: Sequence[float] | None,
        start: float,
        size: tuple[int, int] | None,
        loop_filter: bool = True,
        image: Orientation | None = None,
    ) -> None:
        self.taken: list[tuple[float, np.ndarray]] = []  # (requested time, pixels) not yet fetched
        self.damaged = 0  # packets that could not be decoded
        self.end = 0.0  # end of the last frame shown
        self.seen = 0.0  # time of the last packet
        self.first: float | None = None  # time of the first frame shown
        self.ended = False  # no further packets will come
        self.given = 0  # number of frames fetched
        self.shape = size  # height and width of all frames; None before the first frame, unless requested
        self._path = facts.path
        self._image, self._way = image is not None, image or UPRIGHT
        self._angle: float | None = None  # angle of the display matrix from which `_way` was computed
        self._bytes = 0  # memory of distinct frames that are selected and not yet fetched
        self._codec = stream.codec_context
        self._codec.thread_count = 1  # workers are processes; two threads on a busy machine are slower than one
        self._codec.options = DECODER | ({} if loop_filter else {"skip_loop_filter": "all"})
        self._skips, self._skipping = self._codec.name in SKIPS, False
        assert stream.time_base is not None, "`best_tracks` leaves out what has none"
        self._base, self._zero = float(stream.time_base), facts.zero
        self._step = 1 / facts.picture.fps if facts.picture and facts.picture.fps else 0.0
        self._wanted, self._start = wanted, start
        self._due = 0  # number of requested times whose frame is selected
        self._asked = 0  # number of requested times whose packets went to the decoder
        self._held: list[av.Packet] = []  # undecoded; they follow the decoder's packets, or begin with a key frame
        self._fed = False  # the decoder may still hold frames
        self._patient = wanted is not None and facts.format in INDEXED  # other formats have unreliable timestamps
        self._last: tuple[float, av.VideoFrame] | None = None
        self._faults = [0, 0]  # errors of presentation and of decoding timestamps
        self._stamps: list[int | None] = [None, None]  # the last one of each
        self._pixels: np.ndarray | None = None  # of the last frame, once it is converted
        self._convert = VideoReformatter()  # one per track, because a shared one hangs after a fork

    @property
    def reached(self) -> float:
        """Whether every requested time before this one has its frame."""
        if self.ended:
            return float("inf")
        if self.first is None:
            return -1.0
        if self._wanted is None:
            return self._last[0] if self._last else self._start
        return self._wanted[self._due] if self._due < len(self._wanted) else float("inf")

    def feed(self, packet: av.Packet) -> None:
        """Process one packet of this track."""
        if self.ended:
            return
        if packet.pts is not None:
            self.seen = self._time(packet.pts)
        if self._patient and (packet.pts is None or packet.dts is None or packet.dts > packet.pts):
            self._patient = False
            self._release()
        if not self._patient:
            self._decode(packet)
            return
        self._held.append(packet)
        if packet.is_keyframe and self._time(packet.pts) <= self._next_ask() + SLACK:
            self._enter(len(self._held) - 1)  # no frame before this key frame is wanted
        self._settle(self._time(packet.dts))
        if self.first is None or len(self._held) >= HELD:
            self._release()

    def finish(self) -> None:
        """Process the end of the track."""
        if self.ended:
            return
        if self._patient:
            self._settle(float("inf"))
            keys = [i for i, packet in enumerate(self._held) if packet.is_keyframe]
            if keys:
                self._enter(keys[-1])
        self._release(ending=True)  # also without a wanted frame, because it gives the end of the track
        self._drain()
        self.ended = True

    def fetch(self, until: float, least: int = 0) -> tuple[list[float], list[np.ndarray]]:
        """(times, pixels) before `until` that were not fetched yet; after the track's end its last frame is repeated.

        At least `least` frames altogether if the track has any, even if the first requested time is later.
        """
        while self.ended and self._last and self._wanted is not None and self._due < len(self._wanted):
            if self._wanted[self._due] >= until - SLACK and self._due >= least:
                break
            self._take(self._wanted[self._due], self._last)
            self._due += 1
        ready = sum(time < until - SLACK for time, _ in self.taken)
        ready = max(ready, min(least - self.given, len(self.taken)))
        out, self.taken = self.taken[:ready], self.taken[ready:]
        self._bytes = sum(pixels.nbytes for _, pixels in self.taken)
        self.given += ready
        return [time for time, _ in out], [pixels for _, pixels in out]

    def _next_ask(self) -> float:
        assert self._wanted is not None
        return self._wanted[self._asked] if self._asked < len(self._wanted) else float("inf")

    def _settle(self, sent: float) -> None:
        """Decode the frames shown at requested times before `sent`, the time before which no later packet begins."""
        while (wanted := self._next_ask()) < sent - SLACK:
            shown = [i for i, p in enumerate(self._held) if not p.is_discard and self._time(p.pts) <= wanted + SLACK]
            if shown:  # otherwise the decoder has it already
                last = max(shown, key=lambda i: _stamp(self._held[i]))
                keys = [i for i in range(last + 1) if self._held[i].is_keyframe]
                shows = _stamp(self._held[last])
                clean = [i for i in keys if _stamp(self._held[i]) <= shows]  # a frame may be shown before its key frame
                last -= self._enter(clean[-1]) if clean else 0
                self._release(last + 1)
            self._asked += 1

    def _enter(self, key: int) -> int:
        """Drop the buffered packets before the key frame at index `key`; returns their number."""
        if key:
            self._drain()
            del self._held[:key]
        return key

    def _release(self, count: int | None = None, ending: bool = False) -> None:
        """Decode the first `count` buffered packets (default: all), except frames neither wanted nor referenced."""
        feed = self._held[:count]
        starts = sorted(self._time(p.pts) for p in self._held) if self._patient else []
        self._skip(False)
        for packet in feed:
            if self._skips and self._patient:
                begin = self._time(packet.pts)
                after = bisect_left(starts, begin + SLACK)
                until = starts[after] if after < len(starts) else float("inf")  # not known yet
                last = ending and after == len(starts)
                self._skip(not (last or self.first is None or self._is_wanted(begin, until)))
            self._decode(packet)
        del self._held[: len(feed)]

    def _is_wanted(self, begin: float, until: float) -> bool:
        """Whether a requested time lies from `begin` (inclusive) to `until`."""
        assert self._wanted is not None
        return bisect_left(self._wanted, begin - SLACK) < bisect_left(self._wanted, until - SLACK)

    def _skip(self, yes: bool) -> None:
        if self._skips and yes != self._skipping:
            self._skipping = yes
            self._codec.skip_frame = "NONREF" if yes else "DEFAULT"

    def _drain(self) -> None:
        """Flush the decoder; then all frames requested so far are available."""
        if not self._fed:
            return
        self._skip(False)
        self._decode(None)
        self._codec.flush_buffers()
        self._fed = False
        while self._patient and self._last and self._due < self._asked:
            self._take(self._wanted[self._due], self._last)  # type: ignore[index]
            self._due += 1

    def _decode(self, packet: av.Packet | None) -> None:
        self._fed = True
        try:
            for frame in self._codec.decode(packet):
                self._show(frame)
        except av.error.FFmpegError:  # a damaged packet: the previous frame is shown longer, as in any player
            self.damaged += packet is not None and self.seen >= self._start

    def _time(self, timestamp: int | None) -> float:
        assert timestamp is not None, "a packet without its two timestamps is not held"
        return timestamp * self._base - self._zero

    def _show(self, frame: av.VideoFrame) -> None:
        timestamp = self._trusted(frame.pts, frame.dts)
        now = self._time(timestamp) if timestamp is not None else self.end if self._last else 0.0
        if self._last and now < self._last[0]:
            return  # out of order: damaged, or a leading picture whose reference was not decoded
        shown = (now, frame)
        if self.first is None:
            self.first = now
            across = self._orientation(frame).transposed
            self.shape = self.shape or ((frame.width, frame.height) if across else (frame.height, frame.width))
        if self._wanted is None:
            if now >= self._start - SLACK:
                self._last, self._pixels = shown, None
                self._take(now, shown)
        else:
            while self.reached < now - SLACK:
                self._take(self._wanted[self._due], self._last or shown)
                self._due += 1
        if self._last is not shown:
            self._last, self._pixels = shown, None
        self.end = now + (frame.duration * self._base if frame.duration else self._step)

    def _trusted(self, pts: int | None, dts: int | None) -> int | None:
        """The timestamp that has decreased less often, as ffmpeg's best-effort timestamp; AVI files need it."""
        for kind, stamp in enumerate((pts, dts)):
            if stamp is not None:
                before = self._stamps[kind]
                self._faults[kind] += before is not None and stamp <= before
                self._stamps[kind] = stamp
        return pts if pts is not None and (dts is None or self._faults[0] <= self._faults[1]) else dts

    def _take(self, time: float, shown: tuple[float, av.VideoFrame]) -> None:
        if shown is not self._last or self._pixels is None:
            self._pixels = self._rgb(shown[1])
            self._last = shown
            self._bytes += self._pixels.nbytes
            if self._bytes > LIMITS.memory:
                raise MediaError(
                    f"{self._path!r}: the frames asked for take more than {LIMITS.memory >> 30} GB. "
                    "Ask for fewer or smaller ones (fps, count, size), or read the clip in pieces (stream)."
                )
        self.taken.append((time, self._pixels))

    def _orientation(self, frame: av.VideoFrame) -> Orientation:
        if self._image:
            return self._way
        if frame.rotation != self._angle:  # reading the matrix is slow, so it is read only if the angle has changed
            self._angle, self._way = frame.rotation, of_frame(frame)
        return self._way

    def _rgb(self, frame: av.VideoFrame) -> np.ndarray:
        way = self._orientation(frame)
        assert self.shape is not None, "known since the first frame"
        high, wide = self.shape[::-1] if way.transposed else self.shape
        same = (high, wide) == (frame.height, frame.width)
        rgb = self._convert.reformat(
            frame,
            width=wide,
            height=high,
            format="rgb24",
            interpolation=Interpolation.BILINEAR if same else Interpolation.BICUBIC,
            threads=1,
        ).to_ndarray()
        return way.apply(rgb)


def _stamp(packet: av.Packet) -> int:
    """The presentation timestamp of a buffered packet."""
    assert packet.pts is not None, "a packet without its two timestamps is not held"
    return packet.pts
