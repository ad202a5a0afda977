"""HieCoAtt: words, phrases and the question each look at the seconds, and the seconds look back.

    words ─ embed ─┬─ co-attention with seconds ─ q + v ─ tanh ─────────┐
                   ├─ 1, 2, 3-grams, largest ─ co-attention ─ q + v ─ [ ; ] ─ tanh ─┐
                   └──────── LSTM of phrases ─ co-attention ─ q + v ─────────────── [ ; ] ─ tanh ─ answers

Lu et al., "Hierarchical Question-Image Co-Attention for Visual Question Answering", NeurIPS 2016: phrases (Eq. 1-2),
`parallel` co-attention (Eq. 3-5), `alternating` (Eq. 6), the recursive head (Eq. 7). The official code alternates by
default, and so does this.

Adapted: seconds take the place of image regions, so it cannot know when. It is deaf in the papers' tables; with
`sound`, seconds of sound are further regions behind those of the picture, in the same attention. The published rows'
adaptation was never released and could not be checked. The evidence is the mean weight of each second over levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.errors import RecipeError
from lookhear.layers.attention import normalized
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
    attention: str = "alternating"
    """alternating or parallel"""
    hidden: int = 512
    dropout: float = 0.5


class CoAttention(nn.Module):
    """One level: a question's parts and a clip's seconds weigh each other. `take(regions)` is made once a clip."""

    def __init__(self, dim: int, dropout: float, parallel: bool) -> None:
        super().__init__()
        self.parallel, self.drop = parallel, nn.Dropout(dropout)
        self.affinity = nn.Linear(dim, dim, bias=False) if parallel else None
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
        self, q: Float[Tensor, "row word dim"], padding_mask: Bool[Tensor, "row word"], v: Tensor, taken: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(question vector, clip vector, weight of each word, weight of each second)."""
        score = lambda layer, x: layer(self.drop(x.tanh())).squeeze(-1)  # noqa: E731
        if self.parallel:
            near = torch.einsum("rwd,rnd->rwn", self.affinity(q), v).tanh().masked_fill(padding_mask[..., None], 0.0)
            asked = self.asked(q)
            clip, seen = weigh(score(self.score_seen, taken + near.transpose(1, 2) @ asked), v)
            question, read = weigh(score(self.score_asked, asked + near @ taken), q, padding_mask)
            return question, clip, read, seen
        whole, _ = weigh(score(self.score_first, self.first(q)), q, padding_mask)
        clip, seen = weigh(score(self.score_seen, taken + self.guide["seen"](whole)[:, None]), v)
        asked = score(self.score_asked, self.asked(q) + self.guide["asked"](clip)[:, None])
        question, read = weigh(asked, q, padding_mask)
        return question, clip, read, seen


class HieCoAttention(WatchAnswer):
    """Sees and reads."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        if config.attention not in ("alternating", "parallel"):
            raise RecipeError(f"hcattn: attention {config.attention!r} is neither alternating nor parallel.")
        dim, drop = config.hidden, nn.Dropout(config.dropout)
        widths = [config.frames] + [config.audio] * config.sound
        self.enter = nn.ModuleList(nn.Sequential(nn.Linear(width, dim), nn.Tanh(), drop) for width in widths)
        self.embed = nn.Sequential(nn.Linear(config.words, dim), nn.Tanh(), drop)
        self.grams = nn.ModuleList(nn.Conv1d(dim, dim, size) for size in (1, 2, 3))
        self.read = Reader(dim, dim, dim)
        self.levels = nn.ModuleList(CoAttention(dim, config.dropout, config.attention == "parallel") for _ in range(3))
        sizes = ((dim, dim), (2 * dim, dim), (2 * dim, 2 * dim))
        self.climb = nn.ModuleList(nn.Sequential(drop, nn.Linear(*size), nn.Tanh()) for size in sizes)
        self.head = nn.Sequential(drop, nn.Linear(2 * dim, config.answers))

    def regions(self, *streams: Float[Tensor, "clip time wide"]) -> Memory:
        """All seconds, and what each level's attention makes of them."""
        v = torch.cat([enter(x) for enter, x in zip(self.enter, streams, strict=True)], dim=1)
        length = torch.full((len(v),), streams[0].shape[1], device=v.device)
        return {"regions": v, "length": length} | {f"level{i}": level.take(v) for i, level in enumerate(self.levels)}

    def watch(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """The seconds of the picture."""
        return self.regions(frames)

    def hierarchy(self, words: Float[Tensor, "row word wide"], padding_mask: Bool[Tensor, "row word"]) -> list[Tensor]:
        """Words, phrases, and what has been read up to each phrase; padding is zero where a phrase reaches over it."""
        word = self.embed(words).masked_fill(padding_mask[..., None], 0.0)
        steps = rearrange(word, "row word dim -> row dim word")
        grams = [gram(F.pad(steps, ((size - 1) // 2, size // 2))) for size, gram in enumerate(self.grams, start=1)]
        phrase = rearrange(torch.stack(grams).tanh().amax(dim=0), "row dim word -> row word dim")
        return [word, phrase, self.read.run(phrase, padding_mask)[0]]

    def answer(self, memory: Memory, words: Float[Tensor, "question word wide"]) -> Output:
        """Logits of the answers and the weight of each second. Rows of `words` that are all zero are padding."""
        words, padding_mask = real_words(words)
        v, below, weights, reads = memory["regions"], [], [], []
        for i, q in enumerate(self.hierarchy(words, padding_mask)):
            asked, clip, read, weight = self.levels[i](q, padding_mask, v, memory[f"level{i}"])
            below = [self.climb[i](torch.cat([asked + clip, *below], dim=-1))]
            weights, reads = [*weights, weight], [*reads, read]
        mean, length = sum(weights) / len(weights), int(memory["length"][0])
        parts = {"seen": mean[:, :length], "heard": mean[:, length:]}
        attention = {side: normalized(part) for side, part in parts.items() if part.shape[1]}
        return Output(
            self.head(below[0]), attention=attention, hidden={"regions": mean, "words": torch.stack(reads, 1)}
        )


class HearingHieCoAttention(HieCoAttention):
    """Hears too."""

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """The seconds of the picture, and behind them those of the sound."""
        return self.regions(frames, audio)


def build(config: Config) -> HieCoAttention:
    """The net, freshly initialised."""
    return HearingHieCoAttention(config) if config.sound else HieCoAttention(config)
