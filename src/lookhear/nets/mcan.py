"""MCAN: words attend to words six times; then seconds attend to seconds and to the words, six times.

    words ─ LSTM ─ self-attention x 6 ─────────────┬─────── weighted sum ─┐
    frames ─ [self-attention, guided by words] x 6 ┴─────── weighted sum ─ + ─ norm ─ answers

Yu et al., "Deep Modular Co-Attention Networks for Visual Question Answering", CVPR 2019: units SA and SGA (figure 2),
encoder-decoder of depth 6, weighted sums and fusion as in the official code.

Adapted: seconds take the place of image regions, so it cannot know when: nothing in MCAN tells one region's place from
another's. Cross-entropy takes the place of its sigmoid per answer. It is deaf in the papers' tables; with `sound`,
seconds of sound are a second guided stream with layers of their own. The published rows' adaptation was never
released and could not be checked. The evidence is the weight of each second in the last weighted sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lookhear.layers.attention import Attention
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
    hidden: int = 512
    layers: int = 6
    heads: int = 8
    dropout: float = 0.1


class Norm(nn.Module):
    """The official code's layer norm: unbiased deviation, the small number added to it and not to the variance."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """Normalised over the last axis."""
        centred = x - x.mean(dim=-1, keepdim=True)
        return self.weight * centred / (x.std(dim=-1, keepdim=True) + 1e-6) + self.bias


class Layer(nn.Module):
    """SA, or SGA if `guided`: self-attention, attention to the guide, feed-forward, each added and normed."""

    def __init__(self, dim: int, heads: int, dropout: float, guided: bool) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.own, self.own_norm = Attention(dim, heads, dropout), Norm(dim)
        self.guide = Attention(dim, heads, dropout) if guided else None
        self.guide_norm = Norm(dim) if guided else None
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), self.drop, nn.Linear(4 * dim, dim))
        self.feed_norm = Norm(dim)

    def alone(self, x: Float[Tensor, "row n dim"], padding_mask: Bool[Tensor, "row n"] | None = None) -> Tensor:
        """The part that needs no guide."""
        return self.own_norm(x + self.drop(self.own(x, x, padding_mask)[0]))

    def join(
        self, x: Float[Tensor, "row n dim"], guide: Tensor | None = None, padding_mask: Tensor | None = None
    ) -> Tensor:
        """The rest, from `x = alone(...)`."""
        if self.guide is not None:
            x = self.guide_norm(x + self.drop(self.guide(x, guide, padding_mask)[0]))
        return self.feed_norm(x + self.drop(self.feed(x)))


class Flatten(nn.Module):
    """A sequence to one vector, by weights an MLP gives each step."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, 1))
        self.out = nn.Linear(dim, 2 * dim)

    def forward(self, x: Float[Tensor, "row n dim"], padding_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(vector, weights)."""
        taken, weight = weigh(self.score(x).squeeze(-1), x, padding_mask)
        return self.out(taken), weight


class MCAN(WatchAnswer):
    """Sees and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, sizes = config.hidden, (config.hidden, config.heads, config.dropout)
        self.read = Reader(config.words, dim, dim)
        self.think = nn.ModuleList(Layer(*sizes, guided=False) for _ in range(config.layers))
        self.flat = Flatten(dim, config.dropout)
        streams = {"seen": config.frames} | ({"heard": config.audio} if config.sound else {})
        self.enter = nn.ModuleDict({side: nn.Linear(width, dim) for side, width in streams.items()})
        self.guided = nn.ModuleDict(
            {side: nn.ModuleList(Layer(*sizes, guided=True) for _ in range(config.layers)) for side in streams}
        )
        self.flats = nn.ModuleDict({side: Flatten(dim, config.dropout) for side in streams})
        self.norm, self.head = Norm(2 * dim), nn.Linear(2 * dim, config.answers)

    def start(self, **streams: Float[Tensor, "clip time wide"]) -> Memory:
        """Each stream projected, after the self-attention of its first layer."""
        return {side: self.guided[side][0].alone(self.enter[side](x)) for side, x in streams.items()}

    def watch(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """What no word has a part in."""
        return self.start(seen=frames)

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        guide, _ = self.read(words, padding_mask)
        for layer in self.think:
            guide = layer.join(layer.alone(guide, padding_mask))
        total, attention = self.flat(guide, padding_mask)[0], {}
        for side, layers in self.guided.items():
            x = memory[side]
            for place, layer in enumerate(layers):
                x = layer.join(layer.alone(x) if place else x, guide, padding_mask)
            taken, attention[side] = self.flats[side](x)
            total = total + taken
        return Output(self.head(self.norm(total)), attention=attention)


class HearingMCAN(MCAN):
    """Hears too: sound is a second guided stream."""

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """What no word has a part in."""
        return self.start(seen=frames, heard=audio)


def build(config: Config) -> MCAN:
    """The net, freshly initialised."""
    return HearingMCAN(config) if config.sound else MCAN(config)
