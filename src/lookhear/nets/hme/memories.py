"""The memories of HME, which are written and read step by step, and its additive attention."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lookhear.layers.recurrent import weigh


class Shared(nn.Module):
    """The clip memory: each second reads it and updates it, with learned weights for keeping and for writing each
    stream."""

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
        states, whole, states_over_time = [empty, empty], empty, []
        memory = empty[:, None].expand(-1, self.slots, -1)
        for now in zip(*(x.unbind(dim=1) for x in streams), strict=True):
            before = torch.cat([*states, whole], dim=-1)
            attended, _ = weigh(self.read(before), memory)
            share = self.keep(before).softmax(dim=-1)[..., None, None]
            memory = share[:, 0] * memory
            for i, (x, state) in enumerate(zip(now, states, strict=True)):
                both = torch.cat([state, x], dim=-1)
                content, place = self.content[i](both).relu(), self.place[i](both).softmax(dim=-1)
                memory = memory + share[:, i + 1] * place[..., None] * content[:, None]
            whole = self.whole(torch.cat([attended, whole], dim=-1)).relu()
            pairs = zip(self.move, now, states, strict=True)
            states = [move(torch.cat([x, attended, state], dim=-1)).relu() for move, x, state in pairs]
            states_over_time.append(whole)
        return torch.stack(states_over_time, dim=1)


class QuestionMemory(nn.Module):
    """The question memory, read and written at each word through gates."""

    def __init__(self, dim: int, slots: int) -> None:
        super().__init__()
        self.slots = slots
        self.gates, self.read, self.place = (nn.Linear(2 * dim, n) for n in (2, slots, slots))
        self.content, self.move = nn.Linear(2 * dim, dim), nn.Linear(3 * dim, dim)

    def forward(self, x: Float[Tensor, "row word dim"]) -> Float[Tensor, "row word dim"]:
        """The state after each word."""
        state = x.new_zeros(x.shape[0], x.shape[2])
        memory, states_over_time = state[:, None].expand(-1, self.slots, -1), []
        for now in x.unbind(dim=1):
            both = torch.cat([now, state], dim=-1)
            reading, writing = self.gates(both).sigmoid().unsqueeze(-1).unbind(dim=1)
            found, _ = weigh(self.read(both), memory)
            place = self.place(both).softmax(dim=-1)[..., None]
            written = writing[..., None] * place * self.content(both).relu()[:, None]
            memory = written + (1 - place) * memory
            state = self.move(torch.cat([now, reading * found, state], dim=-1)).relu()
            states_over_time.append(state)
        return torch.stack(states_over_time, dim=1)


class AdditiveAttention(nn.Module):
    """Additive attention over a sequence: softmax of v tanh(K key + Q query + b)."""

    def __init__(self, query: int, key: int, dim: int) -> None:
        super().__init__()
        self.key, self.query, self.score = (
            nn.Linear(key, dim),
            nn.Linear(query, dim, bias=False),
            nn.Parameter(torch.empty(dim)),
        )
        nn.init.normal_(self.score, std=0.01)

    def forward(
        self, x: Float[Tensor, "row n key"], query: Tensor, padding: Bool[Tensor, "row n"] | None = None
    ) -> tuple[Float[Tensor, "row key"], Float[Tensor, "row n"]]:
        """(attended vector, weights)."""
        return weigh((self.key(x) + self.query(query)[:, None]).tanh() @ self.score, x, padding)
