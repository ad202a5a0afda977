"""GRU, that is "deeper LSTM Q + norm I": product of a two-layer question LSTM and normalised picture features.

    words ─ tanh(embed 200) ─ LSTM 512 x 2 ─ [h, c of both layers] ─ tanh(1024) ─┐
    frames ─ mean over seconds ─ L2 norm ─────────────────────────── tanh(1024) ─ * ─ answers

Antol et al., "VQA: Visual Question Answering", ICCV 2015, section 4.2 and figure 8. Tables of audio-visual papers call
it GRU, although it contains none. There it reads no sound; here it does with `sound`.

Adapted: the mean over a clip's seconds replaces the single picture, word vectors replace one-hot words, and `sound`
concatenates the mean of the sound, also normalised. The adaptation to video behind published results was never released
and could not be checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.recurrent import Reader, real_words
from lookhear.layers.token_table import TwoStreamNet
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    words: int = 512
    """width of the stream `words`"""
    sound: bool = False
    """also read the stream `audio`"""
    embed: int = 200
    """width of the word embedding"""
    hidden: int = 512
    """hidden width"""
    joint: int = 1024
    """width of the joint layer"""
    dropout: float = 0.5
    """dropout probability"""


class DeeperLSTM(TwoStreamNet):
    """The network; reads picture (and sound, with `sound`) and question."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hears = config.sound
        drop = nn.Dropout(config.dropout)
        self.read = Reader(config.words, config.embed, config.hidden, layers=2, dropout=config.dropout)
        self.ask = nn.Sequential(drop, nn.Linear(4 * config.hidden, config.joint), nn.Tanh())
        width = config.frames + config.audio * config.sound
        self.perceive = nn.Sequential(drop, nn.Linear(width, config.joint), nn.Tanh())
        self.head = nn.Sequential(drop, nn.Linear(config.joint, config.answers))

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """One vector per clip, without temporal order."""
        streams = [norm(seen)] if heard is None else [norm(seen), norm(heard)]
        return {"clip": self.perceive(torch.cat(streams, dim=-1))}

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers. Rows of `words` that are all zero are padding."""
        _, (h, c) = self.read(*real_words(words))
        asked = self.ask(torch.cat([*h, *c], dim=-1))
        return Output(self.head(asked * memory["clip"]))


def norm(stream: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip dim"]:
    """The mean over time, normalised to length 1 ("norm I")."""
    return F.normalize(stream.mean(dim=1), dim=-1)


def build(config: Config) -> DeeperLSTM:
    """Build the net with random weights."""
    return DeeperLSTM(config)
