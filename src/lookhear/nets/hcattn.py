"""HieCoAtt: hierarchical co-attention of words, phrases and question with the seconds of the clip.

    words ─ embed ─┬─ co-attention with seconds ─ q + v ─ tanh ─────────┐
                   ├─ 1, 2, 3-grams, largest ─ co-attention ─ q + v ─ [ ; ] ─ tanh ─┐
                   └──────── LSTM of phrases ─ co-attention ─ q + v ─────────────── [ ; ] ─ tanh ─ answers

Lu et al., "Hierarchical Question-Image Co-Attention for Visual Question Answering", NeurIPS 2016: phrases (Eq. 1-2),
`parallel` co-attention (Eq. 3-5), `alternating` (Eq. 6), the recursive head (Eq. 7). Alternating is the default, as in
the official code.

`variant="released"` equals the official graph (jiasenlu/HieCoAttenVQA, Lua Torch 7), compared with a transcription,
because the original could not be run. It has a trained embedding, a two-layer LSTM, a bigram that ends at its word and
a trigram centred on it. In the parallel attention padding is masked in the softmax over words only, so the number of
padding words affects the result. In `variant="paper"` both n-grams start at their word, as Eq. 1 says. With
`read="words"`, projected word vectors of a frozen encoder replace the embedding. Seconds replace image regions, so the
net has no temporal order. With `sound`, seconds of sound are appended as further regions of the same attention
(published AVQA results use no sound, and their adaptation was never released). The evidence is the mean weight of each
second and of each word over the levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import normalized
from lookhear.layers.recurrent import weigh
from lookhear.layers.token_table import Options, Reads, TwoStreamNet, run_lstm
from lookhear.layers.translate import fitted, renamed
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    sound: bool = False
    """also read the stream `audio`"""
    attention: str = "alternating"
    """alternating or parallel"""
    hidden: int = 512
    """hidden width"""
    dropout: float = 0.5
    """dropout probability"""


class CoAttention(nn.Module):
    """Co-attention of one level between question elements and seconds. `take(regions)` is computed once per clip."""

    def __init__(self, dim: int, dropout: float, parallel: bool) -> None:
        super().__init__()
        self.parallel, self.drop = parallel, nn.Dropout(dropout)
        self.affinity = nn.Linear(dim, dim) if parallel else None
        self.seen, self.asked = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.score_seen, self.score_asked = nn.Linear(dim, 1), nn.Linear(dim, 1)
        guides = () if parallel else ("seen", "asked")
        self.guide = nn.ModuleDict({name: nn.Linear(dim, dim, bias=False) for name in guides})
        self.first = None if parallel else nn.Linear(dim, dim)
        self.score_first = None if parallel else nn.Linear(dim, 1)

    def take(self, v: Float[Tensor, "clip n dim"]) -> Float[Tensor, "clip n dim"]:
        """W_v V."""
        return self.seen(v)

    def forward(
        self, q: Float[Tensor, "row word dim"], padding: Bool[Tensor, "row word"], v: Tensor, taken: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(question vector, clip vector, weight of each word, weight of each second)."""
        score = lambda layer, x: layer(self.drop(x.tanh())).squeeze(-1)  # noqa: E731
        if self.parallel:
            # x (K v + k)ᵀ: the published map is of regions, its matrix the transpose of ours
            near = q @ F.linear(v, self.affinity.weight.T, self.affinity.bias).transpose(1, 2)
            near = near.tanh()
            asked = self.asked(q)
            clip, seen = weigh(score(self.score_seen, taken + near.transpose(1, 2) @ asked), v)
            question, read = weigh(score(self.score_asked, asked + near @ taken), q, padding)
            return question, clip, read, seen
        assert self.first is not None, "the alternating attention begins with the question"
        whole, _ = weigh(score(self.score_first, self.first(q)), q, padding)
        clip, seen = weigh(score(self.score_seen, taken + self.guide["seen"](whole)[:, None]), v)
        question, read = weigh(score(self.score_asked, self.asked(q) + self.guide["asked"](clip)[:, None]), q, padding)
        return question, clip, read, seen


