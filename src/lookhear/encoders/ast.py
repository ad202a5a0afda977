"""AST, one vector per ten seconds of sound: a ViT over a log-mel spectrogram, trained on AudioSet. 16 kHz, 768-d.

    10.24 s ─ Kaldi log-mel 1024 x 128 ─ overlapping patches of 16 x 16 ─ ViT ─ mean of its two class tokens ─▶ audio

Shorter sound is padded with zeros before normalisation, as released. `seconds=1` gives one row per second, aligned with
seconds; most of the input is then padding, on which the network was not trained. Weights:
MIT/ast-finetuned-audioset-10-10-0.4593 (BSD-3) or a folder, read by transformers. Not used by the AVQA papers here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import RecipeError
from lookhear.frontends import kaldi
from lookhear.media.sampling import Sampling
from lookhear.types import Media

MEAN, STD = -4.2677393, 4.5689974  # of AudioSet; the network was trained with twice the standard deviation


@dataclass(frozen=True)
class Config:
    """Weights, and length of sound per row."""

    weights: str = "MIT/ast-finetuned-audioset-10-10-0.4593"
    """hub name or transformers folder"""
    seconds: float = 10.24
    """length of sound per row"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 4
    """rows in a batch"""


class AstEncoder(_frozen.Frozen):
    """Media in, `audio` (time, 768) out, one row per `seconds` of sound."""

    name = "ast"
    reads = "waveform"

    def __init__(self, config: Config, net: nn.Module):
        super().__init__(net, config)
        self.streams = {"audio": int(net.config.hidden_size)}
        self.sampling = Sampling(sample_rate=kaldi.RATE)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            rows = front_end(self.pieces(media, self.config.seconds), self.net.config.max_length)
            pooled = [self.net(input_values=piece).pooler_output.float().cpu() for piece in self.batches(rows)]
            out.append({"audio": torch.cat(pooled)})
        return out


def front_end(wave: Float[Tensor, "batch sample"], length: int = 1024) -> Float[Tensor, "batch row 128"]:
    """Log-mel rows of sound after removal of its mean, padded with zeros or cut to `length`, then normalised."""
    rows = kaldi.fbank(wave - wave.mean(-1, keepdim=True), 128, "hanning")[:, :length]
    return (F.pad(rows, (0, 0, 0, length - rows.shape[1])) - MEAN) / (2 * STD)


def build(config: Config) -> AstEncoder:
    """The encoder. Raises RecipeError, ModelError, or DependencyError without transformers."""
    if config.seconds < 0.1:
        raise RecipeError(f"ast seconds={config.seconds}: a row needs 0.1 s of sound or more.")
    return AstEncoder(config, checkpoints.pretrained("ASTModel", config.weights, "AST"))
