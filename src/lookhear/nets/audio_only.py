"""Answers from sound and question alone: what an audio-visual score owes to hearing.

audio ─┬─ mean, max over seconds ───────┐
       └─ seconds the question attends ─┼─ MLP ─▶ answers
question ───────────────────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.layers.pooling import Glance, head, summary
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. Widths of streams carry the streams' names."""

    answers: int = 42
    audio: int = 128
    question: int = 128
    hidden: int = 512
    dropout: float = 0.1


class AudioOnly(WatchAnswer):
    """Hears and reads; never sees."""

    def __init__(self, config: Config):
        super().__init__()
        self.glance = Glance(config.audio, config.question, 128)
        self.head = head(3 * config.audio + config.question, config.hidden, config.answers, config.dropout)

    def watch(self, audio: Float[Tensor, "clip time dim"]) -> Memory:
        """The sound, and its mean and maximum over time."""
        return {"audio": audio, "summary": summary(audio)}

    def answer(self, memory: Memory, question: Float[Tensor, "question dim"]) -> Output:
        """Logits of the answers; attention `heard`."""
        taken, heard = self.glance(memory["audio"], question)
        logits = self.head(torch.cat([memory["summary"], taken, question], dim=-1))
        return Output(logits, attention={"heard": heard})


def build(config: Config) -> AudioOnly:
    """The net, freshly initialised."""
    return AudioOnly(config)
