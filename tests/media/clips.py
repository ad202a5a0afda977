"""Small recordings drawn for the tests: each frame carries its own number as a bar code, so times can be read back."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lookhear.types import Clip, Source

BITS, BLOCK = 12, 8
TICKS = 1000  # timestamps are milliseconds


def painted(number: int, height: int = 48, width: int = BITS * BLOCK) -> np.ndarray:
    """A frame whose top row of blocks is `number` in black and white bits; red below on the left, blue on the right."""
    frame = np.full((height, width, 3), 128, np.uint8)
    frame[BLOCK:, : width // 2] = (200, 40, 40)
    frame[BLOCK:, width // 2 :] = (40, 40, 200)
    for bit in range(BITS):
        frame[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    return frame


def number(frame: np.ndarray) -> int:
    """The number that `painted` put into `frame`."""
    middle = BLOCK // 2
    return sum(int(frame[middle, bit * BLOCK + middle].mean() > 127) << bit for bit in range(BITS))


def record(
    path: Path,
    times: list[float],
    waveform: np.ndarray | None = None,
    sound_start: float = 0.0,
    sample_rate: int = 16_000,
    gop: int = 12,
    bframes: int = 2,
    rotation: int = 0,
    codec: str = "libx264",
    sound_codec: str = "aac",
    size: tuple[int, int] = (48, BITS * BLOCK),
    options: dict | None = None,
    params: str = "",
) -> Path:
    """Write frame k with timestamp `times[k]` seconds, and sound whose first sample is at `sound_start`."""
    with av.open(str(path), "w", container_options=options or {}) as out:
        sound = None
        if times:
            extra = {"x264-params": f"scenecut=0:{params}"} if codec == "libx264" else {}
            extra |= {"x265-params": f"log-level=none:{params}"} if codec == "libx265" else {}
            picture = out.add_stream(codec, rate=25, options={"crf": "18", **extra})
            picture.height, picture.width = size
            picture.pix_fmt = "yuv420p"
            picture.codec_context.time_base = Fraction(1, TICKS)
            picture.codec_context.gop_size = gop
            picture.codec_context.max_b_frames = bframes
            if rotation:
                picture.set_display_rotation(rotation)
        if waveform is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(np.atleast_2d(waveform))]
            sound = out.add_stream(sound_codec, rate=sample_rate, layout=layout)
        packets = []
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(painted(k, *size), format="rgb24")
            frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
            packets += picture.encode(frame)
        packets += picture.encode(None) if times else []
        if sound is not None:
            planar = np.atleast_2d(waveform).astype(np.float32)
            wanted = sound.codec_context.format.name
            block = sample_rate // 4
            for at in range(0, planar.shape[1], block):
                frame = _sound_frame(planar[:, at : at + block], wanted, layout)
                frame.sample_rate = sample_rate
                frame.pts, frame.time_base = at + round(sound_start * sample_rate), Fraction(1, sample_rate)
                packets += sound.encode(frame)
            packets += sound.encode(None)
        packets.sort(key=lambda p: p.dts * p.time_base)
        out.mux(packets)
    return path


def _sound_frame(planar: np.ndarray, wanted: str, layout: str) -> av.AudioFrame:
    if wanted.startswith("s16"):
        planar = np.round(planar * 32767).astype(np.int16)
    if not wanted.endswith("p"):
        planar = planar.T.reshape(1, -1)
    return av.AudioFrame.from_ndarray(np.ascontiguousarray(planar), format=wanted, layout=layout)


def clip(path: Path | None, start: float = 0.0, end: float | None = None) -> Clip:
    """The recording at `path`, seen and heard."""
    source = Source("clip" if path is None else path.stem, path)
    return Clip(source, source, start, end)


def beeps(seconds: float, at: list[float], rate: int = 16_000, length: float = 0.05) -> np.ndarray:
    """Silence with a 1 kHz beep of `length` seconds at each of `at`."""
    time = np.arange(round(seconds * rate)) / rate
    on = sum(((time >= t) & (time < t + length)).astype(np.float32) for t in at)
    return (0.5 * np.sin(2 * np.pi * 1000 * time) * on).astype(np.float32)


def onsets(waveform: np.ndarray, rate: int = 16_000, level: float = 0.1) -> list[float]:
    """Times at which sound begins after at least 30 ms of near silence."""
    loud = np.flatnonzero(np.abs(waveform) > level)
    first = loud[np.diff(loud, prepend=-rate) > 0.03 * rate]
    return [float(t) / rate for t in first]


def repeat(path: Path, times: int, out: Path) -> Path:
    """The recording at `path` `times` times over, half a second apart, packets copied: an hour takes a second."""
    with av.open(str(path)) as read:
        seconds = read.duration / av.time_base + 0.5
    with av.open(str(out), "w") as write:
        for turn in range(times):
            with av.open(str(path)) as read:
                if turn == 0:
                    copies = {s.index: write.add_stream_from_template(s) for s in read.streams}
                for packet in read.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    shift = round(turn * seconds / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = copies[packet.stream_index]
                    write.mux(packet)
    return out
