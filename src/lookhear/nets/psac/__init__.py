"""PSAC: positional self-attention over seconds and over words, followed by co-attention.

    frames ─ + position ─ self-attention ─ v ──────────────────────┬─ co-attention ─ [v, A, v*A, v*B] ─ mean ─ answers
    tokens ─ letters, highway ─ + position, convs, self-attention ─┘

Li et al., "Beyond RNNs: Positional Self-Attention with Co-Attention for Video Question Answering", AAAI 2019. The
co-attention scores each second and word by w [v; q; v * q]; A is each second's mixture of words, and B goes on to what
those words attend to among the seconds.

`variant="released"` equals the official network for open-ended questions (lixiangpengcs/PSAC) tensor by tensor, without
the blocks it builds and never calls. Padding words are masked in softmaxes alone, so their number counts. Seconds take
the place of frames: at most `positions` of them, evenly spread. Letters need the spelling of each word, which no
checkpoint holds: `net.spelling` is a table (token, letter) of letter ids, all 0 until it is filled; `letters=0` leaves
the letters out. With `read="words"`, vectors of a frozen encoder stand for the rows of the table, without letters.
With `sound`, seconds of sound pass through a layer of their own and stand behind those of the picture in the
co-attention; the papers' tables are deaf, and how their rows were adapted was never released. The evidence is how much
the words attend to each second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import drop, normalized
from lookhear.layers.token_table import Reads, SeesHears, padding_of, sides
from lookhear.layers.translate import fitted
from lookhear.nets.psac.official import translated
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    read: str = "tokens"
    """tokens: ids through a trained table, with letters; words: word vectors"""
    tokens: int = 20000
    """size of the token vocabulary; id 0 is padding"""
    words: int = 512
    """width of the stream `words`"""
    sound: bool = False
    """also read the stream `audio`"""
    letters: int = 0
    """size of the letter vocabulary, id 0 is padding; 0 leaves letters out"""
    letter: int = 64
    """width of a letter"""
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
    """width of a position"""
    dropout: float = 0.1
    """dropout probability"""


class Norm(nn.Module):
    """The official layer norm over seconds: unbiased deviation + 1e-3; a single second is left as it is."""

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
    """Self-attention and feed-forward over positioned seconds; the input without positions is added to the end."""

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
    """Letters and words through a highway; then QANet's block: separable convolutions, self-attention, two maps."""

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
        """x + change; in training a layer is left out with a probability that grows with its number."""
        chance = self.dropout * layer / 5
        if not self.training:
            return x + change
        return x if torch.rand(()) < chance else x + drop(change, chance, True)

    def attend(self, x: Tensor, padding: Bool[Tensor, "row word"]) -> Tensor:
        """Multi-head self-attention without an output map."""
        q, (k, v) = self.query(x), self.memory(x).chunk(2, dim=-1)
        q, k, v = (rearrange(y, "row n (head dim) -> row head n dim", head=self.heads) for y in (q, k, v))
        scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).masked_fill(padding[:, None, None], -1e30)
        return rearrange(self.drop(scores.softmax(dim=-1)) @ v, "row head n dim -> row n (head dim)")


