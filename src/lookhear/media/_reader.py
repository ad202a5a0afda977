"""Read an open file once from near a clip's start, and pass its packets to the picture and sound tracks.

`decode.py` requests everything before a time; `_picture.py` and `_sound.py` make frames and samples of the packets.
"""

from __future__ import annotations

from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from lookhear.media._picture import SLACK, PictureTrack
from lookhear.media._sound import SoundTrack
from lookhear.media.limits import LIMITS, Stopwatch
from lookhear.media.opening import close, open_media
from lookhear.media.orientation import of_image
from lookhear.media.probe import INDEXED, Clock, Picture, Sound, describe, is_image
from lookhear.media.sampling import Sampling
from lookhear.types import Clip

NEAR = 2.0  # seconds from the beginning within which seeking saves nothing
EARLY = 1.0  # seconds before the clip at which reading begins after a seek, so that decoders reach a stable state
FAR = 30.0  # seconds one track may be ahead of the other before the other is assumed to have ended


class Reader:
    """An open file, read once from near the clip's start, with its picture track, its sound track or both."""

    def __init__(self, path: Path) -> None:
        self.path, self.done = path, False
        self.picture: PictureTrack | None = None
        self.sound: SoundTrack | None = None
        self.container = open_media(path)
        try:
            self.facts = describe(self.container, path)
        except BaseException:
            close(self.container)
            raise
        self.paused: float | None = None  # time at which its timestamps jumped too far
        self._watch = Stopwatch(path, LIMITS)

    def begin(
        self, clip: Clip, sampling: Sampling, wanted: list[float] | None, seen: bool, heard: bool, seek: bool = True
    ) -> None:
        """Start reading for `wanted` times; `seen` and `heard` select the tracks."""
        self._again = (clip, sampling, wanted, seen, heard, False)
        facts, streams = self.facts, self.container.streams
        self.picture, self.sound = None, None
        known: list[Picture | Sound] = []
        if seen and facts.picture:
            track = streams[facts.picture.index]
            assert isinstance(track, VideoStream)
            known.append(facts.picture)
            way = of_image(self.path) if is_image(self.container) else None
            self.picture = PictureTrack(track, facts, wanted, clip.start, sampling.size, sampling.loop_filter, way)
        if heard and facts.sound:
            heard_track = streams[facts.sound.index]
            assert isinstance(heard_track, AudioStream)
            known.append(facts.sound)
            self.sound = SoundTrack(heard_track, facts, clip.start, sampling.sample_rate)
        # (track, time before which its packets must start)
        self._landing: list[tuple[PictureTrack | SoundTrack, float]] = []
        if seek and clip.start > NEAR and facts.format in INDEXED and known:
            first = streams[known[0].index]
            assert first.time_base is not None, "`best_tracks` leaves out what has none"
            offset = round((clip.start - EARLY + facts.zero) / first.time_base)
            self.container.seek(offset, stream=first, backward=True)
            tracks = [t for t in (self.picture, self.sound) if t]
            self._landing = [(t, max(clip.start, k.start) + SLACK) for t, k in zip(tracks, known, strict=True)]
        self._packets = self.container.demux([streams[k.index] for k in known]) if known else iter(())
        self._clock = Clock()

    @property
    def still(self) -> bool:
        """Whether the file is a single image, which is shown for any requested duration."""
        return self.facts.picture is not None and self.facts.picture.still

    @property
    def reached(self) -> float:
        """Whether everything before this time is available."""
        return min((t.reached for t in (self.picture, self.sound) if t), default=float("inf"))

    def advance(self) -> None:
        """Read one packet, or reach the end."""
        with self._watch:
            self._advance()

    def _advance(self) -> None:
        try:
            packet = next(self._packets, None)
        except av.error.FFmpegError:  # the rest of the file cannot be read: it counts as its end
            packet = None
        if packet is not None and packet.size and packet.pts is not None:
            begin = float(packet.pts * packet.time_base)
            if not self._clock.trusts_header(begin, packet):
                self.paused, packet = begin - (self._clock.until or 0.0), None
        if packet is None:
            self.done = True
            for track in (self.picture, self.sound):
                if track:
                    track.finish()
        elif packet.size:
            of_picture = self.facts.picture is not None and packet.stream_index == self.facts.picture.index
            fed = self.picture if of_picture else self.sound
            assert fed is not None, "only packets of the tracks asked for are read"
            fed.feed(packet)
            self._stop_waiting_for_ended(self.picture, self.sound)
        if any(self.done if t.first is None else t.first > latest for t, latest in self._landing):
            close(self.container)  # the seek landed too late: read from the beginning instead
            self.container, self.done = open_media(self.path), False
            self.begin(*self._again)

    def _stop_waiting_for_ended(self, picture: PictureTrack | None, sound: SoundTrack | None) -> None:
        """If one track ends long before the other, stop waiting for it: packets of the other would accumulate."""
        if picture is None or sound is None:
            return
        if picture.seen > sound.reached + FAR:
            sound.pause()
        end = self.facts.picture.end if self.facts.picture else None
        if end is not None and not picture.ended and FAR + max(end, picture.seen) < sound.reached < float("inf"):
            picture.finish()
