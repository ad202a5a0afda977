"""Gated baseline: the question attends to seconds of the sound and gates the clip's features multiplicatively.

    question ─ MLP ─ queries ─ which seconds ─▶ a mean of the sound for each ─┐
    audio  ─ mean, max ───────────────────────────────────────────────────────┼─ ⊙ MLP(question) ─ MLP ─▶ answers
    frames ─ mean ────────────────────────────────────────────────────────────┘

"Is the violin louder than the tuba?" needs two features of the sound, each averaged over the seconds in which its
instrument plays, with opposite signs chosen by the question. An MLP over concatenated question and clip has to
approximate this product by sums; here it is an explicit product. With `heads=0` there is no attention to seconds, which
is `pooled_mlp` with a product instead of concatenation. "Is the instrument on the left louder …?" first requires to
find out who stands there: with `places`, the mean picture weighted by the question is added to the question beforehand.
The net ignores order: shuffling the seconds of a clip does not change its answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

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
    heads: int = 4
    """attention heads over the seconds of the sound; 0 uses mean and maximum only"""
    places: int = 0
    """gated readings of the mean picture, added to the question before attention; one per place that a question
    names"""
    inner: int = 256
    """hidden width of the question MLPs"""
    hidden: int = 512
    """hidden width of the answer MLP"""
    dropout: float = 0.1
    """dropout probability"""


class Gated(WatchAnswer):
    """The network: question-guided temporal attention and feature gating, then two layers."""

    def __init__(self, config: Config):
        super().__init__()
        self.heads, self.places = config.heads, config.places
        numbers = (config.heads + 2) * config.audio + config.frames
        self.query = _reader(config, config.heads * config.audio) if config.heads else None
        if config.places:
            self.point = _reader(config, config.places * config.frames)
            self.complete = nn.Linear(config.places * config.frames, config.question)
        self.weigh = _reader(config, numbers, config.dropout)
        self.head = head(numbers, config.hidden, config.answers, config.dropout)

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The sound per second, and pooled features of the clip."""
        seen = frames.mean(dim=1)
        return {"audio": audio, "seen": seen, "summary": torch.cat([seen, summary(audio)], dim=-1)}

    def answer(self, memory: Memory, question: Float[Tensor, "question dim"]) -> Output:
        """Answer logits, and the attention to seconds, averaged over the heads."""
        clip, audio, attention = memory["summary"], memory["audio"], {}
        if self.places:
            found = self.point(question).unflatten(-1, (self.places, -1)) * memory["seen"][:, None]
            question = question + self.complete(found.flatten(1))
        if self.query is not None:
            queries = self.query(question).unflatten(-1, (self.heads, -1))
            scores = torch.einsum("qhd,qtd->qht", queries, audio) / audio.shape[-1] ** 0.5
            weight = scores.softmax(dim=-1)
            clip = torch.cat([torch.einsum("qht,qtd->qhd", weight, audio).flatten(1), clip], dim=-1)
            attention = {"heard": weight.mean(dim=1)}
        return Output(self.head(clip * self.weigh(question)), attention=attention)


def _reader(config: Config, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """An MLP from the question to `outputs` numbers."""
    return nn.Sequential(
        nn.Linear(config.question, config.inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(config.inner, outputs)
    )


def build(config: Config) -> Gated:
    """Build the net with random weights."""
    return Gated(config)
