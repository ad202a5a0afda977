"""HAVF: ensemble of three decoders with early, middle and late fusion of sound, over the question's options.

    early    the net on pictures concatenated with the clip's mean sound, projected back to the pictures' width
    middle   the net unchanged; left out if the net has no `audio` stream
    late     the net, with a term of sound and question added to its logits:  W ELU(F [a; q]) * sigmoid(G [a; q])
    answer   mean of the decoders' distributions over the options

Yang et al., "AVQA: A Dataset for Audio-Visual Question Answering on Videos", ACM MM 2022, figure 3. The released code
trains one level per run and has no ensemble (its HCRN is `nets/hcrn`, whose `sound` names the level). This is our
reading of the figure, for any net with a visual stream. The decoders are copies of the net and are trained together.
The loss is the sum of their hinge losses over the options; the correct option is included, as released.

The wrapper is kept after training. Contract: `answer` and `losses` request the net's streams. With `options` set,
`answer` also requests `options`, bool (question, answer): the candidates of each question among the vocabulary. A
dataset with candidates provides it. An answer that is no candidate gets probability 0.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.debias._around import QUESTION, VISUAL, Wrapper, part
from lookhear.errors import RecipeError
from lookhear.types import Memory, Output

STAYS = True


@dataclass(frozen=True)
class Config:
    """Sizes of the decoders; a stream's width has the stream's name."""

    options: bool = False
    """restrict answers to the question's options: request the stream `options`"""
    hidden: int = 256
    """hidden width of the late branch"""
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


class LateFusion(nn.Module):
    """Late fusion: gated update of the logits from sound and question."""

    def __init__(self, question: str, config: Config):
        super().__init__()
        dim, self.question = config.hidden, question
        wide = dim if question == "tokens" else getattr(config, question)
        self.embed = nn.Embedding(config.tokens, dim, padding_idx=0) if question == "tokens" else None
        self.sound, self.ask = nn.Linear(config.audio, dim), nn.Linear(wide, dim)
        self.joint, self.gate = nn.Linear(2 * dim, dim), nn.Linear(2 * dim, dim)
        self.out = nn.Linear(dim, config.answers)

    def forward(self, sound: Float[Tensor, "row dim"], asked: Tensor) -> Float[Tensor, "row answer"]:
        """Logits to add, from `sound` and the question stream `asked`: a vector, word vectors or token ids per row.

        Word vectors that are all zero, and token ids that are 0, are padding.
        """
        vectors = self.embed(asked) if self.embed is not None else asked
        if vectors.dim() > 2:
            real = (vectors != 0).any(dim=-1, keepdim=True).to(vectors.dtype)
            vectors = (vectors * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)
        both = torch.cat([self.sound(sound), self.ask(vectors)], dim=-1)
        return self.out(F.elu(self.joint(both)) * self.gate(both).sigmoid())


class HAVF(Wrapper):
    """Three decoders, each with a copy of the net."""

    stays = True

    def __init__(self, net: nn.Module, config: Config):
        super().__init__(net)
        self.config = config
        watched, asked = self.ordered("watch"), self.ordered("answer")
        sight = [s for s in VISUAL if s in watched and hasattr(config, s)]
        words = [s for s in QUESTION if s in asked]
        if not sight or not words:
            raise RecipeError(
                f"havf joins sound with frames or patches and a question; this net requests {', '.join(watched)} and "
                f"{', '.join(n for n in asked if n != 'memory')}."
            )
        self.sight, self.hears = sight[0], "audio" in watched
        self.early = copy.deepcopy(net)
        self.late = copy.deepcopy(net) if self.hears else None
        width = getattr(config, self.sight)
        self.enter = nn.Linear(width + config.audio, width)
        with torch.no_grad():  # initialised as the identity on the pictures
            self.enter.weight.zero_()
            self.enter.weight[:, :width].copy_(torch.eye(width))
            self.enter.bias.zero_()
        self.moved = LateFusion(words[0], config)

    def decoders(self) -> dict[str, nn.Module]:
        """The nets by level."""
        if self.late is None:
            return {"early": self.early, "late": self.net}
        return {"early": self.early, "middle": self.net, "late": self.late}

    def further(self, method: str) -> tuple[str, ...]:
        """`audio`, if the net does not request it; `options`, if configured."""
        if method == "watch":
            return () if self.hears else ("audio",)
        return ("options",) if self.config.options else ()

    def _watch(self, **streams: Tensor) -> Memory:
        sound = streams["audio"].mean(dim=1)
        own = {n: x for n, x in streams.items() if n in self.ordered("watch")}
        x = own[self.sight]
        beside = sound.view(len(sound), *[1] * (x.dim() - 2), -1).expand(*x.shape[:-1], -1)
        memory = {"sound": sound}
        for level, net in self.decoders().items():
            given = {**own, self.sight: self.enter(torch.cat([x, beside], dim=-1))} if level == "early" else own
            memory |= {f"{level}/{n}": t for n, t in net.watch(**given).items()}
        return memory

    def _answer(
        self, memory: Memory, options: Bool[Tensor, "question answer"] | None = None, **streams: Tensor
    ) -> Output:
        outputs = {level: net.answer(part(memory, f"{level}/"), **streams) for level, net in self.decoders().items()}
        logits = {level: output.logits for level, output in outputs.items()}
        logits["late"] = logits["late"] + self.moved(memory["sound"], streams[self.moved.question])
        if options is not None:
            logits = {level: x.masked_fill(~options, -torch.inf) for level, x in logits.items()}
        mean = torch.stack([x.softmax(dim=-1) for x in logits.values()]).mean(dim=0).clamp(min=1e-30).log()
        first = outputs["middle" if self.hears else "late"]
        hidden = {f"by_{level}": x for level, x in logits.items()}
        return Output(mean, attention=first.attention, hidden=hidden)

    def _losses(self, output: Output, labels: Int[Tensor, " question"], **streams: Tensor) -> dict[str, Tensor]:
        return {n: hinge(x, labels) for n, x in output.hidden.items() if n.startswith("by_")}

    @property
    def losses(self) -> Callable[..., dict[str, Tensor]]:
        """`losses(output, labels)`, without streams: each decoder's logits are in `output.hidden`."""
        return lambda output, labels: self._losses(output, labels)


def hinge(logits: Float[Tensor, "question answer"], labels: Int[Tensor, " question"]) -> Tensor:
    """Hinge loss with margin 1 over the offered answers, including the correct one, so that its minimum is 1."""
    right = logits.gather(1, labels[:, None])
    over = (1 + logits - right).clamp(min=0)
    return over.masked_fill(logits == -torch.inf, 0.0).sum() / len(labels)


def build(config: Config) -> Callable[[nn.Module], HAVF]:
    """A function that wraps a net: an ensemble of three copies."""
    return lambda net: HAVF(net, config)
