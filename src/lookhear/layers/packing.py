"""Preprocessing for Qwen-Omni's vision and audio towers: patches of frames and log-mel spectrograms.

    frames (time, height, width, 3) ─ scaled ─ two by two ─▶ patches (patch, 3·2·side·side), in squares of 2 x 2
    waveform ─▶ mel (band, frame of 10 ms) ─ tower ─▶ 25 tokens a second (Qwen2.5), 13 (Qwen3)

transformers needs torchvision for its video processor; this equals its image processor on each pair of frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

HEARD = 16_000  # samples per second


@dataclass(frozen=True)
class Eye:
    """Input format of a vision tower."""

    side: int = 14
    """side of a patch in pixels"""
    together: int = 2
    """frames per patch"""
    merge: int = 2
    """patches per token, along each side"""
    mean: tuple[float, ...] = (0.48145466, 0.4578275, 0.40821073)
    deviation: tuple[float, ...] = (0.26862954, 0.26130258, 0.27577711)

    @property
    def unit(self) -> int:
        """Height and width must be multiples of this number of pixels."""
        return self.side * self.merge


def scaled(frames: UInt8[np.ndarray, "time height width 3"], size: tuple[int, int]) -> np.ndarray:
    """Resize frames to `size` (height, width) by Pillow's bicubic filter with antialiasing."""
    if frames.shape[1:3] == tuple(size):
        return frames
    from PIL import Image

    height, width = size
    return np.stack([np.asarray(Image.fromarray(f).resize((width, height), Image.Resampling.BICUBIC)) for f in frames])


def patches(
    frames: UInt8[np.ndarray, "time height width 3"], eye: Eye
) -> tuple[Float[Tensor, "patch wide"], tuple[int, int, int]]:
    """(patches, (time, height, width) of the grid). An odd last frame is repeated, as a single picture is."""
    missing = -len(frames) % eye.together
    frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).float() / 255
    pixels = (pixels - torch.tensor(eye.mean)) / torch.tensor(eye.deviation)
    grid = (len(frames) // eye.together, frames.shape[1] // eye.side, frames.shape[2] // eye.side)
    flat = rearrange(
        pixels,
        "(t two) (h mh sh) (w mw sw) c -> (t h w mh mw) (c two sh sw)",
        two=eye.together,
        mh=eye.merge,
        mw=eye.merge,
        sh=eye.side,
        sw=eye.side,
    )
    return flat, grid


def mel(waveform: Float[np.ndarray, " sample"], extractor: Any) -> Float[Tensor, "band frame"]:
    """The log-mel spectrogram of a waveform without padding: ⌈samples / 160⌉ frames.

    `extractor` is transformers' WhisperFeatureExtractor. Some zeros are appended before the transform, so that the last
    frames equal those of a waveform padded to five minutes.
    """
    frames = -(-len(waveform) // extractor.hop_length)
    room = (frames + 1) * extractor.hop_length + extractor.n_fft
    padded = np.zeros(room, np.float32)
    padded[: len(waveform)] = waveform
    made = extractor(padded, sampling_rate=extractor.sampling_rate, padding="do_not_pad", truncation=False)
    return torch.from_numpy(np.asarray(made["input_features"][0]))[:, :frames].contiguous()


def padded_mels(mels: Sequence[Float[Tensor, "band _frame"]]) -> tuple[Tensor, Tensor]:
    """(clip, band, frame), padded on the right, and the mask (clip, frame); the towers read the masked-in frames
    only."""
    longest = max(m.shape[1] for m in mels)
    features = torch.stack([torch.nn.functional.pad(m, (0, longest - m.shape[1])) for m in mels])
    mask = torch.stack([torch.arange(longest) < m.shape[1] for m in mels])
    return features, mask.long()


def heard_tokens(frames: int) -> int:
    """Number of Qwen2.5-Omni tokens for a number of 10 ms frames: 25 per second."""
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def heard_tokens_3(frames: int, window: int = 50) -> int:
    """Number of Qwen3-Omni tokens: 13 for each 2 x `window` frames, and for the rest as many as its convolutions
    give."""
    rest = frames % (2 * window)
    for _ in range(3):
        rest = (rest - 1) // 2 + 1
    return rest + frames // (2 * window) * 13
