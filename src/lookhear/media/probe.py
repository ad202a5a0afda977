"""Read the properties of a media file from its headers and first frame, without decoding it.

Every file has one clock. Its time 0 is the earliest start of its best picture and best sound track, whichever of the
two is requested later, so muting a clip never shifts its picture. The best tracks are those that ffmpeg would choose
(default before others, more data before less). A cover picture attached to a song is not a picture track.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from lookhear.errors import MediaError
from lookhear.media.limits import LIMITS, Stopwatch
from lookhear.media.opening import opened
from lookhear.media.orientation import UPRIGHT, Orientation, of_frame, of_image

# Containers with a reliable length and index. Others (mp3, raw streams, MPEG) estimate the length from the bit
# rate: their packets are counted, and they are read from the beginning instead of seeking.
INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "flac"}
FILMS = {"gif", "apng", "webp_anim", "jpegxl_anim"}  # formats of one image or several
IMAGE_BRANDS = {"avif", "heic", "heix", "mif1"}  # image brands of mp4-like files


@dataclass(frozen=True)
class Picture:
    """The picture track. `start` and `end` are seconds on the file's clock; `end` is None for a still image."""

    index: int
    codec: str
    width: int  # as displayed, after rotation
    height: int
    rotation: int  # counter-clockwise rotation of the stored picture for display in degrees: 0, 90, 180 or 270
    mirrored: bool  # left to right, after that rotation
    fps: float | None
    start: float
    end: float | None
    still: bool = False


@dataclass(frozen=True)
class Sound:
    """The sound track. Only decoding shows whether it is silent: see `Media.silent`."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    start: float
    end: float


@dataclass(frozen=True)
class Facts:
    """The properties of a file. `zero` is the file's own timestamp, in seconds, of time 0."""

    path: str
    format: str
    duration: float  # seconds from time 0 to the end of the longer track; 0 for a still image
    zero: float
    picture: Picture | None
    sound: Sound | None
    cover: bool  # whether a cover picture is attached
    tracks: int  # number of tracks of any kind


def probe(path: Path | str) -> Facts:
    """The facts about the file at `path`. Raises MediaError if it has no readable picture or sound."""
    with opened(path) as container:
        facts = describe(container, path)
        if facts.picture is None:
            return facts
        way = _first_orientation(container, facts)
    wide, high = facts.picture.width, facts.picture.height
    if way.transposed:
        wide, high = high, wide
    picture = replace(facts.picture, rotation=way.rotation, mirrored=way.mirrored, width=wide, height=high)
    return replace(facts, picture=picture)


def describe(container: InputContainer, path: Path | str) -> Facts:
    """The facts from headers, and from counting packets if headers are insufficient; rotation is 0."""
    picture, sound, cover = best_tracks(container)
    if picture is None and sound is None:
        there = "only a cover picture" if cover else f"{len(container.streams)} tracks, none of them picture or sound"
        raise MediaError(f"{str(path)!r} has {there}. Give a video, a sound or an image file.")
    if picture is not None and picture.codec_context.width * picture.codec_context.height > LIMITS.pixels:
        size = f"{picture.codec_context.width} x {picture.codec_context.height}"
        raise MediaError(f"{str(path)!r} has pictures of {size} pixels, more than {LIMITS.pixels:,}. Scale it down.")
    chosen: list[Stream] = [s for s in (picture, sound) if s is not None]
    spans = {s.index: _span(container, s) for s in chosen}
    still, loop = is_image(container), _may_be_image(container)
    if not still and (loop or not _header_trusted(container, Path(path).stat().st_size, spans)):
        spans, packets = _counted(path, chosen)
        still = loop and sound is None and sum(packets.values()) == 1
    zero = min(start for start, _ in spans.values())
    ends = {index: max(0.0, (start if end is None else end) - zero) for index, (start, end) in spans.items()}
    return Facts(
        path=str(path),
        format=container.format.name,
        duration=0.0 if still else max(ends.values()),
        zero=zero,
        picture=None
        if picture is None
        else Picture(
            index=picture.index,
            codec=picture.codec_context.name,
            width=picture.codec_context.width,
            height=picture.codec_context.height,
            rotation=0,
            mirrored=False,
            fps=float(picture.average_rate) if picture.average_rate and not still else None,
            start=spans[picture.index][0] - zero,
            end=None if still else ends[picture.index],
            still=still,
        ),
        sound=None
        if sound is None
        else Sound(
            index=sound.index,
            codec=sound.codec_context.name,
            sample_rate=sound.codec_context.sample_rate,
            channels=sound.codec_context.channels,
            start=spans[sound.index][0] - zero,
            end=ends[sound.index],
        ),
        cover=cover,
        tracks=len(container.streams),
    )


def is_image(container: InputContainer) -> bool:
    """Whether the format holds a single image."""
    return container.format.name == "image2" or container.format.name.endswith("_pipe")


def _may_be_image(container: InputContainer) -> bool:
    """Whether the format holds a single image or several: the number of packets decides."""
    return container.format.name in FILMS or container.metadata.get("major_brand") in IMAGE_BRANDS


def _header_trusted(container: InputContainer, size: int, spans: dict[int, tuple[float, float | None]]) -> bool:
    """Whether headers state the end of every track, and the file size makes it plausible."""
    if container.format.name not in INDEXED or any(end is None for _, end in spans.values()):
        return False
    if container.format.name.startswith("matroska") and container.start_time:
        return False  # its duration field means an end for some writers and a length for others
    longest = max(end for _, end in spans.values() if end is not None) - min(start for start, _ in spans.values())
    return longest * LIMITS.honest <= size


