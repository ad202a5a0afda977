"""Parts of PSAC: options, self-attention over seconds, word encoder, weight-normalised layers, position tables."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import drop
from lookhear.layers.token_table import Options


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    sound: bool = False
    """also read the stream `audio`"""
    letters: int = 0
    """size of the letter vocabulary, id 0 is padding; 0 leaves letters out"""
    letter: int = 64
    """width of a letter embedding"""
    embed: int = 300
    """width of the word embedding"""
    hidden: int = 512
    """hidden width"""
    joint: int = 1024
    """hidden width of the answer layer"""
    heads: int = 8
    """attention heads"""
    head: int = 64
    """width of a head over seconds"""
    inner: int = 512
    """feed-forward width over seconds"""
    positions: int = 36
    position: int = 300
    """width of the position embedding"""
    dropout: float = 0.1
    """dropout probability"""


class Norm(nn.Module):
    """The official layer norm over seconds: unbiased standard deviation + 1e-3; a single second is unchanged."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, x: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n dim"]:
        """Same shape."""
        if x.shape[1] == 1:
            return x
        centred = x - x.mean(dim=-1, keepdim=True)
        return self.weight * centred / (x.std(dim=-1, keepdim=True) + 1e-3) + self.bias


class Seconds(nn.Module):
    """Self-attention and feed-forward over seconds with positions; the input without positions is added at the end."""

    def __init__(self, width: int, config: Config) -> None:
        super().__init__()
        heads, self.dropout = config.heads, config.dropout
        self.places = nn.Embedding(config.positions, config.position)
        self.places.weight.data = table(config.positions, config.position)
        self.position = nn.Linear(config.position, width)
        self.query, self.key, self.value = (nn.Parameter(torch.empty(heads, width, config.head)) for _ in range(3))
        for tensor in (self.query, self.key, self.value):
            nn.init.xavier_normal_(tensor)
        self.out = nn.Linear(heads * config.head, width)
        self.feed1, self.feed2 = nn.Linear(width, config.inner), nn.Linear(config.inner, width)
        self.norm1, self.norm2 = Norm(width), Norm(width)

    def forward(self, v: Float[Tensor, "clip time wide"]) -> Float[Tensor, "clip time wide"]:
        """Same shape; `time` is at most the number of positions."""
        e = v + self.position(self.places.weight[: v.shape[1]])
        q, k, value = (torch.einsum("rnd,hde->rhne", e, m) for m in (self.query, self.key, self.value))
        weight = (q @ k.transpose(-1, -2) / e.shape[-1] ** 0.5).softmax(dim=-1)  # the scale is the width, not a head's
        taken = rearrange(drop(weight, self.dropout, self.training) @ value, "row head n dim -> row n (head dim)")
        u = self.norm1(e + drop(self.out(taken), self.dropout, self.training))
        return v + self.norm2(u + drop(self.feed2(self.feed1(u).relu()), self.dropout, self.training))


