"""Kaldi's log-mel filter bank, as used by BEATs, AST, ImageBind and InternVideo2: 100 rows per second.

Frames of 25 ms every 10 ms without padding, mean removed, pre-emphasis 0.97, a window, power of a 512-point FFT, mel
filters, natural logarithm floored at the float32 epsilon.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

RATE, WINDOW, STEP, FFT = 16_000, 400, 160, 512
FLOOR = 1.1920928955078125e-07
LOW = 20.0  # Hz of the lowest triangle's edge; the highest ends at 8000


def fbank(
    wave: Float[Tensor, "... sample"], bands: int = 128, window: str = "povey", scale: float = 1.0
) -> Float[Tensor, "... row band"]:
    """Log-mel rows of `wave`, 16 kHz, times `scale` (2^15 where the original reads 16-bit numbers).

    `window` is povey or hanning. The arithmetic is in double precision, the result float32.
    """
    frames = (wave.double() * scale).unfold(-1, WINDOW, STEP)
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], -1)
    shape = torch.hann_window(WINDOW, periodic=False, dtype=torch.double)
    shape = shape**0.85 if window == "povey" else shape
    power = torch.fft.rfft(F.pad((frames - 0.97 * before) * shape, (0, FFT - WINDOW))).abs().square()
    return (power @ triangles(bands)).clamp(min=FLOOR).log().float()


@lru_cache(maxsize=4)
def triangles(bands: int) -> Float[Tensor, "257 band"]:
    """Overlapping triangles from 20 to 8000 Hz on the mel scale 1127 ln(1 + f / 700)."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(hertz / 700.0)

    low, high = mel(torch.tensor([LOW, RATE / 2], dtype=torch.double))
    edges = torch.linspace(float(low), float(high), bands + 2, dtype=torch.double)
    bins = mel(torch.arange(FFT // 2 + 1, dtype=torch.double) * RATE / FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    out = torch.minimum(rising, falling).clamp(min=0)
    out[-1] = 0.0  # Kaldi leaves the highest frequency out
    return out
