"""HME: two streams write into one memory of the clip, the question into its own, and both are asked three times.

    frames ─ LSTM ─┬─ looked at by the question ─────────────────────┐
    motion ─ LSTM ─┼─ looked at by the question ─────────────────────┼─ answers
                   └─ memory of the clip ─┐                          │
    words ─ LSTM ─── memory of the words ─┴─ attention, LSTM, x 3 ───┘

Fan et al., "Heterogeneous Memory Enhanced Multimodal Attention Model for Video Question Answering", CVPR 2019: the
memory that two streams share, the question's own, attention in steps over both, the answer.

Adapted: one second a step; `motion` is the change from the second before, as no motion features are to be had at one
frame a second. It is deaf in the papers' tables; with `sound`, sound takes the place of motion. The official code
starts the clip's LSTMs from the question and reads the question again from the clip; here the clip is read once,
without the question. Otherwise the memories follow the official code, which starts them empty. The published rows'
adaptation was never released and could not be checked. The evidence is the question's look at each stream; without
sound, the mean of its two looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

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
    slots: int = 20
    """of each memory"""
    steps: int = 3
    """times both memories are asked"""
    dropout: float = 0.2


class Shared(nn.Module):
    """The clip's memory. Each second reads it, then keeps it or lets either stream write, in learned proportions."""

    def __init__(self, dim: int, slots: int) -> None:
        super().__init__()
        self.slots = slots
        self.keep, self.read = nn.Linear(3 * dim, 3), nn.Linear(3 * dim, slots)
        self.content = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(2))
        self.place = nn.ModuleList(nn.Linear(2 * dim, slots) for _ in range(2))
        self.move = nn.ModuleList(nn.Linear(3 * dim, dim) for _ in range(2))
        self.whole = nn.Linear(2 * dim, dim)

    def forward(self, *streams: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip time dim"]:
        """The state after each second."""
        empty = streams[0].new_zeros(streams[0].shape[0], streams[0].shape[2])
        states, whole, said = [empty, empty], empty, []
        memory = empty[:, None].expand(-1, self.slots, -1)
        for now in zip(*(x.unbind(dim=1) for x in streams), strict=True):
            before = torch.cat([*states, whole], dim=-1)
            found, _ = weigh(self.read(before), memory)
            share = self.keep(before).softmax(dim=-1)[..., None, None]
            memory = share[:, 0] * memory
            for i, (x, state) in enumerate(zip(now, states, strict=True)):
                both = torch.cat([state, x], dim=-1)
                content, place = self.content[i](both).relu(), self.place[i](both).softmax(dim=-1)
                memory = memory + share[:, i + 1] * place[..., None] * content[:, None]
            whole = self.whole(torch.cat([found, whole], dim=-1)).relu()
            pairs = zip(self.move, now, states, strict=True)
            states = [move(torch.cat([x, found, state], dim=-1)).relu() for move, x, state in pairs]
            said.append(whole)
        return torch.stack(said, dim=1)


class Alone(nn.Module):
    """The question's memory, read and written at each word through gates."""

    def __init__(self, dim: int, slots: int) -> None:
        super().__init__()
        self.slots = slots
        self.gates, self.read, self.place = (nn.Linear(2 * dim, n) for n in (2, slots, slots))
        self.content, self.move = nn.Linear(2 * dim, dim), nn.Linear(3 * dim, dim)

    def forward(self, x: Float[Tensor, "row word dim"]) -> Float[Tensor, "row word dim"]:
        """The state after each word."""
        state = x.new_zeros(x.shape[0], x.shape[2])
        memory, said = state[:, None].expand(-1, self.slots, -1), []
        for now in x.unbind(dim=1):
            both = torch.cat([now, state], dim=-1)
            reading, writing = self.gates(both).sigmoid().unsqueeze(-1).unbind(dim=1)
            found, _ = weigh(self.read(both), memory)
            place = self.place(both).softmax(dim=-1)[..., None]
            written = writing[..., None] * place * self.content(both).relu()[:, None]
            memory = written + (1 - place) * memory
            state = self.move(torch.cat([now, reading * found, state], dim=-1)).relu()
            said.append(state)
        return torch.stack(said, dim=1)


class Look(nn.Module):
    """Additive attention over a row; `keys` need no question."""

    def __init__(self, query: int, dim: int) -> None:
        super().__init__()
        self.key, self.query, self.score = nn.Linear(dim, dim), nn.Linear(query, dim, bias=False), nn.Linear(dim, 1)

    def forward(
        self, x: Float[Tensor, "row n dim"], query: Tensor, padding_mask: Bool[Tensor, "row n"] | None = None
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row n"]]:
        """(taken, weights)."""
        return weigh(self.score((self.key(x) + self.query(query)[:, None]).tanh()).squeeze(-1), x, padding_mask)


class HME(WatchAnswer):
    """Sees and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.sound, self.steps = config.hidden, config.sound, config.steps
        self.drop = nn.Dropout(config.dropout)
        widths = (config.frames, config.audio if config.sound else config.frames)
        self.follow = nn.ModuleList(nn.LSTM(w, dim, 2, batch_first=True, dropout=config.dropout) for w in widths)
        self.read = Reader(config.words, config.embed, dim, layers=2, dropout=config.dropout)
        self.clip_memory, self.word_memory = Shared(dim, config.slots), Alone(dim, config.slots)
        self.look = nn.ModuleList(Look(2 * dim, dim) for _ in widths)
        self.look_clip, self.look_words = Look(dim, dim), Look(dim, dim)
        self.weigh_clip, self.weigh_words = (nn.Linear(2 * dim, 1) for _ in range(2))
        self.bring = nn.ModuleList(nn.Linear(dim, dim) for _ in range(3))
        self.start, self.again = nn.Linear(2 * dim, dim), nn.Linear(2 * dim, dim)
        self.think1, self.think2 = nn.LSTMCell(dim, dim), nn.LSTMCell(dim, dim)
        self.out = nn.ModuleList(nn.Linear(width, dim) for width in (2 * dim, dim, dim))
        self.head = nn.Linear(3 * dim, config.answers)

    def remember(self, *streams: Float[Tensor, "clip time wide"]) -> Memory:
        """Both streams followed, and the memory's state after each second."""
        steps = [follow(x)[0] for follow, x in zip(self.follow, streams, strict=True)]
        return {"first": steps[0], "second": steps[1], "memory": self.clip_memory(*steps)}

    def watch(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The picture, how it changes, and the memory of both."""
        return self.remember(frames, torch.diff(frames, dim=1, prepend=frames[:, :1]))

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        steps, (h, _) = self.read(words, padding_mask)
        asked = torch.cat([*h], dim=-1)
        first, seen = self.look[0](memory["first"], asked)
        second, other = self.look[1](memory["second"], asked)
        thought = self.think(asked, memory["memory"], self.word_memory(steps), padding_mask)
        parts = [out(x).tanh() for out, x in zip(self.out, (thought, first, second), strict=True)]
        attention = {"seen": seen, "heard": other} if self.sound else {"seen": (seen + other) / 2}
        return Output(self.head(self.drop(torch.cat(parts, dim=-1))), attention=attention)

    def think(self, asked: Tensor, clip: Tensor, words: Tensor, padding_mask: Tensor) -> Float[Tensor, "row twice_dim"]:
        """Ask both memories `steps` times, weighing clip against words each time."""
        x = self.drop(self.start(asked).tanh())
        state1 = state2 = (torch.zeros_like(x), torch.zeros_like(x))
        for _ in range(self.steps):
            state1 = self.think1(x, state1)
            state2 = self.think2(state1[0], state2)
            h = state2[0]
            found = [self.look_clip(clip, h)[0], self.look_words(words, h, padding_mask)[0]]
            pairs = zip((self.weigh_clip, self.weigh_words), found, strict=True)
            scores = [score(torch.cat([x, h], dim=-1).tanh()) for score, x in pairs]
            share = torch.cat(scores, dim=-1).softmax(dim=-1)
            taken = self.bring[0](h) + share[:, :1] * self.bring[1](found[0]) + share[:, 1:] * self.bring[2](found[1])
            x = self.drop(self.again(torch.cat([h, taken.tanh()], dim=-1)).tanh())
        return torch.cat([state1[0], state2[0]], dim=-1)


class HearingHME(HME):
    """Hears in the place of motion."""

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The picture, the sound, and the memory of both; as many seconds of each."""
        return self.remember(frames, audio)


def build(config: Config) -> HME:
    """The net, freshly initialised."""
    return HearingHME(config) if config.sound else HME(config)