class Words(nn.Module):
    """Letters and words through a highway network; then QANet's block: separable convolutions, self-attention, MLP."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.heads, self.dropout = config.hidden, config.heads, config.dropout
        width = config.embed if config.read == "tokens" else config.words
        self.letters = nn.Embedding(config.letters, config.letter) if config.letters else None
        self.windows = nn.Conv1d(config.letter, dim, 5) if config.letters else None
        self.join = nn.Linear(width + dim * bool(config.letters), dim, bias=False)
        self.gates, self.maps = (nn.ModuleList(nn.Linear(dim, dim) for _ in range(2)) for _ in range(2))
        self.depth = nn.ModuleList(nn.Conv1d(dim, dim, 7, padding=3, groups=dim, bias=False) for _ in range(4))
        self.point = nn.ModuleList(nn.Linear(dim, dim) for _ in range(4))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(6))
        self.query, self.memory = nn.Linear(dim, dim, bias=False), nn.Linear(dim, 2 * dim, bias=False)
        self.feed1, self.feed2 = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, vectors: Tensor, letters: Tensor | None, padding: Bool[Tensor, "row word"]) -> Tensor:
        """(row, word, dim) from word vectors (row, word, wide) and letter ids (row, word, letter)."""
        x = self.drop(vectors)
        if self.letters is not None and self.windows is not None:
            spelled = drop(self.letters(letters), 0.01, self.training)
            spelled = rearrange(spelled, "row word letter dim -> (row word) dim letter")
            found = self.windows(spelled).relu().amax(dim=-1)
            x = torch.cat([found.unflatten(0, vectors.shape[:2]), x], dim=-1)
        x = self.join(x)
        for gate, linear in zip(self.gates, self.maps, strict=True):
            share = gate(x).sigmoid()
            x = share * self.drop(linear(x)) + (1 - share) * x
        x = x + waves(x.shape[1], x.shape[2]).to(x)
        for i, (depth, point) in enumerate(zip(self.depth, self.point, strict=True)):
            y = self.drop(self.norms[i](x)) if i % 2 == 0 else self.norms[i](x)
            near = depth(y.transpose(1, 2)).transpose(1, 2)
            x = self.residual(point(near).relu(), x, i + 1)
        x = self.residual(self.attend(self.drop(self.norms[4](x)), padding), x, 5)
        return self.residual(self.feed2(self.feed1(self.drop(self.norms[5](x))).relu()), x, 6)

    def drop(self, x: Tensor) -> Tensor:
        """Dropout."""
        return drop(x, self.dropout, self.training)

    def residual(self, change: Tensor, x: Tensor, layer: int) -> Tensor:
        """x + change; in training a layer is dropped with a probability that increases with its depth."""
        chance = self.dropout * layer / 5
        if not self.training:
            return x + change
        return x if torch.rand(()) < chance else x + drop(change, chance, True)

    def attend(self, x: Tensor, padding: Bool[Tensor, "row word"]) -> Tensor:
        """Multi-head self-attention without an output projection."""
        q, (k, v) = self.query(x), self.memory(x).chunk(2, dim=-1)
        q, k, v = (rearrange(y, "row n (head dim) -> row head n dim", head=self.heads) for y in (q, k, v))
        scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).masked_fill(padding[:, None, None], -1e30)
        return rearrange(self.drop(scores.softmax(dim=-1)) @ v, "row head n dim -> row n (head dim)")


class Normed(nn.Module):
    """A linear layer whose matrix is g v / |v|, with one g for the whole matrix or one per row (`rows`)."""

    def __init__(self, inputs: int, outputs: int, rows: bool = False) -> None:
        super().__init__()
        made = nn.Linear(inputs, outputs)
        self.direction, self.bias, self.rows = nn.Parameter(made.weight.detach().clone()), made.bias, rows
        self.length = nn.Parameter(self.norm().detach().clone())

    def norm(self) -> Tensor:
        """Norm of each row, or of the matrix."""
        return self.direction.norm(dim=1, keepdim=True) if self.rows else self.direction.norm()

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """The layer's output."""
        return F.linear(x, self.length * self.direction / self.norm(), self.bias)


def spread(length: int, most: int) -> Int[Tensor, " row"]:
    """Indices of the used rows: all of `length`, or `most` evenly spaced ones."""
    return torch.linspace(0, length - 1, min(length, most)).round().long()


def table(count: int, dim: int) -> Float[Tensor, "position dim"]:
    """Published initial position embeddings of seconds: alternating sines and cosines, first row zero."""
    place = torch.arange(count)[:, None] / 10000 ** (2 * (torch.arange(dim) // 2) / dim)
    made = torch.where(torch.arange(dim) % 2 == 0, place.sin(), place.cos())
    made[0] = 0
    return made


def waves(length: int, dim: int) -> Float[Tensor, "word dim"]:
    """Position embeddings of words: sines in the first half, cosines in the second."""
    rate = torch.exp(-math.log(10000) * torch.arange(dim // 2) / max(dim // 2 - 1, 1))
    angle = torch.arange(length)[:, None] * rate
    return F.pad(torch.cat([angle.sin(), angle.cos()], dim=1), (0, dim % 2))
