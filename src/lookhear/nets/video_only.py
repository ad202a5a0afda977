"""Video-only baseline: answers from picture and question, without the sound.

frames ─┬─ mean, max over seconds ───────┐
        └─ seconds the question attends ─┼─ MLP ─▶ answers
question ────────────────────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.layers.pooling import QuestionPooling, head, summary
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    answers: int = 42
    """size of the answer vocabulary"""
    frames: int = 256
    """width of the stream `frames`"""
    question: int = 128
    """width of the stream `question`"""
    hidden: int = 512
    """hidden width"""
    dropout: float = 0.1
    """dropout probability"""


class VideoOnly(WatchAnswer):
    """The network; reads picture and question, not the sound."""

    def __init__(self, config: Config):
        super().__init__()
        self.glance = QuestionPooling(config.frames, config.question, 128)
        self.head = head(3 * config.frames + config.question, config.hidden, config.answers, config.dropout)

    def watch(self, frames: Float[Tensor, "clip time dim"]) -> Memory:
        """The frames, and their mean and maximum over time."""
        return {"frames": frames, "summary": summary(frames)}

    def answer(self, memory: Memory, question: Float[Tensor, "question dim"]) -> Output:
        """Logits of the answers; attention `seen` over seconds."""
        taken, seen = self.glance(memory["frames"], question)
        logits = self.head(torch.cat([memory["summary"], taken, question], dim=-1))
        return Output(logits, attention={"seen": seen})


def build(config: Config) -> VideoOnly:
    """Build the net with random weights."""
    return VideoOnly(config)
