"""Question-only baseline: measures language priors, the floor of every audio-visual score.

    question ─┐
    words ─ mean over real words ─┴─ MLP ─▶ answers

It reads no clip, so it stays at chance on a dataset with balanced answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.layers.pooling import head
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    answers: int = 42
    """size of the answer vocabulary"""
    question: int = 128
    """width of the stream `question`"""
    words: int = 128
    """width of the stream `words`"""
    hidden: int = 256
    """hidden width"""
    dropout: float = 0.1
    """dropout probability"""


class QuestionOnly(WatchAnswer):
    """Sentence vector and mean word vector through an MLP."""

    def __init__(self, config: Config):
        super().__init__()
        self.head = head(config.question + config.words, config.hidden, config.answers, config.dropout)

    def watch(self) -> Memory:
        """Requests no stream."""
        return {}

    def answer(
        self, memory: Memory, question: Float[Tensor, "question dim"], words: Float[Tensor, "question word wide"]
    ) -> Output:
        """Logits of the answers. All-zero rows of `words` are padding and are not counted."""
        real = (words != 0).any(dim=-1, keepdim=True).to(words.dtype)
        mean = (words * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
        return Output(self.head(torch.cat([question, mean], dim=-1)))


def build(config: Config) -> QuestionOnly:
    """Build the net with random weights."""
    return QuestionOnly(config)
