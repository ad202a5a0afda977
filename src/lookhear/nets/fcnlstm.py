"""FCNLSTM: sound through convolutions and a mean over time, the question through an LSTM, side by side to an MLP.

    audio ─ [conv, conv, halve] x 3 ─ conv 1 ─ mean over time ─┐
    words ─ LSTM ─ last state ─────────────────────────────────┴─ 1024 ─ answers

Fayek and Johnson, "Temporal Reasoning via Audio Question Answering", IEEE TASLP 2020. It sees nothing.

Adapted: the paper convolves a spectrogram in time and frequency, 100 steps a second, with a first kernel of 12 x 3 and
stride 9; here there is one vector a second whose numbers have no neighbourhood, so convolutions run over time alone and
there are 3 blocks, not 5. Groups of channels are normalised in each clip by itself where the paper normalises over a
batch, so no clip hears another. That the published rows read log-mel input is likely and could not be checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.layers.recurrent import Reader, real_words
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. Widths of streams carry the streams' names."""

    answers: int = 42
    audio: int = 128
    words: int = 512
    filters: int = 64
    """of the first block; each block has twice as many, up to 512"""
    blocks: int = 3
    embed: int = 256
    hidden: int = 512
    joint: int = 1024


class Convolutions(nn.Sequential):
    """VGG-like blocks over time, (clip, channel, time) in and out; each halves the time, rounding up."""

    def __init__(self, inputs: int, filters: int, blocks: int) -> None:
        layers: list[nn.Module] = []
        for block in range(blocks):
            outputs = min(filters * 2**block, 512)
            for width in (inputs, outputs):
                layers += [nn.Conv1d(width, outputs, 3, padding=1), nn.GroupNorm(1, outputs), nn.ReLU()]
            layers.append(nn.MaxPool1d(2, ceil_mode=True))
            inputs = outputs
        super().__init__(*layers)
        self.outputs = inputs


class FCNLSTM(WatchAnswer):
    """Hears and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hear = Convolutions(config.audio, config.filters, config.blocks)
        self.out = nn.Sequential(nn.Conv1d(self.hear.outputs, config.hidden, 1), nn.ReLU())
        self.read = Reader(config.words, config.embed, config.hidden)
        self.head = nn.Sequential(
            *(nn.Linear(2 * config.hidden, config.joint), nn.ReLU(), nn.Linear(config.joint, config.answers))
        )

    def watch(self, audio: Float[Tensor, "clip time dim"]) -> Memory:
        """One vector a clip."""
        return {"heard": self.out(self.hear(rearrange(audio, "clip time dim -> clip dim time"))).mean(dim=-1)}

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers. Rows of `words` that are all zero are padding."""
        _, (h, _) = self.read(*real_words(words))
        return Output(self.head(torch.cat([memory["heard"], h[-1]], dim=-1)))


def build(config: Config) -> FCNLSTM:
    """The net, freshly initialised."""
    return FCNLSTM(config)
