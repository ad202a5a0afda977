"""Pooled baseline: mean and maximum over time of sound and picture, concatenated with the question, and an MLP.

    audio  ─ mean, max ─┐
    frames ─ mean, max ─┼─ MLP ─▶ answers
    question ───────────┘

It ignores temporal order, so a net that uses order should be better on questions about order.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.layers.pooling import head, summary
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 256
    """width of the stream `frames`"""
    question: int = 128
    """width of the stream `question`"""
    hidden: int = 512
    """hidden width"""
    dropout: float = 0.1
    """dropout probability"""


class PooledMLP(WatchAnswer):
    """Two pooled streams and a question, concatenated."""

    def __init__(self, config: Config):
        super().__init__()
        inputs = 2 * (config.audio + config.frames) + config.question
        self.head = head(inputs, config.hidden, config.answers, config.dropout)

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """One vector per clip."""
        return {"summary": torch.cat([summary(audio), summary(frames)], dim=-1)}

    def answer(self, memory: Memory, question: Float[Tensor, "question dim"]) -> Output:
        """Answer logits."""
        return Output(self.head(torch.cat([memory["summary"], question], dim=-1)))


def build(config: Config) -> PooledMLP:
    """Build the net with random weights."""
    return PooledMLP(config)
