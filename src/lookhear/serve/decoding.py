"""Operations of a decoder process: inspect a file, decode it in full, draw its waveform and thumbnails, join frames.

No model is loaded here. All properties of an upload are checked in such a process before a model's worker opens it.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from lookhear.errors import MediaError
from lookhear.media.decode import decode, stream
from lookhear.media.probe import Facts, probe
from lookhear.media.sampling import Sampling
from lookhear.media.write import write, write_wav
from lookhear.types import Clip, Media, Source

BINS = 2_000  # largest number of waveform columns
PER_SECOND = 50  # largest number of waveform columns per second
PICTURES = 40  # largest number of thumbnails
HIGH = 72  # height of a thumbnail in pixels
PIECE = 20.0  # seconds decoded at a time
STILL = 1.0  # duration in seconds of a still picture without sound
PREVIEW = (640, 12.0)  # longer side in pixels and frames per second of a preview

Tell = Callable[[Any], None]


def operations() -> dict[str, Callable[[Mapping[str, Any], Tell], Any]]:
    """Name of each operation -> the function that performs it."""
    return {
        "probe": _probe,
        "inspect": _inspect,
        "compose": _compose,
        "join": _join,
        "preview": _preview,
        "examples": _examples,
    }


def _probe(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Properties according to the file's headers."""
    return _facts(probe(request["path"]))


def _facts(facts: Facts) -> dict[str, Any]:
    picture, sound = facts.picture, facts.sound
    return {
        "format": facts.format,
        "duration": facts.duration,
        "still": bool(picture and picture.still),
        "picture": picture
        and {"codec": picture.codec, "width": picture.width, "height": picture.height, "fps": picture.fps},
        "sound": sound and {"codec": sound.codec, "sample_rate": sound.sample_rate, "channels": sound.channels},
    }


def _inspect(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Decode the whole file once. Progress reports: seconds decoded, and the waveform of each piece."""
    path = Path(request["path"])
    facts = probe(path)
    length = facts.duration or STILL
    source = Source(path.name, path)
    clip = Clip(source, source, 0.0, length if facts.picture and facts.picture.still else None)
    if facts.picture:
        size = (HIGH, max(1, min(4 * HIGH, round(facts.picture.width * HIGH / max(1, facts.picture.height)))))
    else:
        size = None
    rate = 8_000
    sampling = Sampling(fps=min(1.0, PICTURES / length), size=size, sample_rate=rate)
    per_second = min(float(PER_SECOND), BINS / length)
    wave: list[list[float]] = []
    strip: list[dict[str, Any]] = []
    notes: tuple[str, ...] = ()
    done = 0.0
    for piece in stream(clip, sampling, min(PIECE, max(1.0, length))):
        columns = _wave(piece, per_second)
        wave += columns
        strip += [{"time": round(done + t, 3), "picture": _jpeg(f)} for f, t in zip(*_shown(piece, done), strict=True)]
        done += piece.duration
        notes = piece.notes
        tell({"seconds": round(done, 2), "of": round(length, 2), "wave": columns})
    return {
        **_facts(facts),
        "duration": round(done, 3),
        "wave": {"per_second": per_second, "columns": wave},
        "strip": strip,
        "notes": list(notes),
    }


def _shown(piece: Media, done: float) -> tuple[list[np.ndarray], list[float]]:
    if piece.frames is None:
        return [], []
    return list(piece.frames), [float(t) - done for t in piece.times]


def _wave(piece: Media, per_second: float) -> list[list[float]]:
    """(minimum, maximum) of the samples in each waveform column."""
    if piece.waveform is None or not len(piece.waveform):
        return []
    count = max(1, round(piece.duration * per_second))
    edges = np.linspace(0, len(piece.waveform), count + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(piece.waveform, edges), np.maximum.reduceat(piece.waveform, edges)
    both = np.nan_to_num(np.clip(np.stack([low, high], axis=1), -1, 1))
    return [[round(float(a), 3), round(float(b), 3)] for a, b in both]


def _jpeg(frame: np.ndarray) -> str:
    held = io.BytesIO()
    Image.fromarray(frame).save(held, "JPEG", quality=70)
    return base64.b64encode(held.getvalue()).decode()


def _compose(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Write frames shown at given times as a lossless video (FFV1 in Matroska) with time stamps of 1 ms.

    The first frame is shown from time 0. The last frame is shown until the sound ends, or without sound as long as the
    others on average.
    """
    times = [float(t) for t in request["times"]]
    gap = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else STILL
    end = times[-1] + (
        min(gap, times[0]) if times[0] > 0 else gap
    )  # frames are sampled at the middle of intervals, or at their starts
    if request.get("audio"):
        end = probe(request["audio"]).duration
    end = max(end, times[-1] + 0.04)
    times[0] = 0.0  # a file starts with its first frame, a clip at time 0
    out = Path(request["out"])
    part = out.with_suffix(".part")
    try:
        with av.open(str(part), "w", format="matroska") as container:
            _mux(container, _pictures(request["images"], int(request["pixels"])), [*times, end])
        os.replace(part, out)  # noqa: PTH105
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"The frames cannot be joined to a clip ({str(error)[:120]}).") from None
    finally:
        part.unlink(missing_ok=True)
    return _facts(probe(out))


