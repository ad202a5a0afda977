"""AVSD simple baseline: factor graph attention over words, sound and four frames, followed by an LSTM.

    tokens ─ LSTM ─┬─ factor graph attention ─ attended words ────────────────────────┐
    frames ────────┤                         ─ sound, frame 1, 2, 3, 4 ─ LSTM ─ last ─┴─ MLP ─ answers
    audio ─────────┘

Schwartz et al., "A Simple Baseline for Audio-Visual Scene-Aware Dialog", CVPR 2019. Its attention (Schwartz et al.,
"Factor Graph Attention", CVPR 2019) computes the logit of each element as a sum with learned weights: a unary
potential, a pairwise potential with its own stream, pairwise potentials with each other stream (mean cosine), and a
prior that marks the last word.

`variant="released"` equals the official network (idansc/simple-avsd) up to the state that starts its answer decoder:
six streams with 6 + 21 separate modules. Padding words take part in means and softmaxes (`mask=true` masks them).
`shared=true` is that code's weight-sharing mode, which its own network does not use: frames share weights and have no
potentials among each other. The seconds of each quarter of the clip replace the regions of a frame; if `frames` holds
the regions of four frames in sequence, the quarters are those frames. The dialogue history is left out, and logits from
[attended words; last state] replace the decoder, which is a language model. With `read="words"`, word vectors of a
frozen encoder replace the embedding. The adaptation behind published AVQA results was never released. The evidence is
the attention to each word and to each second, with a quarter of the weight for each quarter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.recurrent import weigh
from lookhear.layers.token_table import Options, Reads, run_lstm
from lookhear.layers.translate import fitted, renamed
from lookhear.types import Memory, Output

STREAMS = range(6)  # words, four frames, sound
KINDS = (0, 1, 1, 1, 1, 2)  # index of the weights of each stream in sharing mode


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    shared: bool = False
    """the four frames share their weights"""
    mask: bool = False
    """mask padding words in means and softmaxes"""
    embed: int = 128
    """width of the word embedding"""
    hidden: int = 256
    """hidden width"""
    dropout: float = 0.5
    """dropout probability"""


class Unary(nn.Module):
    """Unary potential of an element."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.embed, self.score, self.drop = nn.Linear(dim, dim), nn.Linear(dim, 1), nn.Dropout(dropout)

    def forward(self, u: Float[Tensor, "row n dim"]) -> Float[Tensor, "row n"]:
        """One scalar per element."""
        return self.score(self.drop(self.embed(u).relu())).squeeze(-1)


