"""MCCD: increase the distance of the joint logits to unimodal logits, and keep the unimodal logits consistent.

    net(question, sound, picture) ─▶ f ─┬─ cross-entropy with the answer
    learner(question) ─▶ q ─┬─ 1/‖f−q‖ ─┤  distance (eq. 1): f far from all unimodal logits
    learner(sound)    ─▶ a ─┼─ 1/‖f−a‖ ─┤
    learner(picture)  ─▶ v ─┴─ 1/‖f−v‖ ─┘
    q → a → v → q: KL of each to the next     cycle (eq. 2, 3): unimodal logits close to each other

Ma et al., "Look, Listen, and Answer: Overcoming Biases for Audio-Visual Question Answering", NeurIPS 2024. It wraps any
net: `build(config)(net)` has the net's `watch`, `answer` and `losses` with the net's argument names, and adds two
losses. The net itself is at `.net`; the learners belong to the wrapper and are dropped after training. A net with
unimodal heads (`nets/mccd`) uses its own unimodal logits. For other nets, a learner is three layers on the temporal
mean of the streams of its modality.

    distance   released: α · Σ 0.333 / (mean over the batch of d + 1e-5), 1e-6 added to each difference before d
               paper:    α/3 · Σ mean over the batch of 1 / (d + 1e-5)
    cycle      released: 0.333 · 0.333 · Σ KL                    paper: β/3 · Σ KL with β = 0.3

In both variants the learners have no loss on the label, and gradients reach the net through both terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lookhear.debias._around import AUDIO, QUESTION, VISUAL, Wrapper
from lookhear.errors import RecipeError
from lookhear.layers.watch_answer import SpeaksAlone
from lookhear.types import Memory, Output

MODALITIES = {"question": QUESTION, "audio": AUDIO, "visual": VISUAL}
CYCLE = ("question", "audio", "visual")  # KL of each to the next, of the last to the first


STAYS = False


@dataclass(frozen=True)
class Config:
    """Weights of the terms and sizes of the learners; a stream's width has the stream's name."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    alpha: float = 0.01
    """weight of the distance; 0 leaves it out (table 3, w/o MD)"""
    beta: float | None = None
    """weight of the cycle: 0.333 as released, 0.3 in the paper; 0 leaves it out (table 3, w/o CG)"""
    without: str = ""
    """question, audio or visual: leave out the distance to this learner (table 3, w/o d)"""
    hidden: int = 768
    """hidden width"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    patches: int = 512
    """width of the stream `patches`"""
    question: int = 768
    """width of the stream `question`"""
    words: int = 768
    """width of the stream `words`"""
    tokens: int = 30522
    """size of the token vocabulary; id 0 is padding"""
    pixels: int = 192
    spectrogram: int = 192
    waveform: int = 32000


def distance(fusion: Tensor, single: Tensor, variant: str = "released") -> Tensor:
    """Inverse distance of unimodal logits to the joint logits: one of the three terms of eq. 1, without its α."""
    if variant == "released":
        return 0.333 / (F.pairwise_distance(fusion, single, eps=1e-6).mean() + 1e-5)
    return (1 / (torch.linalg.vector_norm(fusion - single, dim=-1) + 1e-5)).mean() / 3


def guidance(single: Mapping[str, Tensor]) -> Tensor:
    """Sum over the cycle of KL(p of one modality ‖ p of the next), eq. 2 and 3 without their factor."""
    names = [n for n in CYCLE if n in single]
    pairs = zip(names, names[1:] + names[:1], strict=True) if len(names) > 1 else []
    terms = [divergence(single[one], single[following]) for one, following in pairs]
    return torch.stack(terms).sum() if terms else next(iter(single.values())).sum() * 0


def divergence(target: Tensor, other: Tensor) -> Tensor:
    """KL(softmax target ‖ softmax other), mean over the batch. Gradients reach both."""
    return F.kl_div(other.log_softmax(dim=-1), target.softmax(dim=-1), reduction="batchmean")


class Learner(nn.Module):
    """Unimodal bias learner: three layers on the temporal mean of a modality's streams."""

    def __init__(self, streams: tuple[str, ...], config: Config):
        super().__init__()
        self.streams = streams
        wide = [config.hidden if s == "tokens" else getattr(config, s) for s in streams]
        self.embed = nn.Embedding(config.tokens, config.hidden, padding_idx=0) if "tokens" in streams else None
        self.layers = nn.Sequential(
            *(nn.Linear(sum(wide), config.hidden), nn.ReLU()),
            *(nn.Linear(config.hidden, config.hidden), nn.ReLU()),
            nn.Linear(config.hidden, config.answers),
        )

    def forward(self, given: Mapping[str, Tensor]) -> Tensor:
        """Unimodal logits. Rows of a stream that are all zero are padding and left out of the mean."""
        pooled = []
        for name in self.streams:
            stream = self.embed(given[name]) if name == "tokens" and self.embed else given[name]
            stream = stream.to(self.layers[0].weight.dtype)
            if stream.ndim > 2:
                stream = stream.flatten(1, -2)
                real = (stream != 0).any(dim=-1, keepdim=True).to(stream.dtype)
                stream = (stream * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
            pooled.append(stream)
        return self.layers(torch.cat(pooled, dim=-1))


class MCCD(Wrapper):
    """A net wrapped with the debiasing objective."""

    def __init__(self, net: nn.Module, config: Config):
        super().__init__(net)
        self.config = config
        self.beta = {"released": 0.333, "paper": 0.3}[config.variant] if config.beta is None else config.beta
        self.learners = nn.ModuleDict()
        self.hears_at: dict[str, str] = {}  # modality -> the method that receives its streams
        if isinstance(net, SpeaksAlone):  # the net has unimodal heads; enable them
            net.speaks_alone = True
            return
        for method in ("watch", "answer"):
            for modality, streams in MODALITIES.items():
                have = tuple(s for s in streams if s in self.ordered(method))
                if have and modality not in self.learners:
                    self.learners[modality], self.hears_at[modality] = Learner(have, config), method
        if not self.learners:
            raise RecipeError(f"mccd knows none of the streams this net requests: {', '.join(self.ordered('answer'))}.")

    def _watch(self, **streams: Tensor) -> Memory:
        memory = self.net.watch(**streams)
        return {**memory, **self._alone("watch", streams)}

    def _answer(self, memory: Memory, **streams: Tensor) -> Output:
        single = {k: v for k, v in memory.items() if k.startswith("alone_")}
        output = self.net.answer({k: v for k, v in memory.items() if k not in single}, **streams)
        single |= self._alone("answer", streams)
        return replace(output, hidden={**output.hidden, **single})

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        result = self.own_losses(output, labels, **streams)
        single = self.opinions(output)
        kept = [z for name, z in single.items() if name != self.config.without]
        terms = [distance(output.logits, z, self.config.variant) for z in kept]
        third = 0.333 if self.config.variant == "released" else 1 / 3
        off = output.logits.new_zeros(())  # not 0 times a term: without the other one, a term may become infinite
        result["distance"] = self.config.alpha * torch.stack(terms).sum() if terms and self.config.alpha else off
        result["cycle"] = third * self.beta * guidance(single) if self.beta else off
        return result

    def opinions(self, output: Output) -> dict[str, Tensor]:
        """Unimodal logits computed by `answer`. Raises RecipeError if gradients were disabled there."""
        if self.learners:
            single = {m: output.hidden[f"alone_{m}"] for m in self.learners if f"alone_{m}" in output.hidden}
        else:
            single = {m: output.opinions[m] for m in CYCLE if m in output.opinions}
        if len(single) < (len(self.learners) or len(CYCLE)):
            raise RecipeError(
                "mccd's losses need opinions: call watch and answer with gradients on (not torch.no_grad)."
            )
        return single

    def _alone(self, method: str, streams: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if not torch.is_grad_enabled():
            return {}
        return {f"alone_{m}": learner(streams) for m, learner in self.learners.items() if self.hears_at[m] == method}


def build(config: Config) -> Callable[[nn.Module], MCCD]:
    """A function that wraps a net with the objective."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"mccd has no variant {config.variant!r}. There are: released, paper.")
    if config.without not in ("", *CYCLE):
        raise RecipeError(f"mccd has no distance to {config.without!r}. There are: {', '.join(CYCLE)}.")
    return lambda net: MCCD(net, config)
