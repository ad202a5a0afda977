"""Decode the sound track of an open file: from packets to mono float32 samples on the file's clock.

This is used by `decode.py`. All times are seconds on the file's clock, whose time 0 is set by `probe.describe`.
"""

from __future__ import annotations

import av
import numpy as np
from av.audio.stream import AudioStream

from lookhear.errors import MediaError
from lookhear.media.limits import LIMITS
from lookhear.media.mixing import mono
from lookhear.media.opening import DECODER
from lookhear.media.probe import Facts

DRIFT = 0.05  # tolerance in seconds of a packet's timestamp (containers round to milliseconds) before gaps are filled


class SoundTrack:
    """Collects mono float32 samples at `rate` Hz from `start` on; gaps in the track are zeros."""

    def __init__(self, stream: AudioStream, facts: Facts, start: float, rate: int) -> None:
        self.damaged = 0
        self.unreal = 0.0  # seconds whose samples are NaN or infinite
        self.end = 0.0  # end of the last samples
        self.first: float | None = None
        self.ended = False
        self.strange = ""  # reason why the track cannot be decoded
        self._path = facts.path
        self._codec = stream.codec_context
        self._codec.thread_count = 1
        self._codec.options = DECODER
        assert stream.time_base is not None, "`best_tracks` leaves out what has none"
        self._base, self._zero = float(stream.time_base), facts.zero
        self._start, self._rate = start, rate
        self._blocks: list[np.ndarray | int] = []  # contiguous samples not yet fetched; an integer is a number of zeros
        self._filled = 0  # number of samples since `start`, including fetched ones
        self._skip = 0  # number of samples still to be dropped, because they are before `start`
        self._resampler: av.AudioResampler | None = None
        self._pending: av.AudioFifo | None = None  # decoded samples at the file's rate, before mixing and resampling
        self._kind = ("", "")  # sample format and channel layout of `_pending`
        self._source = 0  # the file's sample rate; 0 before the first frame
        self._samples = 0  # since `_origin`
        self._origin = 0.0  # time at which the current contiguous part began
        self._idle = False

    @property
    def reached(self) -> float:
        """Whether all sound before this time is available."""
        if self.ended or self._idle:
            return float("inf")
        return self._start + self._filled / self._rate if self._filled else -1.0

    def feed(self, packet: av.Packet | None) -> None:
        """Process one packet of this track, or None at its end."""
        try:
            for frame in self._codec.decode(packet):
                if frame.samples:
                    self._hear(frame)
        except av.error.FFmpegError:
            self.damaged += packet is not None and self.end >= self._start

    def finish(self) -> None:
        """Process the end of the track."""
        if not self.ended:
            self.feed(None)
            self._flush()
            self.ended = True

    def pause(self) -> None:
        """Stop waiting for this track, which had no packets for long. Later packets are placed by their timestamps."""
        self._flush()
        self._source, self._idle = 0, True

    def fetch(self, until: float) -> np.ndarray:
        """The samples from the end of the last fetch to time `until`; zeros after the end of the track."""
        kept = sum(block if isinstance(block, int) else len(block) for block in self._blocks)
        want = max(0, round((until - self._start) * self._rate) - (self._filled - kept))
        if want > kept:
            self._blocks.append(want - kept)
            self._filled += want - kept
        out, left, silence = [np.zeros(0, np.float32)], want, 0
        while left:
            block = self._blocks.pop(0)
            size = block if isinstance(block, int) else len(block)
            if size > left:
                self._blocks.insert(0, size - left if isinstance(block, int) else block[left:])
                block, size = (left if isinstance(block, int) else block[:left]), left
            silence += 4 * size * isinstance(block, int)
            if silence > LIMITS.padding or 4 * want > LIMITS.memory:
                raise MediaError(
                    f"{self._path!r}: {want / self._rate / 3600:.1f} h of sound are too much at once. "
                    "Read the clip in pieces (stream), or give it an end."
                )
            out.append(np.zeros(block, np.float32) if isinstance(block, int) else block)
            left -= size
        return np.concatenate(out)

    def _hear(self, frame: av.AudioFrame) -> None:
        self._idle = False
        rate = frame.sample_rate
        if not LIMITS.rates[0] <= rate <= LIMITS.rates[1]:
            self.strange = f"{rate} samples a second"
            return
        expected = self._origin + self._samples / self._source if self._source else 0.0
        now = expected
        if frame.pts is not None and frame.time_base is not None:
            now = frame.pts * float(frame.time_base) - self._zero
        if rate != self._source or abs(now - expected) > DRIFT:
            self._flush()
            self._source, self._origin, self._samples = rate, now, 0
            gap = round((now - self._start) * self._rate) - self._filled
            self._skip = max(0, -gap)
            if gap > 0:
                self._blocks.append(gap)
                self._filled += gap
        if self.first is None:
            self.first = now
        kind = frame.format.name, frame.layout.name
        if kind != self._kind:
            self._resample()
        if self._pending is None:
            self._pending, self._kind = av.AudioFifo(), kind
        frame.pts = None  # otherwise the resampler compares it with earlier frames
        self._pending.write(frame)
        self._samples += frame.samples
        self.end = self._origin + self._samples / rate
        if self._pending.samples >= rate:  # one second at a time: many small calls would cost more than the resampling
            self._resample()

    def _resample(self) -> None:
        gathered = self._pending.read() if self._pending else None
        if gathered is None:
            return
        self._pending = None
        try:
            block = mono(gathered)
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            self.strange = f"{self._kind[0]}, {self._kind[1]}: {str(error)[:80]}"
            return
        if not (real := np.isfinite(block)).all():
            self.unreal += float((~real).sum()) / self._source
            block = np.where(real, block, np.float32(0))
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