def _join(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Concatenate sounds into one 16 kHz wav file."""
    waveforms = []
    for number, path in enumerate(map(Path, request["sounds"]), 1):
        sound = decode(Clip(None, Source(path.name, path))).waveform
        if sound is None:
            raise MediaError(f"Sound {number} of the message holds no sound.")
        waveforms.append(sound)
    write_wav(request["out"], np.concatenate(waveforms))
    return _facts(probe(request["out"]))


def _mux(container: Any, pictures: Iterator[Image.Image], times: list[float]) -> None:
    first = next(pictures)
    size = first.width + first.width % 2, first.height + first.height % 2
    track = container.add_stream("ffv1", rate=25, width=size[0], height=size[1], pix_fmt="bgr0")
    track.codec_context.time_base = Fraction(1, 1000)
    moments = [round(1000 * t) for t in times]
    picture = first
    for picture, at, after in zip(_chained_images(first, pictures), moments[:-1], moments[1:], strict=True):
        # a player shows a frame until the next one; a reader takes the last frame's start plus its duration
        frame = av.VideoFrame.from_image(picture.resize(size) if picture.size != size else picture)
        frame.pts, frame.time_base = at, Fraction(1, 1000)
        for packet in track.encode(frame):
            packet.duration = after - at
            container.mux(packet)
    closing = av.VideoFrame.from_image(picture.resize(size) if picture.size != size else picture)
    closing.pts, closing.time_base = max(moments[-1] - 40, moments[-2] + 1), Fraction(1, 1000)
    for packet in [*track.encode(closing), *track.encode(None)]:
        packet.duration = 40
        container.mux(packet)


def _chained_images(first: Image.Image, others: Iterator[Image.Image]) -> Iterator[Image.Image]:
    yield first
    yield from others


def _pictures(paths: list[str], pixels: int) -> Iterator[Image.Image]:
    Image.MAX_IMAGE_PIXELS = pixels
    for number, path in enumerate(paths, 1):
        try:
            with Image.open(path, formats=("JPEG", "PNG", "WEBP", "GIF", "BMP")) as image:
                if image.width * image.height > pixels:
                    raise MediaError(f"Picture {number} has {image.width} x {image.height} pixels, which is too many.")
                yield image.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            reason = str(error).replace(str(path), "it")[:100]
            raise MediaError(f"Picture {number} cannot be read as JPEG, PNG, WebP, GIF or BMP ({reason}).") from None


def _preview(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Write a small copy that every browser plays: H.264 and AAC."""
    path, out = Path(request["path"]), Path(request["out"])
    facts = probe(path)
    side, fps = PREVIEW
    size = None
    if facts.picture:
        shrink = min(1.0, side / max(facts.picture.width, facts.picture.height))
        high, wide = (max(2, 2 * round(n * shrink / 2)) for n in (facts.picture.height, facts.picture.width))
        size = high, wide
    source = Source(path.name, path)
    clip = Clip(source, source, 0.0, STILL if facts.picture and facts.picture.still else None)
    sound = decode(Clip(None, source), Sampling(sample_rate=44_100)).waveform if facts.sound else None
    frames = None
    if facts.picture:
        pieces = stream(clip if not facts.sound else Clip(source, None, 0.0, clip.end), Sampling(fps=fps, size=size))
        frames = (frame for piece in pieces for frame in (piece.frames if piece.frames is not None else ()))
    write(out, frames, sound, fps=fps, sample_rate=44_100)
    return {"bytes": out.stat().st_size}


def _examples(request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Generate a few Soundstage clips with questions in the folder `out`."""
    from lookhear.serve import examples

    return examples.draw(Path(request["out"]))
