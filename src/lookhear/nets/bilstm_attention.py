"""BiLSTM with attention: reads a question both ways, weighs its words, multiplies with the clip's mean.

    words ─ BiLSTM ─ h = forward + backward ─ softmax(w tanh h) ─ sum ─ tanh ─┐
    frames ─ mean over seconds ─────────────────────────────────────── tanh ─ * ─ answers

Zhou et al., "Attention-Based Bidirectional Long Short-Term Memory Networks for Relation Classification", ACL 2016:
Eq. 8 is the sum of directions, Eq. 9-12 the attention. It was made for sentences alone, and no official code exists.

Adapted: how the published rows brought the picture in was never said. Here it is the mean second times the
question, as in the tables' other question-and-picture baseline; `sound` puts the mean second of sound beside it.
Wider than the paper's 100. Its attention is over words, so it gives no evidence in seconds; the weights of the
words are in `hidden`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.layers.recurrent import Reader, real_words, weigh
from lookhear.layers.token_table import SeesHears
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. Widths of streams carry the streams' names."""

    answers: int = 42
    audio: int = 128
    frames: int = 512
    words: int = 512
    sound: bool = False
    embed: int = 300
    hidden: int = 512
    dropout: float = 0.3
    """of words and states; 0.5 in front of the answers, as in the paper"""


class BiLSTMAttention(SeesHears):
    """Sees (and hears, with `sound`) and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hears = config.sound
        self.read = Reader(config.words, config.embed, config.hidden, both_ways=True, dropout=config.dropout)
        self.drop = nn.Dropout(config.dropout)
        self.score = nn.Linear(config.hidden, 1, bias=False)
        self.perceive = nn.Linear(config.frames + config.audio * config.sound, config.hidden)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(config.hidden, config.answers))

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """One vector a clip, blind to order."""
        streams = [seen.mean(dim=1)] if heard is None else [seen.mean(dim=1), heard.mean(dim=1)]
        return {"clip": self.perceive(torch.cat(streams, dim=-1)).tanh()}

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        states, _ = self.read(words, padding_mask)
        states = self.drop(sum(states.chunk(2, dim=-1)))
        taken, weight = weigh(self.score(states.tanh()).squeeze(-1), states, padding_mask)
        return Output(self.head(taken.tanh() * memory["clip"]), hidden={"word_weight": weight})


def build(config: Config) -> BiLSTMAttention:
    """The net, freshly initialised."""
    return BiLSTMAttention(config)
