"""BiLSTM with attention over words, multiplied with the mean of the clip.

    words ─ BiLSTM ─ h = forward + backward ─ softmax(w tanh h) ─ sum ─ tanh ─┐
    frames ─ mean over seconds ─────────────────────────────────────── tanh ─ * ─ answers

Zhou et al., "Attention-Based Bidirectional Long Short-Term Memory Networks for Relation Classification", ACL 2016:
Eq. 8 is the sum of directions, Eq. 9-12 the attention. The model was made for text only, and there is no official code.

Adapted: published AVQA results do not say how the picture was added. Here the mean over time is multiplied with the
question, as in the tables' other question-and-picture baseline; `sound` concatenates the mean of the sound. The net is
wider than the paper's 100. Its attention is over words, so it gives evidence in words and none in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.layers.recurrent import Reader, real_words, weigh
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
    embed: int = 300
    """width of the word embedding"""
    hidden: int = 512
    """hidden width"""
    dropout: float = 0.3
    """dropout of words and states; 0.5 before the answer layer, as in the paper"""


class BiLSTMAttention(TwoStreamNet):
    """The network; reads picture (and sound, with `sound`) and question."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hears = config.sound
        self.read = Reader(config.words, config.embed, config.hidden, both_ways=True, dropout=config.dropout)
        self.drop = nn.Dropout(config.dropout)
        self.score = nn.Linear(config.hidden, 1, bias=False)
        self.perceive = nn.Linear(config.frames + config.audio * config.sound, config.hidden)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(config.hidden, config.answers))

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """One vector per clip, without temporal order."""
        streams = [seen.mean(dim=1)] if heard is None else [seen.mean(dim=1), heard.mean(dim=1)]
        return {"clip": self.perceive(torch.cat(streams, dim=-1)).tanh()}

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        states, _ = self.read(words, padding_mask)
        states = self.drop(sum(states.chunk(2, dim=-1)))
        taken, weight = weigh(self.score(states.tanh()).squeeze(-1), states, padding_mask)
        return Output(self.head(taken.tanh() * memory["clip"]), words={"question": weight})


def build(config: Config) -> BiLSTMAttention:
    """Build the net with random weights."""
    return BiLSTMAttention(config)
