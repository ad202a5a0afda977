"""Convert sound of any channel layout and sample format to one channel of float32.

Mono and stereo are the mean of their channels. Other layouts are the weighted mean of ffmpeg's resampler (`ffmpeg -ac
1` to 16 bits): front 1, centre 1.41, surround 0.71, low-frequency effects 0, divided by the sum of weights. A track of
five channels or more without a layout is assumed to have the usual one, as in ffmpeg. Of an ambisonic track the
omnidirectional channel is used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import av
import numpy as np

NAME = "mono by ffmpeg's weights"  # part of the signature of features
PLAIN = {"u8", "s16", "s32", "flt", "dbl"}  # sample formats that numpy reads directly, packed or planar
PLANES = 7  # largest number of planes that PyAV returns


def mono(frame: av.AudioFrame) -> np.ndarray:
    """(sample,) float32 in -1..1 (lossy sound may slightly exceed it). Raises av.error.FFmpegError."""
    name, count = frame.format.name, frame.layout.nb_channels
    if name.removesuffix("p") not in PLAIN or (frame.format.is_planar and count > PLANES):
        frame = _packed(frame)
    samples: Any = frame.to_ndarray()  # (channel, sample), or (1, sample x channel) if channels are interleaved
    if not frame.format.is_planar:
        samples = samples.reshape(-1, count).T
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "i":
        samples = samples.astype(np.float32) / 2.0 ** (8 * samples.dtype.itemsize - 1)
    if count == 1:
        return samples[0].astype(np.float32)
    if count == 2:
        return samples.mean(axis=0, dtype=np.float32)
    return np.tensordot(weights(frame.layout.name), samples.astype(np.float32, copy=False), 1)


@lru_cache(maxsize=64)
def weights(layout: str) -> np.ndarray:
    """(channel,) float32 with sum 1: the weight of each channel of this layout."""
    channels = av.AudioLayout(layout).channels
    if any(channel.name.startswith("AMBI") for channel in channels):
        return np.array([channel.name == "AMBI0" for channel in channels], np.float32)
    try:
        found = np.array([_channel_level(layout, number, len(channels)) for number in range(len(channels))], np.float32)
    except (av.error.FFmpegError, ValueError):  # ffmpeg cannot mix this layout
        found = np.zeros(len(channels), np.float32)
    return found / found.sum() if found.sum() > 0 else np.full(len(channels), 1 / len(channels), np.float32)


def _channel_level(layout: str, number: int, count: int, length: int = 256) -> float:
    """Level in the mix of a constant 1 in one channel."""
    samples = np.zeros((length, count), np.float32)
    samples[:, number] = 1
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate = 48_000
    mixed = av.AudioResampler(format="flt", layout="mono", rate=48_000).resample(frame)
    return float(np.concatenate([f.to_ndarray() for f in mixed], axis=1).mean())


def _packed(frame: av.AudioFrame) -> av.AudioFrame:
    """The same sound as interleaved floats."""
    frame.pts = None
    resampler = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
    (packed,) = resampler.resample(frame)
    return packed
