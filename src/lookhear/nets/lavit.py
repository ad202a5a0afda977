"""LAViT: transformers for words, sound and picture, then five layers in a ring: words hear, sound sees, picture reads.

    words ─ layers x 9 ──┐  ┌ words   from sound ──┐
    audio ─ layers x 5 ──┼──┼ sound   from picture ┼─ self-attention, feed-forward, x 5 ─ three poolers ─ answers
    frames ─ layers x 5 ─┘  └ picture from words ──┘

Yun et al., "Pano-AVQA: Grounded Audio-Visual Question Answering on 360 degree Videos", ICCV 2021, built as LXMERT is.

Adapted: seconds take the place of objects in a spherical video, and where in the clip a second begins and ends takes
the place of an object's box; sound is mono. A learned first element, from which each pooler reads, goes in front of
all three streams, as word vectors here need not have one. The paper starts from BERT and LXMERT weights and
pre-trains; here nothing is pre-trained, so the full size (280 M parameters) will rarely be wanted. How the published
rows were made was never released and could not be checked. The evidence is the attention of the first elements in
the last ring: of the words' over sound (`heard`), of the sound's over the picture (`seen`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import Attention, normalized
from lookhear.layers.recurrent import positions, real_words
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output

RING = {"read": "heard", "heard": "seen", "seen": "read"}  # who takes in whom


@dataclass(frozen=True)
class Config:
    """Sizes. Widths of streams carry the streams' names."""

    answers: int = 42
    audio: int = 128
    frames: int = 512
    words: int = 512
    hidden: int = 768
    """one head for every 64"""
    read_layers: int = 9
    heard_layers: int = 5
    seen_layers: int = 5
    ring_layers: int = 5
    dropout: float = 0.1


class Attend(nn.Module):
    """Attention, added and normed."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(dim, max(1, dim // 64), dropout)
        self.norm, self.drop = nn.LayerNorm(dim, eps=1e-12), nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor, padding_mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(same shape as `x`, weights)."""
        taken, weight = self.attention(x, y, padding_mask)
        return self.norm(x + self.drop(taken)), weight


class Layer(nn.Module):
    """A layer of BERT."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.own, self.norm = Attend(dim, dropout), nn.LayerNorm(dim, eps=1e-12)
        drop = nn.Dropout(dropout)
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim), drop)

    def forward(self, x: Float[Tensor, "row n dim"], padding_mask: Bool[Tensor, "row n"] | None = None) -> Tensor:
        """Same shape."""
        x, _ = self.own(x, x, padding_mask)
        return self.norm(x + self.feed(x))


class RingLayer(nn.Module):
    """Each stream takes in the one it is bound to, as that was before the layer, then runs a layer of its own."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.cross = nn.ModuleDict({side: Attend(dim, dropout) for side in RING})
        self.own = nn.ModuleDict({side: Layer(dim, dropout) for side in RING})

    def forward(self, side: str, streams: Memory, padding_mask: Bool[Tensor, "row word"]) -> tuple[Tensor, Tensor]:
        """(the stream called `side` after the layer, its weights over the other)."""
        other = RING[side]
        x, weight = self.cross[side](streams[side], streams[other], padding_mask if other == "read" else None)
        return self.own[side](x, padding_mask if side == "read" else None), weight


class LAViT(WatchAnswer):
    """Sees, hears and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, dropout = config.hidden, config.dropout
        widths = {"read": config.words, "heard": config.audio, "seen": config.frames}
        counts = {"read": config.read_layers, "heard": config.heard_layers, "seen": config.seen_layers}
        self.enter = nn.ModuleDict({side: nn.Linear(width, dim) for side, width in widths.items()})
        self.when = nn.ModuleDict({side: nn.Linear(2, dim) for side in ("heard", "seen")})
        self.first = nn.ParameterDict({side: nn.Parameter(torch.randn(dim) * 0.02) for side in RING})
        self.norm = nn.ModuleDict({side: nn.LayerNorm(dim, eps=1e-12) for side in RING})
        self.own = nn.ModuleDict(
            {side: nn.ModuleList(Layer(dim, dropout) for _ in range(count)) for side, count in counts.items()}
        )
        self.ring = nn.ModuleList(RingLayer(dim, dropout) for _ in range(config.ring_layers))
        self.pool = nn.ModuleDict({side: nn.Sequential(nn.Linear(dim, dim), nn.Tanh()) for side in RING})
        self.head = nn.Sequential(
            *(nn.Linear(3 * dim, 2 * dim), nn.GELU(), nn.LayerNorm(2 * dim, eps=1e-12)),
            nn.Linear(2 * dim, config.answers),
        )

    def start(
        self, side: str, x: Tensor, place: Tensor, padding_mask: Tensor | None = None
    ) -> Float[Tensor, "row n dim"]:
        """A stream through its own layers, its first element in front."""
        first = self.first[side].expand(len(x), 1, -1)
        x = self.norm[side](torch.cat([first, self.enter[side](x) + place], dim=1))
        for layer in self.own[side]:
            x = layer(x, padding_mask)
        return x

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """Sound and picture after their own layers, and sound after the first of the ring, which needs no word."""
        memory = {}
        for side, x in (("heard", audio), ("seen", frames)):
            ends = torch.linspace(0, 1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
            memory[side] = self.start(side, x, self.when[side](torch.stack([ends[:-1], ends[1:]], dim=-1)))
        heard, weight = self.ring[0]("heard", memory, torch.empty(0))
        return {**memory, "heard_next": heard, "heard_sees": weight}

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        padding_mask = F.pad(padding_mask, (1, 0))
        place = positions(words.shape[1], self.first["read"].shape[0], words)
        streams = {side: memory[side] for side in ("heard", "seen")}
        streams["read"] = self.start("read", words, place, padding_mask)
        ready = {"heard": (memory["heard_next"], memory["heard_sees"])}
        for layer in self.ring:
            after = {side: ready[side] if side in ready else layer(side, streams, padding_mask) for side in RING}
            streams, ready = {side: x for side, (x, _) in after.items()}, {}
        pooled = [pool(streams[side][:, 0]) for side, pool in self.pool.items()]
        looked = {"heard": after["read"][1], "seen": after["heard"][1]}
        attention = {side: normalized(weight[:, 0, 1:]) for side, weight in looked.items()}
        return Output(self.head(torch.cat(pooled, dim=-1)), attention=attention)


def build(config: Config) -> LAViT:
    """The net, freshly initialised."""
    return LAViT(config)
