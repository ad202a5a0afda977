"""Probe: what is in a file, told from its headers and first frame, without decoding it.

Every file has one clock. Its time 0 is the earliest start of its best picture and best sound track, whichever of the
two are asked for later: muting a clip never moves its picture. The best tracks are those ffmpeg would choose (default
before others, more data before less); a cover picture attached to a song is not a picture.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from lookhear.errors import MediaError

# Containers that state how long they are and where each second lies. Others (mp3, raw streams, MPEG) guess from the bit
# rate: their length is counted, and they are read from the beginning rather than entered in the middle.
INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "flac"}


@dataclass(frozen=True)
class Picture:
    """The picture track. `start` and `end` are seconds on the file's clock; `end` is None for a still, which lasts."""

    index: int
    codec: str
    width: int  # as shown, after rotation
    height: int
    rotation: int  # degrees counter-clockwise that the stored picture is turned by to be shown: 0, 90, 180 or 270
    fps: float | None
    start: float
    end: float | None
    still: bool = False


@dataclass(frozen=True)
class Sound:
    """The sound track. Whether it is silent is known only after decoding: see `Media.silent`."""

    index: int
    codec: str
    sample_rate: int
    channels: int
    start: float
    end: float


@dataclass(frozen=True)
class Facts:
    """What is in a file. `zero` is the file's own timestamp, in seconds, of what is called time 0 here."""

    path: str
    format: str
    duration: float  # seconds from time 0 to the end of the longer of the two tracks; 0 for a still
    zero: float
    picture: Picture | None
    sound: Sound | None
    cover: bool  # a cover picture is attached
    tracks: int  # of any kind


def probe(path: Path | str) -> Facts:
    """The facts about the file at `path`. Raises MediaError where it cannot be read as picture or sound."""
    with open_media(path) as container:
        facts = describe(container, path)
        if facts.picture is None:
            return facts
        rotation = _first_rotation(container, facts.picture.index)
    wide, high = facts.picture.width, facts.picture.height
    if rotation % 180:
        wide, high = high, wide
    return replace(facts, picture=replace(facts.picture, rotation=rotation, width=wide, height=high))


def open_media(path: Path | str) -> InputContainer:
    """The opened container at `path`. Raises MediaError, one line, quoting the path and naming the way out."""
    path = Path(path)
    if path.is_dir():
        raise MediaError(f"{str(path)!r} is a folder, not a video or sound file.")
    if not path.exists():
        raise MediaError(f"No file at {str(path)!r}. Check the path and the dataset's --root.")
    try:
        if path.stat().st_size == 0:
            raise MediaError(f"{str(path)!r} is empty (0 bytes). Download or copy it again.")
        with path.open("rb") as file:
            if file.read(8).startswith((b"#EXTM3U", b"ffconcat")):
                raise MediaError(f"{str(path)!r} is a playlist, not a recording. Give the files it names.")
        # `file:` keeps a name with a colon from being read as a protocol; the white list keeps a playlist from
        # reaching for the network
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: BaseException) -> str:
    if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
        return f"No permission to read {str(path)!r}."
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"mdat", b"moov"):
        return f"{str(path)!r} is an mp4 without its index (moov), probably an unfinished download. Fetch it again."
    reason = (getattr(error, "strerror", None) or str(error)).split("\n")[0]
    return f"{str(path)!r} is not a video or sound file that can be read ({reason}). Check or re-encode it."