class HieCoAttention(Reads, TwoStreamNet):
    """The network; reads picture (and sound, with `sound`) and question."""

    trims = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        if config.attention not in ("alternating", "parallel"):
            raise RecipeError(f"hcattn: attention {config.attention!r} is neither alternating nor parallel.")
        self.config, dim, self.hears = config, config.hidden, config.sound
        self.drop = nn.Dropout(config.dropout)
        self.before = BEFORE[config.variant]
        widths = [config.frames] + [config.audio] * config.sound
        self.enter = nn.ModuleList(nn.Sequential(nn.Linear(width, dim), nn.Tanh(), self.drop) for width in widths)
        self.reads(config.read, config.tokens, dim)
        self.embed = nn.Identity() if config.read == "tokens" else nn.Linear(config.words, dim)
        self.grams = nn.ModuleList(nn.Conv1d(dim, dim, size) for size in (1, 2, 3))
        self.lstm = nn.LSTM(dim, dim, 2, batch_first=True, dropout=config.dropout)
        parallel = config.attention == "parallel"
        self.levels = nn.ModuleList(CoAttention(dim, config.dropout, parallel) for _ in range(3))
        sizes = ((dim, dim), (2 * dim, dim), (2 * dim, 2 * dim))
        self.climb = nn.ModuleList(nn.Sequential(self.drop, nn.Linear(*size), nn.Tanh()) for size in sizes)
        self.head = nn.Sequential(self.drop, nn.Linear(2 * dim, config.answers))

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """All seconds, and their projections for the attention of each level."""
        streams = [seen] if heard is None else [seen, heard]
        v = torch.cat([enter(x) for enter, x in zip(self.enter, streams, strict=True)], dim=1)
        length = torch.full((len(v),), seen.shape[1], device=v.device)
        return {"regions": v, "length": length} | {f"level{i}": level.take(v) for i, level in enumerate(self.levels)}

    def grams_of(self, word: Float[Tensor, "row word dim"]) -> Float[Tensor, "row word dim"]:
        """The maximum over the 1-, 2- and 3-grams at each word."""
        steps = rearrange(word, "row word dim -> row dim word")
        pads = [(back, size - 1 - back) for size, back in enumerate(self.before, start=1)]
        grams = [gram(F.pad(steps, pad)) for gram, pad in zip(self.grams, pads, strict=True)]
        return rearrange(torch.stack(grams).amax(dim=0).tanh(), "row dim word -> row word dim")

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """Words, phrases and the question; the three levels of attention; the recursive head."""
        word = self.drop(self.embed(vectors).tanh()).masked_fill(padding[..., None], 0.0)
        phrase = self.drop(self.grams_of(word))
        question = self.drop(run_lstm(self.lstm, phrase, padding)[0])
        v = memory["regions"]
        below, weights, reads = list[Tensor](), list[Tensor](), list[Tensor]()
        for i, q in enumerate((word, phrase, question)):
            asked, clip, read, weight = self.levels[i](q, padding, v, memory[f"level{i}"])
            below = [self.climb[i](torch.cat([asked + clip, *below], dim=-1))]
            weights, reads = [*weights, weight], [*reads, read]
        total, length = sum(weights[1:], weights[0]), int(memory["length"][0])
        mean = total / len(weights)
        parts = {"seen": mean[:, :length], "heard": mean[:, length:]}
        attention = {side: normalized(part) for side, part in parts.items() if part.shape[1]}
        levels = torch.stack(reads, 1)
        words = {"both" if self.hears else "seen": levels.mean(dim=1)}
        return Output(self.head(below[0]), attention=attention, hidden={"regions": mean, "words": levels}, words=words)


BEFORE = {"released": (0, 1, 1), "paper": (0, 0, 0)}  # words before its own at which an n-gram begins


def build(config: Config) -> HieCoAttention:
    """Build the net with random weights."""
    if config.variant not in BEFORE:
        raise RecipeError(f"hcattn has no variant {config.variant!r}. There are: {', '.join(BEFORE)}.")
    return HieCoAttention(config)


RULES = [
    (r"table", r"table.weight"),
    (r"cnn\.(.*)", r"enter.0.0.\1"),
    *((rf"{name}\.(.*)", rf"grams.{i}.\1") for i, name in enumerate(("uni", "bi", "tri"))),
    *((rf"r{i + 1}\.(.*)", rf"climb.{i}.1.\1") for i in range(3)),
    (r"out\.(.*)", r"head.1.\1"),
    *(
        (rf"{level}\.{old}\.(.*)", rf"levels.{i}.{new}.\1")
        for i, level in enumerate(("word", "phrase", "ques"))
        for old, new in {
            "q1": "first",
            "h1": "score_first",
            "img": "seen",
            "guide_img": "guide.seen",
            "h2": "score_seen",
            "q3": "asked",
            "guide_q": "guide.asked",
            "h3": "score_asked",
            "corr": "affinity",
            "q": "asked",
            "hq": "score_asked",
            "hv": "score_seen",
        }.items()
    ),
]


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the transcription's tensors: gates in torch's order, added biases merged into one."""
    result = renamed(state, RULES)
    for name in [n for n in result if ".guide." in n and n.endswith(".bias")]:
        whole = name.replace(".guide.", ".")
        result[whole] = result[whole] + result.pop(name)
    for name in [n for n in result if n.endswith("affinity.weight")]:
        result[name] = result[name].T
    for old, new in (("i2h", "ih"), ("h2h", "hh")):
        for layer in (0, 1):
            for kind in ("weight", "bias"):
                i, f, o, g = state[f"{old}.{layer}.{kind}"].chunk(4)
                result[f"lstm.{kind}_{new}_l{layer}"] = torch.cat([i, f, g, o])
    return result


def from_official(state_dict: Mapping[str, Tensor]) -> HieCoAttention:
    """The released network from tensors named as our transcription of the Lua graph names them (`RULES`)."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(
        answers=checkpoints.size(state, "out.weight"),
        frames=checkpoints.size(state, "cnn.weight", 1),
        tokens=checkpoints.size(state, "table"),
        hidden=checkpoints.size(state, "cnn.weight"),
        attention="parallel" if "word.corr.weight" in state else "alternating",
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
