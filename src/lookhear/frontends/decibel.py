"""Log-mel spectrograms in decibels, as in PANNs and CLAP: power of a 1024-point FFT, 64 Slaney bands."""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

FFT, BANDS, LOW, HIGH, FLOOR = 1024, 64, 50.0, 14_000.0, 1e-10


def log_mel(wave: Float[Tensor, "batch sample"], rate: int, step: int) -> Float[Tensor, "batch row 64"]:
    """10 log10 of mel power, one row per `step` samples, centred frames with reflection padding, in float32."""
    window = torch.hann_window(FFT, device=wave.device)
    spectrum = torch.stft(wave, FFT, step, window=window, center=True, pad_mode="reflect", return_complex=True)
    mel = spectrum.abs().square().transpose(1, 2) @ triangles(rate).to(wave)
    return 10 * mel.clamp(min=FLOOR).log10()


@lru_cache(maxsize=2)
def triangles(rate: int) -> Float[Tensor, "513 64"]:
    """Mel filters of equal area, 50 to 14 000 Hz, on Slaney's scale: linear up to 1 kHz, logarithmic above."""
    edges = _hertz(torch.linspace(_mel(LOW), _mel(HIGH), BANDS + 2, dtype=torch.double))
    bins = (torch.arange(FFT // 2 + 1, dtype=torch.double) * rate / FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (edges[2:] - edges[:-2])).float()


STEP = torch.log(torch.tensor(6.4, dtype=torch.double)) / 27  # of the logarithmic part
KNEE, WIDTH = 1000.0, 200.0 / 3  # Hz; Hz of a mel in the linear part


def _mel(hertz: float) -> float:
    if hertz < KNEE:
        return hertz / WIDTH
    return KNEE / WIDTH + float(torch.log(torch.tensor(hertz / KNEE, dtype=torch.double)) / STEP)


def _hertz(mel: Tensor) -> Tensor:
    linear, knee = mel * WIDTH, KNEE / WIDTH
    return torch.where(mel < knee, linear, KNEE * torch.exp(STEP * (mel - knee)))