def describe(container: InputContainer, path: Path | str) -> Facts:
    """The facts that headers tell, and a count of packets where they do not; rotation is left at 0."""
    picture, sound, cover = best_tracks(container)
    if picture is None and sound is None:
        there = "only a cover picture" if cover else f"{len(container.streams)} tracks, none of them picture or sound"
        raise MediaError(f"{str(path)!r} has {there}. Give a video, a sound or an image file.")
    still = container.format.name == "image2" or container.format.name.endswith("_pipe")
    chosen = [s for s in (picture, sound) if s is not None]
    spans = {s.index: _span(container, s) for s in chosen}
    if not still and (container.format.name not in INDEXED or any(end is None for _, end in spans.values())):
        spans |= _counted(path, chosen)
    zero = min(start for start, _ in spans.values())
    ends = {index: max(0.0, (start if end is None else end) - zero) for index, (start, end) in spans.items()}
    return Facts(
        path=str(path),
        format=container.format.name,
        duration=0.0 if still else max(ends.values()),
        zero=zero,
        picture=picture
        and Picture(
            index=picture.index,
            codec=picture.codec_context.name,
            width=picture.codec_context.width,
            height=picture.codec_context.height,
            rotation=0,
            fps=float(picture.average_rate) if picture.average_rate and not still else None,
            start=spans[picture.index][0] - zero,
            end=None if still else ends[picture.index],
            still=still,
        ),
        sound=sound
        and Sound(
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


def best_tracks(container: InputContainer) -> tuple[Stream | None, Stream | None, bool]:
    """The picture and sound tracks that ffmpeg would choose, and whether a cover picture is attached."""
    covers = [s for s in container.streams.video if s.disposition & Disposition.attached_pic]
    pictures = [s for s in container.streams.video if s not in covers and s.codec_context is not None]
    picture = container.streams.best("video")
    if picture not in pictures:
        picture = pictures[0] if pictures else None
    sound = container.streams.best("audio", related=picture)
    if sound is not None and sound.codec_context is None:  # a codec this build cannot decode
        sound = None
    return picture, sound, bool(covers)


def _span(container: InputContainer, stream: Stream) -> tuple[float, float | None]:
    """Start and end of a track in the file's own seconds, as its headers state them."""
    start = float(stream.start_time * stream.time_base) if stream.start_time is not None else 0.0
    if stream.duration:
        return start, start + float(stream.duration * stream.time_base)
    if container.duration:
        return start, ((container.start_time or 0) + container.duration) / av.time_base
    return start, None


def _counted(path: Path | str, streams: list[Stream]) -> dict[int, tuple[float, float]]:
    """Start and end of tracks by reading all packets, undecoded: thousands of times faster than real time."""
    spans: dict[int, tuple[float, float]] = {}
    indices = [s.index for s in streams]
    with open_media(path) as container:
        try:
            for packet in container.demux([container.streams[i] for i in indices]):
                if packet.pts is None or packet.is_discard:
                    continue
                begin = float(packet.pts * packet.time_base)
                end = begin + float((packet.duration or 0) * packet.time_base)
                low, high = spans.get(packet.stream_index, (begin, end))
                spans[packet.stream_index] = min(low, begin), max(high, end)
        except av.error.FFmpegError:
            pass  # damaged from here on: what was counted is what can be read
    for stream in streams:  # the sound may start later than its packets (encoder delay): headers know
        if stream.index in spans and stream.start_time is not None:
            low, high = spans[stream.index]
            spans[stream.index] = max(low, float(stream.start_time * stream.time_base)), high
    return spans


def frame_times(path: Path | str, start: float = 0.0, end: float | None = None) -> tuple[list[float], float, float]:
    """When each frame between `start` and `end` is shown, frames a second, and seconds by the header; nothing decoded.

    Seconds are on the file's clock. Raises MediaError where there is no moving picture in that stretch.
    """
    with open_media(path) as container:
        facts = describe(container, path)
        if facts.picture is None or facts.picture.still or not facts.picture.fps:
            raise MediaError(f"{str(path)!r} has no moving picture whose frames could be numbered.")
        stream, stamps = container.streams[facts.picture.index], []
        try:
            stamps = [p.pts for p in container.demux(stream) if p.pts is not None and p.size and not p.is_discard]
        except av.error.FFmpegError as error:
            raise MediaError(_unreadable(Path(path), error)) from None
        times = sorted(float(p * stream.time_base) - facts.zero for p in stamps)
        times = [t for t in times if t > start - 1e-6 and (end is None or t < end - 1e-6)]
        if not times:
            raise MediaError(f"{str(path)!r} shows no frame from {start:g} s on. Check the clip's start.")
        whole = start == 0 and end is None
        seconds = container.duration / av.time_base if whole and container.duration else facts.duration - start
    return times, facts.picture.fps, seconds if end is None else end - start


def _first_rotation(container: InputContainer, index: int) -> int:
    try:
        for frame in container.decode(container.streams[index]):
            return turned(frame.rotation)
    except av.error.FFmpegError:
        pass  # nothing decodable: `decode` will say so
    return 0


def turned(rotation: float) -> int:
    """A display matrix's angle as 0, 90, 180 or 270 degrees counter-clockwise."""
    return round(rotation / 90) * 90 % 360
