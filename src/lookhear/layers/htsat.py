"""HTS-AT: a log-mel spectrogram folded into a square picture, and a Swin transformer over it.

Parameter names are those of the published AudioSet checkpoint. The last norm and its heads are left out because no net
uses them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.swin import Patches, Sizes, stages


@dataclass(frozen=True)
class Sound:
    """Spectrogram settings and sizes of the backbone. Defaults are those of the AudioSet checkpoint."""

    rate: int = 32000
    fft: int = 1024
    hop: int = 320
    bands: int = 64
    lowest: float = 50.0
    highest: float = 14000.0
    tower: Sizes = field(
        default_factory=lambda: Sizes(image=256, window=8, width=96, depths=[2, 2, 6, 2], heads=[4, 8, 16, 32])
    )


class HTSAT(nn.Module):
    """From waveforms to the tokens of the first stage: `picture`, then `patch_embed`; blocks are in `layers`."""

    def __init__(self, sound: Sound) -> None:
        super().__init__()
        self.sound, sizes = sound, sound.tower
        self.bn0 = nn.BatchNorm2d(sound.bands)
        self.patch_embed, self.layers = Patches(1, sizes.width, sizes.patch), stages(sizes, 1)
        self.logmel_extractor = nn.Module()
        self.logmel_extractor.register_buffer("melW", filters(sound))
        self.register_buffer("hann", torch.hann_window(sound.fft), persistent=False)

    def log_mel(self, wave: Float[Tensor, "row sample"]) -> Float[Tensor, "row 1 frame band"]:
        """Log-mel spectrogram in dB, without a floor relative to the maximum."""
        spectrum = torch.stft(
            wave,
            self.sound.fft,
            self.sound.hop,
            window=self.hann.to(wave),
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        mel = power.transpose(1, 2) @ self.logmel_extractor.melW
        return 10 * mel.clamp(min=1e-10).log10()[:, None]

    def normed(self, mel: Float[Tensor, "row 1 frame band"]) -> Float[Tensor, "row 1 frame band"]:
        """Bands normalised by running statistics in evaluation, by batch statistics in training."""
        return self.bn0(mel.transpose(1, 3)).transpose(1, 3)

    def picture(self, mel: Float[Tensor, "row 1 frame band"]) -> Float[Tensor, "row 1 side side2"]:
        """Fold time into pieces stacked along frequency; frames are resampled so that they fill the pieces exactly."""
        side, bands = self.sound.tower.image, self.sound.bands
        pieces = side // bands
        if mel.shape[2] != side * pieces:
            mel = F.interpolate(mel, (side * pieces, bands), mode="bicubic", align_corners=True)
        return rearrange(mel, "row 1 (piece time) band -> row 1 (piece band) time", piece=pieces)


def filters(sound: Sound) -> Float[Tensor, "bin band"]:
    """Triangular filters of equal area on Slaney's mel scale."""

    def mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)

    low, high = mel(sound.lowest), mel(sound.highest)
    at = torch.linspace(low, high, sound.bands + 2, dtype=torch.float64)
    edges = torch.where(at < 15, at * 200 / 3, 1000 * torch.exp((at - 15) * math.log(6.4) / 27))
    bins = torch.linspace(0, sound.rate / 2, sound.fft // 2 + 1, dtype=torch.float64)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return (torch.minimum(rise, fall).clamp(min=0) * 2 / (edges[2:] - edges[:-2])).float()
