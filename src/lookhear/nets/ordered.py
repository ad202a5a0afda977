"""Ordered baseline: two attention steps, the second before or after the seconds that the first selected.

    audio ─ with onsets, ends, position, and fraction begun ─▶ z (second by second)
    question ─ attention 1 over z ─▶ seconds, and what lies before and after them
    question ─ attention 2 over z, before or after attention 1 ─▶ seconds
    both ─ weights on the mean picture ─────────┐
    both, audio mean and max, frames ───────────┴─ ⊙ MLP(question) ─ MLP ─▶ answers

`gated` averages seconds without their order. Here the feature of a second also holds what sounds now and never before
(an onset), what never sounds again (an end), its position in the clip, and the fraction of all onsets up to then.
"Which instrument sounds after the guzheng?" takes two attention steps: the onset of the guzheng, then the onsets after
it. "Where is the first sounding instrument?" takes one step, whose sound selects a part of the mean picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.layers.pooling import head, summary
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output

BINS = 8  # soft bins of the position in the clip, and of the fraction begun
SMALL = 1e-4  # attention mass below which nothing was attended


@dataclass(frozen=True)
class Config:
    """Sizes. Fields named like streams are the widths of these streams."""

    answers: int = 42
    audio: int = 128
    frames: int = 256
    question: int = 128
    heads: int = 4
    """attention heads of each step"""
    inner: int = 256
    """hidden width of the question MLPs"""
    hidden: int = 512
    """hidden width of the answer MLP"""
    dropout: float = 0.1


class Ordered(WatchAnswer):
    """Two attention steps over seconds with their temporal context, then features gated by the question."""

    def __init__(self, config: Config):
        super().__init__()
        self.heads = config.heads
        wide = 3 * config.audio + 2 * BINS
        looked = 2 * config.heads * 3 * config.audio
        numbers = looked + 2 * config.audio + 2 * config.frames
        self.first, self.second = (_reader(config, config.heads * wide) for _ in range(2))
        self.where = _reader(config, 2 * config.heads)  # weights of "after" and "before" for step 2
        self.point = nn.Linear(looked, config.frames)
        self.weigh = _reader(config, numbers, config.dropout)
        self.head = head(numbers, config.hidden, config.answers, config.dropout)

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """Sound second by second with its temporal context, and the features that need no question."""
        seen = frames.mean(dim=1)
        return {"timeline": timeline(audio), "seen": seen, "summary": torch.cat([seen, summary(audio)], dim=-1)}

    def answer(self, memory: Memory, question: Float[Tensor, "question dim"]) -> Output:
        """Logits of the answers; attention to seconds, averaged over both steps."""
        z = memory["timeline"]
        sound = z[..., : z.shape[-1] - 2 * BINS]
        first_step = self._look(self.first, question, z).softmax(dim=-1)
        done = first_step.cumsum(dim=-1)  # cumulative attention of step 1 up to each second
        after, before = (done - first_step).clamp(min=SMALL).log(), (1 - done).clamp(min=SMALL).log()
        towards = self.where(question).unflatten(-1, (2, self.heads, 1))
        second_step = (self._look(self.second, question, z) + towards[:, 0] * after + towards[:, 1] * before).softmax(
            dim=-1
        )
        looked = torch.cat(
            [torch.einsum("qht,qtd->qhd", w, sound).flatten(1) for w in (first_step, second_step)], dim=-1
        )
        pointed = memory["seen"] * self.point(looked).sigmoid()
        clip = torch.cat([looked, pointed, memory["summary"]], dim=-1)
        return Output(
            self.head(clip * self.weigh(question)), attention={"heard": (first_step + second_step).mean(dim=1) / 2}
        )

    def _look(self, reader: nn.Module, question: Tensor, z: Tensor) -> Float[Tensor, "question head time"]:
        queries = reader(question).unflatten(-1, (self.heads, -1))
        return torch.einsum("qhd,qtd->qht", queries, z) / z.shape[-1] ** 0.5


def timeline(audio: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip time wide"]:
    """Each second with its onsets, its ends, its position, and the fraction of all onsets up to then.

    Position and fraction are encoded in `BINS` soft bins each.
    """
    least = audio.amin(dim=1, keepdim=True)
    past = torch.cat([least, audio.cummax(dim=1).values[:, :-1]], dim=1)
    future = torch.cat([audio.flip(1).cummax(dim=1).values.flip(1)[:, 1:], least], dim=1)
    new, last = (audio - past).clamp(min=0), (audio - future).clamp(min=0)
    begun = new.norm(dim=-1).cumsum(dim=1)
    time = torch.linspace(0, 1, audio.shape[1], dtype=audio.dtype, device=audio.device).expand_as(begun)
    return torch.cat([audio, new, last, _soft(time), _soft(begun / begun[:, -1:].clamp(min=1e-6))], dim=-1)


def _soft(share: Float[Tensor, "clip time"]) -> Float[Tensor, "clip time bin"]:
    """Soft assignment of a fraction in 0..1 to each of `BINS` bins."""
    places = torch.linspace(0, 1, BINS, dtype=share.dtype, device=share.device)
    return (-((share[..., None] - places) * BINS).square() / 2).exp()


def _reader(config: Config, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """An MLP from the question to `outputs` numbers."""
    return nn.Sequential(
        nn.Linear(config.question, config.inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(config.inner, outputs)
    )


def build(config: Config) -> Ordered:
    """Build the net with random weights."""
    return Ordered(config)
