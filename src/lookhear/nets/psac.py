"""PSAC: no recurrence; positions are added, seconds attend to seconds, words to words, and both to each other.

    frames ─ + position ─ self-attention ─ v ─────────┬─ co-attention ─ [v, A, v * A, v * B] ─ mean ─ MLP ─ answers
    words ─ + position ─ convs, self-attention ─ q ───┘

Li et al., "Beyond RNNs: Positional Self-Attention with Co-Attention for Video Question Answering", AAAI 2019. The
co-attention scores each second and word by w [v; q; v * q]; A is each second's mixture of words, and B goes on to what
those words attend to among the seconds.

Adapted: seconds take the place of 36 sampled frames, at any length; word vectors take the place of words and characters
with a highway (there are no characters here). It is deaf in the papers' tables; with `sound`, seconds of sound pass
through self-attention of their own and stand behind those of the picture in the co-attention. The published rows'
adaptation was never released and could not be checked. The evidence is how much the words attend to each second.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from lookhear.layers.attention import Attention, normalized
from lookhear.layers.recurrent import positions, real_words
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
    layers: int = 1
    """of self-attention over seconds"""
    heads: int = 8
    dropout: float = 0.1


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each added and normed."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attend, self.drop = Attention(dim, heads, dropout), nn.Dropout(dropout)
        self.feed = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), self.drop, nn.Linear(dim, dim))
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x: Float[Tensor, "row n dim"], padding_mask: Bool[Tensor, "row n"] | None = None) -> Tensor:
        """Same shape."""
        x = self.norm1(x + self.drop(self.attend(x, x, padding_mask)[0]))
        return self.norm2(x + self.drop(self.feed(x)))


class Nearby(nn.Module):
    """A separable convolution over seven words, added to its input, as in QANet's encoder."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.conv = nn.Sequential(nn.Conv1d(dim, dim, 7, padding=3, groups=dim), nn.Conv1d(dim, dim, 1), nn.ReLU())

    def forward(self, x: Float[Tensor, "row word dim"], padding_mask: Bool[Tensor, "row word"]) -> Tensor:
        """Same shape; padding counts as zero."""
        steps = rearrange(self.norm(x).masked_fill(padding_mask[..., None], 0.0), "row word dim -> row dim word")
        return x + rearrange(self.conv(steps), "row dim word -> row word dim")


class PSAC(WatchAnswer):
    """Sees and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, sizes = config.hidden, (config.hidden, config.heads, config.dropout)
        streams = {"seen": config.frames} | ({"heard": config.audio} if config.sound else {})
        self.enter = nn.ModuleDict({side: nn.Linear(width, dim) for side, width in streams.items()})
        self.own = nn.ModuleDict({side: nn.ModuleList(Block(*sizes) for _ in range(config.layers)) for side in streams})
        self.embed = nn.Linear(config.words, dim)
        self.near = nn.ModuleList(Nearby(dim) for _ in range(4))
        self.think = Block(*sizes)
        self.by_second, self.by_word = nn.Linear(dim, 1, bias=False), nn.Linear(dim, 1, bias=False)
        self.by_both = nn.Parameter(torch.randn(dim) * dim**-0.5)
        self.merge = nn.Linear(4 * dim, dim)  # the convolution of kernel 1
        self.head = nn.Sequential(
            *(weight_norm(nn.Linear(dim, dim)), nn.ReLU(), nn.Dropout(config.dropout)),
            weight_norm(nn.Linear(dim, config.answers)),
        )

    def start(self, **streams: Float[Tensor, "clip time wide"]) -> Memory:
        """Each stream in the light of its own order; the input is added again after the blocks."""
        memory = {}
        for side, x in streams.items():
            start = y = self.enter[side](x) + positions(x.shape[1], self.embed.out_features, x)
            for block in self.own[side]:
                y = block(y)
            memory[side] = start + y
        return memory

    def watch(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """Self-attended seconds: none of it needs a question."""
        return self.start(seen=frames)

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        q = self.embed(words) + positions(words.shape[1], self.embed.out_features, words)
        for layer in self.near:
            q = layer(q, padding_mask)
        q = self.think(q, padding_mask).masked_fill(padding_mask[..., None], 0.0)
        v = torch.cat([memory[side] for side in self.own], dim=1)
        near = self.by_second(v) + self.by_word(q).transpose(1, 2) + (v * self.by_both) @ q.transpose(1, 2)
        to_words = near.masked_fill(padding_mask[:, None], -torch.inf).softmax(dim=2)
        to_seconds = near.softmax(dim=1)
        a, b = to_words @ q, to_words @ (to_seconds.transpose(1, 2) @ v)
        joint = self.merge(torch.cat([v, a, v * a, v * b], dim=-1)).relu().mean(dim=1)
        weight = to_seconds.masked_fill(padding_mask[:, None], 0.0).sum(dim=2)
        parts = weight.split([memory[side].shape[1] for side in self.own], dim=1)
        attention = {side: normalized(part) for side, part in zip(self.own, parts, strict=True)}
        return Output(self.head(joint), attention=attention)


class HearingPSAC(PSAC):
    """Hears too."""

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """Self-attended seconds of both streams."""
        return self.start(seen=frames, heard=audio)


def build(config: Config) -> PSAC:
    """The net, freshly initialised."""
    return HearingPSAC(config) if config.sound else PSAC(config)