class Pair(nn.Module):
    """Pairwise potential of two streams: cosines of their embeddings."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(dim, dim), nn.Linear(dim, dim)


class Attention(nn.Module):
    """Factor graph attention over the six streams. `known` computes the part without words once per clip."""

    def __init__(self, dim: int, shared: bool, dropout: float) -> None:
        super().__init__()
        self.shared = shared
        self.kinds = KINDS if shared else tuple(STREAMS)
        count = max(self.kinds) + 1
        self.unary = nn.ModuleList(Unary(dim, dropout) for _ in range(count))
        self.own = nn.ModuleList(Pair(dim) for _ in range(count))
        self.pairs = nn.ModuleDict({f"{i}-{j}": Pair(dim) for j in range(count) for i in range(j)})
        partners = [len(self.partners(self.kinds.index(kind))) for kind in range(count)]
        self.mix = nn.ParameterList(torch.empty(2 + n + (kind == 0)) for kind, n in enumerate(partners))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)
        for mix in self.mix:
            nn.init.normal_(mix, std=(2 / len(mix)) ** 0.5)

    def partners(self, i: int) -> list[int]:
        """The streams with which stream `i` has pairwise potentials."""
        return [j for j in STREAMS if j != i and not (self.shared and self.kinds[i] == self.kinds[j])]

    def side(self, u: Tensor, i: int, j: int) -> Float[Tensor, "row n dim"]:
        """Unit-norm embeddings of the elements of stream `i` for the pair (i, j)."""
        a, b = self.kinds[i], self.kinds[j]
        pair = self.pairs[f"{min(a, b)}-{max(a, b)}"]
        return F.normalize((pair.one if a < b else pair.other)(u), dim=-1)

    def alone(self, u: Tensor, i: int, padding: Tensor | None = None) -> Float[Tensor, "row n 2"]:
        """Unary and self-pair potentials of a stream."""
        kind = self.kinds[i]
        one, other = (F.normalize(side(u), dim=-1) for side in (self.own[kind].one, self.own[kind].other))
        return torch.stack([self.unary[kind](u), cosine(one, mean(other, padding))], dim=-1)

    def known(self, streams: list[Tensor]) -> Memory:
        """Streams 1 to 5, their potentials without words, and their embeddings for the pairs with words."""
        memory = dict[str, Tensor]()
        sides = dict[tuple[int, int], Tensor]()
        for i, u in enumerate(streams, start=1):
            sides |= {(i, j): self.side(u, i, j) for j in self.partners(i)}
        for i, u in enumerate(streams, start=1):
            met = [cosine(sides[i, j], mean(sides[j, i])) for j in self.partners(i) if j]
            memory[f"stream{i}"] = u
            memory[f"known{i}"] = torch.cat([self.alone(u, i), torch.stack(met, dim=-1)], dim=-1)
            memory[f"to_words{i}"] = sides[i, 0]
        return memory

    def forward(
        self, memory: Memory, u: Float[Tensor, "row word dim"], prior: Tensor, padding: Tensor | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """(the attended vector of each stream, the weights of its elements); `u` are the words."""
        potentials, taken, weights = [self.alone(u, 0, padding)], list[Tensor](), list[Tensor]()
        by_word = [self.side(u, 0, j) for j in self.partners(0)]
        for j, words in zip(self.partners(0), by_word, strict=True):
            potentials.append(cosine(words, mean(memory[f"to_words{j}"]))[..., None])
        scores = [torch.cat([*potentials, prior[..., None]], dim=-1) @ self.mix[0]]
        for j, words in zip(self.partners(0), by_word, strict=True):
            alone, others = memory[f"known{j}"].split([2, memory[f"known{j}"].shape[-1] - 2], dim=-1)
            met = cosine(memory[f"to_words{j}"], mean(words, padding))[..., None]
            scores.append(torch.cat([alone, met, others], dim=-1) @ self.mix[self.kinds[j]])
        for i, score in enumerate(scores):
            vector, weight = weigh(score, u if i == 0 else memory[f"stream{i}"], padding if i == 0 else None)
            taken, weights = [*taken, vector], [*weights, weight]
        return taken, weights


def cosine(x: Float[Tensor, "row n dim"], y: Float[Tensor, "row dim"]) -> Float[Tensor, "row n"]:
    """Dot products with one vector."""
    return (x @ y[..., None]).squeeze(-1)


def mean(x: Float[Tensor, "row n dim"], padding: Bool[Tensor, "row n"] | None = None) -> Float[Tensor, "row dim"]:
    """Mean over elements that are not padding."""
    if padding is None:
        return x.mean(dim=1)
    real = (~padding).to(x.dtype)[..., None]
    return (x * real).sum(dim=1) / real.sum(dim=1)


class AVSD(Reads):
    """The network; reads sound, picture and question."""

    trims = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.config = config.hidden, config
        self.reads(config.read, config.tokens, config.embed)
        self.lstm = nn.LSTM(config.embed if config.read == "tokens" else config.words, dim, batch_first=True)
        self.see, self.hear = nn.Linear(config.frames, dim), nn.Linear(config.audio, dim)
        self.attend = Attention(dim, config.shared, config.dropout)
        self.join = nn.LSTM(dim, dim, batch_first=True)
        drop = nn.Dropout(config.dropout)
        self.head = nn.Sequential(drop, nn.Linear(2 * dim, dim), nn.ReLU(), drop, nn.Linear(dim, config.answers))

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """All seconds of both streams, with every potential that does not involve the words."""
        rows = torch.arange(max(frames.shape[1], 4), device=frames.device).clamp(max=frames.shape[1] - 1)
        quarters = self.see(frames)[:, rows].tensor_split(4, dim=1)
        length = torch.full((len(frames),), frames.shape[1], device=frames.device)
        return self.attend.known([*quarters, self.hear(audio)]) | {"length": length}

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """Attention, the LSTM over the attended vectors, and the answer logits."""
        words, _ = run_lstm(self.lstm, vectors, padding)
        words = words.masked_fill(padding[..., None], 0.0)
        place = torch.arange(words.shape[1], device=words.device)
        prior = ((~padding * place).amax(dim=1, keepdim=True) == place).to(words.dtype)
        taken, weights = self.attend(memory, words, prior, padding if self.config.mask else None)
        joined, _ = self.join(torch.stack([taken[5], *taken[1:5]], dim=1))
        seen, length = torch.cat(weights[1:5], dim=1) / 4, int(memory["length"][0])
        if length < 4:  # repeat the last second of a clip shorter than four seconds
            seen = torch.cat([seen[:, : length - 1], seen[:, length - 1 :].sum(dim=1, keepdim=True)], dim=1)
        hidden = {f"taken{i}": x for i, x in enumerate(taken)} | {"joined": joined}
        logits = self.head(torch.cat([taken[0], joined[:, -1]], dim=-1))
        return Output(logits, attention={"seen": seen, "heard": weights[5]}, hidden=hidden, words={"both": weights[0]})


def build(config: Config) -> AVSD:
    """Build the net with random weights."""
    if config.variant != "released":
        raise RecipeError(f"avsd has no variant {config.variant!r}. There is: released.")
    return AVSD(config)


RULES = [
    (r"input_encoder\.embed\.weight", r"table.weight"),
    (r"input_encoder\.lstm\.(.*)", r"lstm.\1"),
    (r"emb_s\.(.*)", r"see.\1"),
    (r"emb_a\.(.*)", r"hear.\1"),
    (r"emb_temporal_sp\.(.*)", r"join.\1"),
]
ATTENTION = [
    (r"un_models\.(\d)\.embed\.(.*)", r"unary.\1.embed.\2"),
    (r"un_models\.(\d)\.feature_reduce\.(.*)", r"unary.\1.score.\2"),
    (r"pp_models\.(\d)\.embed_X\.(.*)", r"own.\1.one.\2"),
    (r"pp_models\.(\d)\.embed_Y\.(.*)", r"own.\1.other.\2"),
    (r"pp_models\.\((\d), (\d)\)\.embed_X\.(.*)", r"pairs.\1-\2.one.\3"),
    (r"pp_models\.\((\d), (\d)\)\.embed_Y\.(.*)", r"pairs.\1-\2.other.\3"),
    (r"reduce_potentials\.(\d)\.weight", r"mix.\1"),
]
SHARED = {0: [4, 5, 0, 1, 2, 3, 6, 7], 1: [0, 1, 2, 3], 2: [4, 5, 6, 0, 1, 2, 3]}  # our order of potentials in theirs


def attention(state: Mapping[str, Tensor], shared: bool = False) -> dict[str, Tensor]:
    """Rename the published tensors of the attention; weights of priors that are always 0 are removed."""
    result = renamed(state, ATTENTION)
    for name, tensor in result.items():
        if name.startswith("mix."):
            kind, mix = int(name.removeprefix("mix.")), tensor.flatten()
            result[name] = mix[SHARED[kind]] if shared else mix if kind == 0 else mix[:-1]
        elif tensor.dim() == 3:
            result[name] = tensor.squeeze(-1)
    return result


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors, up to the state that starts the decoder."""
    inside = {k.removeprefix("atten."): v for k, v in state.items() if k.startswith("atten.")}
    result = {k: v.squeeze(-1) if k in ("see.weight", "hear.weight") else v for k, v in renamed(state, RULES).items()}
    return result | {f"attend.{k}": v for k, v in attention(inside, "un_models.5.embed.weight" not in inside).items()}


def from_official(state_dict: Mapping[str, Tensor]) -> AVSD:
    """The released network from a published checkpoint. Its decoder is not used; the head has random weights."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(
        audio=checkpoints.size(state, "emb_a.weight", 1),
        frames=checkpoints.size(state, "emb_s.weight", 1),
        tokens=checkpoints.size(state, "input_encoder.embed.weight"),
        embed=checkpoints.size(state, "input_encoder.embed.weight", 1),
        hidden=checkpoints.size(state, "emb_a.weight"),
        shared="atten.un_models.5.embed.weight" not in state,
    )
    net = build(config)
    head = {name: tensor for name, tensor in net.state_dict().items() if name.startswith("head.")}
    return fitted(net, translated(state) | head)  # type: ignore[return-value]
