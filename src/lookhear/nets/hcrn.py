"""HCRN: one unit, the relation of subsets under a condition, over the seconds of a stretch and over stretches.

    seconds of a stretch ─ CRN(motion) ─ CRN(question) ─┐ 8 stretches
                                                        ├─ CRN(motion of all) ─ CRN(question) ─ attention ─ answers
                                         words ─ BiLSTM ┘

Le et al., "Hierarchical Conditional Relation Networks for Video Question Answering", CVPR 2020: the unit (algorithm 1),
two levels of it (figure 3), the question's attention over what is left.

Adapted: eight stretches of equal length, which overlap where the seconds do not divide; motion is the mean change
from second to second. It is deaf in the papers' tables; with `sound`, a unit under the condition of the stretch's
sound follows that of motion, in the manner of HAVF (Yang et al., "AVQA", ACM MM 2022), whose many orders were not
compared. The official code draws subsets anew at every call, in evaluation too, so it does not give the same answer
twice; here they are drawn once for each (size, number of objects) from a fixed seed. Layer norm stands for batch norm
in front of the answers. The published rows' adaptation was never released and could not be checked. The evidence is
the attention over the last objects, traced back through the subsets they are the means of.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.recurrent import Reader, real_words, weigh
from lookhear.layers.watch_answer import WatchAnswer
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
    stretches: int = 8
    most: int = 16
    """largest number of subset sizes that one unit relates"""
    dropout: float = 0.15


def subsets(count: int, most: int) -> Float[Tensor, "subset object"]:
    """One subset of each size from 2 to `count - 1`, the largest first, as weights of its mean; everything if few."""
    sizes = range(count - 1, 1, -1)[:most] or [count]
    rows = torch.zeros(len(sizes), count)
    for row, size in zip(rows, sizes, strict=True):
        drawn = torch.randperm(count, generator=torch.Generator().manual_seed(1000 * count + size))
        row[drawn[:size]] = 1 / size
    return rows


def windows(length: int, count: int) -> Int[Tensor, "stretch second"]:
    """Which seconds each of (at most) `count` equal stretches has."""
    count = min(count, length)
    each = -(-length // count)
    return torch.linspace(0, length - each, count).round().long()[:, None] + torch.arange(each)


class Relation(nn.Module):
    """The unit: for each size, the mean of a subset beside the condition, through its own layer."""

    def __init__(self, dim: int, most: int, gated: bool) -> None:
        super().__init__()
        self.most = most
        self.layers = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(most))
        self.gates = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(most)) if gated else None

    def forward(
        self, x: Float[Tensor, "*rows object dim"], condition: Float[Tensor, "*rows dim"]
    ) -> tuple[Float[Tensor, "*rows subset dim"], Float[Tensor, "subset object"]]:
        """(one object for each subset, the subsets)."""
        chosen = subsets(x.shape[-2], self.most).to(x)
        means, said = chosen @ x, []
        for i in range(len(chosen)):
            both = torch.cat([means[..., i, :], condition.expand_as(means[..., i, :])], dim=-1)
            out = F.elu(self.layers[i](both))
            said.append(out if self.gates is None else out * self.gates[i](both).sigmoid())
        return torch.stack(said, dim=-2), chosen


class HCRN(WatchAnswer):
    """Sees and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.stretches = config.hidden, config.stretches
        self.conditions = ("motion", "sound") if config.sound else ("motion",)
        self.see = nn.Linear(config.frames, dim)
        widths = {"motion": config.frames, "sound": config.audio}
        self.enter = nn.ModuleDict({name: nn.Linear(widths[name], dim) for name in self.conditions})
        self.follow = nn.ModuleDict({name: nn.LSTM(dim, dim, batch_first=True) for name in self.conditions})
        self.low, self.high = (
            nn.ModuleDict(
                {name: Relation(dim, config.most, name == "question") for name in (*self.conditions, "question")}
            )
            for _ in range(2)
        )
        self.read = Reader(config.words, config.embed, dim // 2, both_ways=True, dropout=config.dropout)
        drop = nn.Dropout(config.dropout)
        self.value, self.query = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.score = nn.Sequential(nn.Linear(2 * dim, dim), nn.ELU(), nn.Linear(dim, 1))
        self.ask = nn.Linear(dim, dim)
        self.head = nn.Sequential(
            *(drop, nn.Linear(2 * dim, dim), nn.ELU(), nn.LayerNorm(dim), drop, nn.Linear(dim, config.answers))
        )

    def relate(self, frames: Tensor, **others: Float[Tensor, "clip time wide"]) -> Memory:
        """The objects of every stretch before the question, and the conditions of the whole clip."""
        seconds = windows(frames.shape[1], self.stretches).to(frames.device)
        x, memory = self.see(frames)[:, seconds], {}
        for name in self.conditions:
            condition = self.enter[name](others[name][:, seconds].mean(dim=2))
            x, _ = self.low[name](x, condition)
            memory[name] = self.follow[name](condition)[1][0][-1]
        spread = F.one_hot(seconds, frames.shape[1]).to(x.dtype).mean(dim=1)
        return {**memory, "objects": x, "spread": spread.expand(len(x), -1, -1)}

    def watch(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """What the stretches hold, under the condition of their motion."""
        return self.relate(frames, motion=torch.diff(frames, dim=1, prepend=frames[:, :1]))

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        _, (h, _) = self.read(*real_words(words))
        question = torch.cat([h[-2], h[-1]], dim=-1)
        x, _ = self.low["question"](memory["objects"], question[:, None])
        x, trace = x.transpose(1, 2), torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
        for name in (*self.conditions, "question"):  # row, object of a stretch, stretch, dim
            x, chosen = self.high[name](x, (question if name == "question" else memory[name])[:, None])
            trace = chosen @ trace
        groups, last = x.shape[1], x.shape[2]
        x = x.flatten(1, 2)
        value = self.value(x)
        scores = self.score(torch.cat([value, value * self.query(question)[:, None]], dim=-1))
        taken, weight = weigh(scores.squeeze(-1), x)
        stretch = weight.unflatten(1, (groups, last)).sum(dim=1) @ trace
        seen = torch.einsum("rs,rst->rt", stretch, memory["spread"])
        return Output(self.head(torch.cat([self.ask(question), taken], dim=-1)), attention={"seen": seen})


class HearingHCRN(HCRN):
    """Hears too: sound is a second condition."""

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """What the stretches hold, under the conditions of their motion and sound; as many seconds of each."""
        return self.relate(frames, motion=torch.diff(frames, dim=1, prepend=frames[:, :1]), sound=audio)


def build(config: Config) -> HCRN:
    """The net, freshly initialised."""
    return HearingHCRN(config) if config.sound else HCRN(config)
