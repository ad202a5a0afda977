"""Audio-only baseline: answers from sound and question, without the picture.

audio ─┬─ mean, max over seconds ───────┐
       └─ seconds the question attends ─┼─ MLP ─▶ answers
question ───────────────────────────────┘
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
    audio: int = 128
    """width of the stream `audio`"""
    question: int = 128
    """width of the stream `question`"""
    hidden: int = 512
    """hidden width"""
    dropout: float = 0.1
    """dropout probability"""


class AudioOnly(WatchAnswer):
    """The network; reads sound and question, not the picture."""

    def __init__(self, config: Config):
        super().__init__()
        self.glance = QuestionPooling(config.audio, config.question, 128)
        self.head = head(3 * config.audio + config.question, config.hidden, config.answers, config.dropout)

    def watch(self, audio: Float[Tensor, "clip time dim"]) -> Memory:
        """The sound, and its mean and maximum over time."""
        return {"audio": audio, "summary": summary(audio)}

    def answer(self, memory: Memory, question: Float[Tensor, "question dim"]) -> Output:
        """Logits of the answers; attention `heard` over seconds."""
        taken, heard = self.glance(memory["audio"], question)
        logits = self.head(torch.cat([memory["summary"], taken, question], dim=-1))
        return Output(logits, attention={"heard": heard})


def build(config: Config) -> AudioOnly:
    """Build the net with random weights."""
    return AudioOnly(config)
