"""AVSD, the simple baseline: words, sound and four quarters of the picture weigh one another; an LSTM goes over them.

    words ─ LSTM ─┬─ factor graph attention ─ attended words ──────────────────────────┐
    frames ───────┤                         ─ sound, quarter 1, 2, 3, 4 ─ LSTM ─ last ─┴─ MLP ─ answers
    audio ────────┘

Schwartz et al., "A Simple Baseline for Audio-Visual Scene-Aware Dialog", CVPR 2019. Its attention (Schwartz et al.,
"Factor Graph Attention", CVPR 2019) gives every element a sum, with learned weights, of what it is by itself, how it
goes with its own stream, how it goes with each of the others (mean cosine), and a prior that marks the last word.

Adapted: the paper attends to places in four frames of a clip; here to seconds in its four quarters, which share
weights as the frames do. The history of the dialogue is gone, and logits take the place of the answer's LSTM. How the
published rows did this was never released and could not be checked. The official unary potentials keep dropout in
evaluation (no `training` is passed on); these do not. The evidence is the attention to each second, a quarter of the
weight to each quarter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.recurrent import Reader, real_words, weigh
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output

QUARTERS = 4


@dataclass(frozen=True)
class Config:
    """Sizes. Widths of streams carry the streams' names."""

    answers: int = 42
    audio: int = 128
    frames: int = 512
    words: int = 512
    embed: int = 128
    hidden: int = 256
    dropout: float = 0.5


class Alone(nn.Module):
    """What an element is by itself, and how it goes with its own stream."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.unary = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, 1))
        self.one, self.other = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x: Float[Tensor, "row n dim"], padding_mask: Tensor | None = None) -> Float[Tensor, "row n two"]:
        """Both potentials."""
        own = unit(self.one(x)) @ middle(unit(self.other(x)), padding_mask)[..., None]
        return torch.cat([self.unary(x), own], dim=-1)


class Pair(nn.Module):
    """How two streams go together: each is embedded, and an element's potential is its mean cosine with the other."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(dim, dim), nn.Linear(dim, dim)


def unit(x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
    """Of length 1."""
    return F.normalize(x, dim=-1)


def middle(
    x: Float[Tensor, "row n dim"], padding_mask: Bool[Tensor, "row n"] | None = None
) -> Float[Tensor, "row dim"]:
    """Mean over what is not padding."""
    if padding_mask is None:
        return x.mean(dim=1)
    real = (~padding_mask).to(x.dtype)[..., None]
    return (x * real).sum(dim=1) / real.sum(dim=1)


def quarters(x: Float[Tensor, "row time dim"]) -> tuple[Tensor, ...]:
    """Four parts in order, as equal as they can be; one a second where there are fewer."""
    return x.tensor_split(min(QUARTERS, x.shape[1]), dim=1)


class AVSD(WatchAnswer):
    """Sees, hears and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim = config.hidden
        self.read = Reader(config.words, config.embed, dim, dropout=config.dropout)
        self.see, self.hear = (nn.Sequential(nn.Linear(n, dim), nn.ReLU()) for n in (config.frames, config.audio))
        self.own = nn.ModuleDict({side: Alone(dim, config.dropout) for side in ("read", "seen", "heard")})
        self.heard_seen, self.read_seen, self.read_heard = Pair(dim), Pair(dim), Pair(dim)
        counts = {"read": 3 + QUARTERS + 1, "seen": 2 + 2, "heard": 2 + QUARTERS + 1}
        self.mix = nn.ModuleDict({side: nn.Linear(count, 1, bias=False) for side, count in counts.items()})
        self.join = nn.LSTM(dim, dim, batch_first=True)
        drop = nn.Dropout(config.dropout)
        self.head = nn.Sequential(drop, nn.Linear(2 * dim, dim), nn.ReLU(), drop, nn.Linear(dim, config.answers))

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """Every second of both streams with all potentials in which no word has a part."""
        heard, seen = self.hear(audio), self.see(frames)
        by_heard, by_seen = unit(self.heard_seen.one(heard)), quarters(unit(self.heard_seen.other(seen)))
        near = middle(by_heard)[..., None]
        heard_near = torch.stack([by_heard @ middle(part)[..., None] for part in by_seen], dim=-1).squeeze(-2)
        own = [torch.cat([self.own["seen"](x), y @ near], dim=-1) for x, y in zip(quarters(seen), by_seen, strict=True)]
        to_read = unit(self.read_seen.other(seen))
        return {
            "seen": seen,
            "seen_known": torch.cat(own, dim=1),
            "seen_to_read": to_read,
            "seen_middle": pad(torch.stack([middle(part) for part in quarters(to_read)], dim=-1)),
            "heard": heard,
            "heard_known": torch.cat([self.own["heard"](heard), pad(heard_near)], dim=-1),
            "heard_to_read": unit(self.read_heard.other(heard)),
        }

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        read, _ = self.read(words, padding_mask)
        by_seen, by_heard = unit(self.read_seen.one(read)), unit(self.read_heard.one(read))
        place = torch.arange(words.shape[1], device=words.device)
        last = (~padding_mask * place).amax(dim=1, keepdim=True) == place
        known = [self.own["read"](read, padding_mask), by_seen @ memory["seen_middle"]]
        known += [by_heard @ middle(memory["heard_to_read"])[..., None], last[..., None].to(read.dtype)]
        question, _ = weigh(self.mix["read"](torch.cat(known, dim=-1)).squeeze(-1), read, padding_mask)

        near = memory["heard_to_read"] @ middle(by_heard, padding_mask)[..., None]
        scores = self.mix["heard"](torch.cat([memory["heard_known"], near], dim=-1)).squeeze(-1)
        sound, heard = weigh(scores, memory["heard"])
        near = memory["seen_to_read"] @ middle(by_seen, padding_mask)[..., None]
        scores = self.mix["seen"](torch.cat([memory["seen_known"], near], dim=-1))
        looks = [weigh(s.squeeze(-1), x) for s, x in zip(quarters(scores), quarters(memory["seen"]), strict=True)]
        steps = torch.stack([sound, *(taken for taken, _ in looks)], dim=1)
        seen = torch.cat([weight for _, weight in looks], dim=1) / len(looks)
        joined = self.join(steps)[0][:, -1]
        return Output(self.head(torch.cat([question, joined], dim=-1)), attention={"seen": seen, "heard": heard})


def pad(x: Float[Tensor, "*rows part"]) -> Float[Tensor, "*rows quarter"]:
    """Potentials with quarters that a very short clip lacks: they are 0."""
    return F.pad(x, (0, QUARTERS - x.shape[-1]))


def build(config: Config) -> AVSD:
    """The net, freshly initialised."""
    return AVSD(config)