def best_tracks(container: InputContainer) -> tuple[VideoStream | None, AudioStream | None, bool]:
    """(picture track, sound track) that ffmpeg would choose, and whether a cover picture is attached."""
    covers = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
    pictures = [s for s in container.streams.video if s not in covers and s.codec_context and s.time_base]
    best = container.streams.best("video")
    picture = next((s for s in pictures if s == best), pictures[0] if pictures else None)
    best = container.streams.best("audio", related=picture)
    sound = next((s for s in container.streams.audio if s == best), None)
    if sound is not None and not (sound.codec_context and sound.time_base):  # a codec without decoder in this build
        sound = None
    return picture, sound, bool(covers)


def _span(container: InputContainer, stream: Stream) -> tuple[float, float | None]:
    """Start and end of a track in the file's own seconds, as stated by its headers."""
    assert stream.time_base is not None, "`best_tracks` leaves out what has none"
    start = float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0
    if stream.duration:
        return start, start + float(stream.duration * stream.time_base)
    if container.duration:
        return start, ((container.start_time or 0) + container.duration) / av.time_base
    return start, None


def _counted(path: Path | str, streams: list[Stream]) -> tuple[dict[int, tuple[float, float | None]], dict[int, int]]:
    """Start and end of tracks and their numbers of packets, by reading all packets without decoding."""
    spans: dict[int, tuple[float, float | None]] = {}
    packets = {s.index: 0 for s in streams}
    for packet, begin, end in _packets(path, [s.index for s in streams]):
        low, high = spans.get(packet.stream_index, (begin, end))
        spans[packet.stream_index] = min(low, begin), max(high or end, end)
        packets[packet.stream_index] += 1
    dated = [(s.index, s.start_time, s.time_base) for s in streams]
    starts = {index: float(start * base) for index, start, base in dated if start is not None and base is not None}
    for index, start in starts.items():  # the sound may start later than its packets (encoder delay), as headers state
        if index in spans:
            low, high = spans[index]
            spans[index] = max(low, min(start, high or start)), high
    first = min((low for low, _ in spans.values()), default=0.0)
    return {s.index: spans.get(s.index, (first, first)) for s in streams}, packets


def _packets(path: Path | str, indices: list[int]) -> Iterator[tuple[av.Packet, float, float]]:
    """The packets of some tracks, undecoded, with begin and end in the file's own seconds.

    Stops where the file is damaged or its timestamps are invalid. Thousands of times faster than real time.
    """
    clock, watch = Clock(), Stopwatch(Path(path), LIMITS)
    with opened(path) as container:
        found = container.demux([container.streams[i] for i in indices])
        while True:
            try:
                with watch:
                    packet = next(found, None)
            except av.error.FFmpegError:
                return
            if packet is None:
                return
            if packet.pts is None or not packet.size or packet.is_discard:
                continue
            begin = float(packet.pts * packet.time_base)
            if not clock.trusts_header(begin, packet):
                return
            yield packet, begin, begin + plausible_duration(packet)


class Clock:
    """Detects, packet by packet, where the timestamps of a file become invalid."""

    def __init__(self) -> None:
        self.until: float | None = None  # seconds: the latest end of a packet so far

    def trusts_header(self, begin: float, packet: av.Packet) -> bool:
        """Whether the pause before this packet is within `Limits.pause`; `begin` is the packet's time in seconds."""
        if self.until is not None and begin > self.until + LIMITS.pause:
            return False
        self.until = max(begin + plausible_duration(packet), begin if self.until is None else self.until)
        return True


def plausible_duration(packet: av.Packet) -> float:
    """Duration in seconds that a packet states, limited to plausible values."""
    return min(LIMITS.pause, float((packet.duration or 0) * packet.time_base))


def frame_times(path: Path | str, start: float = 0.0, end: float | None = None) -> tuple[list[float], float, float]:
    """(time of each frame between `start` and `end`, frames per second, seconds by the header), without decoding.

    Seconds are on the file's clock. Raises MediaError if there is no moving picture in that time span.
    """
    with opened(path) as container:
        facts = describe(container, path)
        if facts.picture is None or facts.picture.still or not facts.picture.fps:
            raise MediaError(f"{str(path)!r} has no moving picture whose frames could be numbered.")
        times = sorted(begin - facts.zero for _, begin, _ in _packets(path, [facts.picture.index]))
        times = [t for t in times if t > start - 1e-6 and (end is None or t < end - 1e-6)]
        if not times:
            raise MediaError(f"{str(path)!r} shows no frame from {start:g} s on. Check the clip's start.")
        whole = start == 0 and end is None
        seconds = container.duration / av.time_base if whole and container.duration else facts.duration - start
    return times, facts.picture.fps, seconds if end is None else end - start


def _first_orientation(container: InputContainer, facts: Facts) -> Orientation:
    assert facts.picture is not None, "asked of pictures only"
    if is_image(container):
        return of_image(Path(facts.path))
    try:
        for frame in container.decode(container.streams[facts.picture.index]):
            assert isinstance(frame, av.VideoFrame)
            return of_frame(frame)
    except av.error.FFmpegError:
        pass  # nothing decodable: `decode` will report it
    return UPRIGHT
