"""CONVLSTM: FCNLSTM with an LSTM over what the convolutions heard, so the order of sounds reaches the answer.

    audio ─ [conv, conv, halve] x 3 ─ LSTM ─ last state ─┐
    words ─ LSTM ─ last state ───────────────────────────┴─ 1024 ─ answers

Fayek and Johnson, "Temporal Reasoning via Audio Question Answering", IEEE TASLP 2020. It sees nothing.

Adapted as `fcnlstm` is, which see. All clips of a batch are equally long, so the last step is the last second (the
official code takes the last step of the padded batch too).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.layers.recurrent import Reader, real_words
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.nets.fcnlstm import Convolutions
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


class ConvLSTM(WatchAnswer):
    """Hears in order, and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hear = Convolutions(config.audio, config.filters, config.blocks)
        self.follow = nn.LSTM(self.hear.outputs, config.hidden, batch_first=True)
        self.read = Reader(config.words, config.embed, config.hidden)
        self.head = nn.Sequential(
            *(nn.Linear(2 * config.hidden, config.joint), nn.ReLU(), nn.Linear(config.joint, config.answers))
        )

    def watch(self, audio: Float[Tensor, "clip time dim"]) -> Memory:
        """One vector a clip: the state after its last second."""
        heard = self.hear(rearrange(audio, "clip time dim -> clip dim time"))
        return {"heard": self.follow(rearrange(heard, "clip dim time -> clip time dim"))[0][:, -1]}

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers. Rows of `words` that are all zero are padding."""
        _, (h, _) = self.read(*real_words(words))
        return Output(self.head(torch.cat([memory["heard"], h[-1]], dim=-1)))


def build(config: Config) -> ConvLSTM:
    """The net, freshly initialised."""
    return ConvLSTM(config)