class Normed(nn.Module):
    """A linear layer whose matrix is g v / |v|, with one g for the whole matrix or one a row (`rows`)."""

    def __init__(self, inputs: int, outputs: int, rows: bool = False) -> None:
        super().__init__()
        made = nn.Linear(inputs, outputs)
        self.direction, self.bias, self.rows = nn.Parameter(made.weight.detach().clone()), made.bias, rows
        self.length = nn.Parameter(self.norm().detach().clone())

    def norm(self) -> Tensor:
        """Length of each row, or of the matrix."""
        return self.direction.norm(dim=1, keepdim=True) if self.rows else self.direction.norm()

    def forward(self, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """The layer's output."""
        return F.linear(x, self.length * self.direction / self.norm(), self.bias)


class PSAC(Reads, SeesHears):
    """The network; reads picture (and sound, with `sound`) and question."""

    spelling: Tensor
    trims = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, dim, self.hears = config, config.hidden, config.sound
        self.dropout, self.positions = config.dropout, config.positions
        streams = {"seen": config.frames} | ({"heard": config.audio} if config.sound else {})
        self.own = nn.ModuleDict({side: Seconds(width, config) for side, width in streams.items()})
        self.enter = nn.ModuleDict({side: Normed(width, dim, rows=True) for side, width in streams.items()})
        self.reads(config.read, config.tokens, config.embed)
        self.register_buffer("spelling", torch.zeros(config.tokens if config.letters else 0, 15, dtype=torch.long))
        self.words = Words(config)
        self.by_second, self.by_word, self.by_both = (nn.Parameter(torch.randn(dim) * dim**-0.5) for _ in range(3))
        self.merge = nn.Linear(4 * dim, dim, bias=False)
        self.head = nn.Sequential(
            *(Normed(dim, config.joint), nn.ReLU(), nn.Dropout(0.5), Normed(config.joint, config.answers))
        )

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """Positional self-attention of each stream, which does not depend on the question."""
        memory = {}
        for side, x in sides(seen, heard).items():
            rows = spread(x.shape[1], self.positions)
            memory[side] = self.enter[side](self.own[side](x[:, rows]))
            memory[f"{side}_rows"] = F.one_hot(rows, x.shape[1]).to(x).expand(len(x), -1, -1)
        return memory

    def answer_tokens(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits of the answers and the weight of each second. Id 0 is padding, and as many count as are given."""
        letters = self.spelling[tokens] if len(self.spelling) else None
        return self.respond(memory, self.vectors(tokens), letters, padding_of(tokens))

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """The same from word vectors."""
        return self.respond(memory, vectors, None, padding)

    def respond(self, memory: Memory, vectors: Tensor, letters: Tensor | None, padding: Tensor) -> Output:
        """Co-attention and answers from word vectors (row, word, wide) and letter ids (row, word, letter)."""
        q = self.words(vectors, letters, padding)
        v = torch.cat([memory[side] for side in self.own], dim=1)
        x, y = (drop(z, self.dropout, self.training) for z in (v, q))
        near = (x @ self.by_second)[..., None] + (y @ self.by_word)[:, None] + (x * self.by_both) @ y.transpose(1, 2)
        to_words = near.masked_fill(padding[:, None], -1e30).softmax(dim=2)
        to_seconds = near.softmax(dim=1)
        a, b = to_words @ q, to_words @ (to_seconds.transpose(1, 2) @ v)
        joint = self.merge(torch.cat([v, a, v * a, v * b], dim=-1)).mean(dim=1)
        weight = to_seconds.masked_fill(padding[:, None], 0.0).sum(dim=2)
        parts = weight.split([memory[side].shape[1] for side in self.own], dim=1)
        rows = (memory[f"{side}_rows"] for side in self.own)
        weights = [torch.einsum("rn,rnt->rt", part, row) for part, row in zip(parts, rows, strict=True)]
        attention = {side: normalized(w) for side, w in zip(self.own, weights, strict=True)}
        hidden = {"words": q, "scores": near, "to_words": to_words, "to_seconds": to_seconds, "joint": joint}
        return Output(self.head(joint), attention=attention, hidden=hidden)


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
    """The positions of words: sines in the first half, cosines in the second."""
    rate = torch.exp(-math.log(10000) * torch.arange(dim // 2) / max(dim // 2 - 1, 1))
    angle = torch.arange(length)[:, None] * rate
    return F.pad(torch.cat([angle.sin(), angle.cos()], dim=1), (0, dim % 2))


def build(config: Config) -> PSAC:
    """Build the net with random weights."""
    if config.variant != "released":
        raise RecipeError(f"psac has no variant {config.variant!r}. There is: released.")
    if config.read == "words" and config.letters:
        raise RecipeError("psac: letters belong to read=tokens; set letters=0.")
    return PSAC(config)


def from_official(state_dict: Mapping[str, Tensor], spelling: Int[Tensor, "token letter"] | None = None) -> PSAC:
    """The released network from a published checkpoint, with the letters of each word where they are known."""
    state = checkpoints.without_prefixes(state_dict)
    heads, width, head = state[r"vid_encoder.layer_stack.0.slf_attn.w_qs"].shape
    config = Config(
        answers=checkpoints.size(state, "classifier.main.3.bias"),
        frames=width,
        tokens=checkpoints.size(state, "ques_encoder.word_emb.weight"),
        letters=checkpoints.size(state, "ques_encoder.char_emb.weight"),
        letter=checkpoints.size(state, "ques_encoder.char_emb.weight", 1),
        embed=checkpoints.size(state, "ques_encoder.word_emb.weight", 1),
        hidden=checkpoints.size(state, "ques_encoder.emb_enc.norm_1.weight"),
        joint=checkpoints.size(state, "classifier.main.0.bias"),
        heads=heads,
        head=head,
        inner=checkpoints.size(state, "vid_encoder.layer_stack.0.pos_ffn.w_1.weight"),
        positions=checkpoints.size(state, "vid_encoder.position_enc.weight"),
        position=checkpoints.size(state, "vid_encoder.position_enc.weight", 1),
    )
    net = build(config)
    known = torch.zeros_like(net.spelling) if spelling is None else spelling
    return fitted(net, translated(state) | {"spelling": known})  # type: ignore[return-value]
