"""The sound track of an open file: packets go in, mono float32 samples on the file's clock come out.

Nothing here knows of clips or of Media; `decode.py` drives it. All times are seconds on the file's clock, whose time 0
`probe.describe` sets.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.stream import Stream

from lookhear.media.probe import Facts

DRIFT = 0.05  # seconds a packet may lie off its timestamp (millisecond containers round) before time is mended


class SoundTrack:
    """Gathers mono float32 at `rate` Hz from `start` on; what the track leaves out in its time is zeros."""

    def __init__(self, stream: Stream, facts: Facts, start: float, rate: int) -> None:
        self.damaged = 0
        self.end = 0.0  # end of the last sound heard
        self.first: float | None = None
        self.ended = False
        self._codec = stream.codec_context
        self._codec.thread_count = 1
        self._base, self._zero = float(stream.time_base), facts.zero
        self._start, self._rate = start, rate
        self._blocks: list[np.ndarray] = []  # contiguous samples not yet fetched
        self._filled = 0  # samples since `start`, fetched ones included
        self._skip = 0  # samples still to be dropped: they lie before `start`
        self._resampler: av.AudioResampler | None = None
        self._pending: av.AudioFifo | None = None  # samples as decoded, at the file's rate, not yet mixed and resampled
        self._kind = ("", 0)  # sample format and number of channels of these
        self._source = 0  # the file's rate; 0 before the first frame
        self._samples = 0  # since `_origin`
        self._origin = 0.0  # time at which the present unbroken stretch began
        self._idle = False

    @property
    def reached(self) -> float:
        """All sound before this time is there."""
        if self.ended or self._idle:
            return float("inf")
        return self._start + self._filled / self._rate if self._filled else -1.0

    def feed(self, packet: av.Packet | None) -> None:
        """Take one packet of this track, or None at its end."""
        try:
            for frame in self._codec.decode(packet):
                if frame.samples:
                    self._hear(frame)
        except av.error.FFmpegError:
            self.damaged += packet is not None and self.end >= self._start

    def finish(self) -> None:
        """The track has ended."""
        if not self.ended:
            self.feed(None)
            self._flush()
            self.ended = True

    def pause(self) -> None:
        """Nothing has come for long: do not wait for it. What comes later finds its place by its timestamp."""
        self._flush()
        self._source, self._idle = 0, True

    def fetch(self, until: float) -> np.ndarray:
        """The samples from where the last fetch ended up to time `until`; after the end of the track they are zeros."""
        everything = np.concatenate([*self._blocks, np.zeros(0, np.float32)])
        want = max(0, round((until - self._start) * self._rate) - (self._filled - len(everything)))
        if want > len(everything):
            silence = np.zeros(want - len(everything), np.float32)
            everything, self._filled = np.concatenate([everything, silence]), self._filled + len(silence)
        self._blocks = [everything[want:]]
        return everything[:want]

    def _hear(self, frame: av.AudioFrame) -> None:
        self._idle = False
        rate = frame.sample_rate
        expected = self._origin + self._samples / self._source if self._source else 0.0
        now = frame.pts * float(frame.time_base) - self._zero if frame.pts is not None else expected
        if rate != self._source or abs(now - expected) > DRIFT:
            self._flush()
            self._source, self._origin, self._samples = rate, now, 0
            gap = round((now - self._start) * self._rate) - self._filled
            self._skip = max(0, -gap)
            if gap > 0:
                self._blocks.append(np.zeros(gap, np.float32))
                self._filled += gap
        if self.first is None:
            self.first = now
        kind = frame.format.name, frame.layout.nb_channels
        if kind != self._kind:
            self._resample()
        if self._pending is None:
            self._pending, self._kind = av.AudioFifo(), kind
        frame.pts = None  # it would be held against what went through before
        self._pending.write(frame)
        self._samples += frame.samples
        self.end = self._origin + self._samples / rate
        if self._pending.samples >= rate:  # a second at a time: thousands of tiny calls cost more than the resampling
            self._resample()

    def _resample(self) -> None:
        gathered = self._pending.read() if self._pending else None
        if gathered is None:
            return
        block, self._pending = _mono(gathered), None
        if self._source == self._rate:
            self._append(block)
            return
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=self._rate)
        frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
        frame.sample_rate = self._source
        for out in self._resampler.resample(frame):
            self._append(out.to_ndarray()[0])

    def _flush(self) -> None:
        self._resample()
        if self._resampler is not None:
            for out in self._resampler.resample(None):
                self._append(out.to_ndarray()[0])
            self._resampler = None

    def _append(self, samples: np.ndarray) -> None:
        dropped = min(self._skip, len(samples))
        self._skip -= dropped
        if dropped < len(samples):
            self._blocks.append(samples[dropped:])
            self._filled += len(samples) - dropped


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """The mean of the channels, in -1..1. ffmpeg's own mixing of floats is 3 dB too loud for two equal channels."""
    samples: Any = frame.to_ndarray()  # (channel, sample), or (1, sample x channel) where channels are interleaved
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / 2.0 ** (8 * samples.dtype.itemsize - 1)
    return samples.mean(axis=0, dtype=np.float32) if len(samples) > 1 else samples[0].astype(np.float32)
