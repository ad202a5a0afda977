"""SaSR-Net: grouping of sound and picture by 22 instrument tokens, followed by AVST's grounding and attention.

    audio ─ MLP ─ a ─┐ trunk with 22 tokens, soft grouping by the picture, hard grouping by token ─ y_a ┐
    patches ─ mean ──┴ trunk with 22 tokens, hard grouping by token ─────────────────────────────── y_v ┴ AVST
                                         └ which instruments are there (training only)

Yang et al., "SaSR-Net: Source-Aware Semantic Representation Network for Enhancing Audio-Visual Question Answering",
EMNLP 2024 Findings; the grouping is CIGN's. The tokens stand for `SOURCES`, in this order.

`variant="released"` equals the official network (Tianyu-yang-anna/SaSR-Net) tensor by tensor; it fixes the number of
seconds, `steps`. Its "3-D" picture input is the 2-D input again. Loss: cross-entropy + 0.5 match + 0.5 identity of the
tokens + 0.5 (classification of sources heard + seen). The last term needs a stream `items` (question, source) of 0 and
1, which no dataset provides (the official repository lacks that file too); `items=true` requests it. Tokens start at
zero, as released. Only the answer head reads the question, so `watch` does nearly all of the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import FeatureError, RecipeError
from lookhear.layers.grouping import Grouped
from lookhear.layers.translate import fitted
from lookhear.nets import avst
from lookhear.types import Memory, Output

SOURCES = (
    *("cello", "congas", "pipa", "ukulele", "piano", "accordion", "clarinet", "guzheng", "saxophone", "drum", "violin"),
    *("bagpipe", "bassoon", "acoustic_guitar", "banjo", "electric_bass", "flute", "trumpet", "erhu", "xylophone"),
    *("tuba", "suona"),
)


@dataclass(frozen=True)
class Config:
    """Sizes. The published network reads 14 x 14 patches of width 512 and audio of width 128; it has 92 words and
    padding."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    patches: int = 512
    """width of the stream `patches`, and hidden width"""
    tokens: int = 93
    """size of the token vocabulary; id 0 is padding"""
    words: int = 14
    """smallest number of tokens that the question encoder reads, padding included"""
    sources: int = 22
    """number of source tokens"""
    heads: int = 4
    """heads of the question's attention; the grouping has 8"""
    depth: int = 3
    """transformer layers"""
    every: int = 6
    """temporal stride: use every n-th second"""
    steps: int = 10
    """number of seconds used, which must be exact"""
    items: bool = False
    """add the loss on sources, for which `losses` requests the stream `items`"""
    weight: float = 0.5
    """weight of each loss besides the answer's"""
    dropout: float = 0.1
    """dropout probability"""


class Sources(nn.Module):
    """The source-aware part: tokens, projections, and the grouping of both sequences."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim = config.patches
        self.av_token = nn.Parameter(torch.zeros(config.sources, dim))
        self.fc_a, self.fc_v, self.fc_st = (nn.Linear(dim, dim) for _ in range(3))
        self.fc_fusion = nn.Linear(2 * dim, dim)
        sizes = (dim, config.sources, 8, config.depth, True)
        self.audio_cug = Grouped(*sizes, other=config.steps, close=True)
        self.visual_cug = Grouped(*sizes, close=True)
        self.fc_prob_a, self.fc_prob_v = nn.Linear(dim, 1), nn.Linear(dim, 1)
        self.fc_cls = nn.Linear(dim, config.sources)

    def forward(self, a: Float[Tensor, "row step dim"], v: Float[Tensor, "row step dim"]) -> dict[str, Tensor]:
        """`heard` and `seen` (row, step, dim), logits of the sources in both (row, source), assignments."""
        x, y = self.fc_a(a), self.fc_fusion(torch.cat([self.fc_v(v), self.fc_st(v)], dim=-1))
        heard, seen = self.audio_cug(x, self.av_token, y), self.visual_cug(y, self.av_token)
        found = {"heard": heard["out"], "seen": seen["out"]}
        found |= {"heard_assign": heard["assign"], "seen_assign": seen["assign"]}
        found["heard_sources"] = self.fc_prob_a(heard["groups"]).squeeze(-1)
        return found | {"seen_sources": self.fc_prob_v(seen["groups"]).squeeze(-1)}


class SaSRNet(avst.Answering):
    """The network; reads sound, picture and question."""

    def __init__(self, config: Config) -> None:
        fields = ("answers", "audio", "patches", "tokens", "words", "heads", "dropout", "every")
        super().__init__(avst.Config(**{name: getattr(config, name) for name in fields}))
        self.config = config
        self.ground, self.sasr = avst.Ground(config.patches), Sources(config)

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """Grouped sound, the picture grounded by it, their keys, and logits of the sources heard and seen."""
        a, maps = self.hear(self._thin(audio)), self._thin(patches)
        if a.shape[1] != self.config.steps:
            raise FeatureError(
                f"sasr_net looks at {a.shape[1]} of {audio.shape[1]} seconds (every={self.config.every}), "
                f"but is made for steps={self.config.steps}. Change net.every or net.steps."
            )
        found = self.sasr(a, maps.mean(dim=2))
        seen, where = self.grounded(found["heard"], found["seen"], maps)
        memory = self._remember(found["heard"], seen, audio) | {"where": where, "before": a}
        return memory | {n: found[n] for n in ("heard_sources", "seen_sources", "heard_assign", "seen_assign")}

    def grounded(self, heard: Tensor, pooled: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(grounded picture features combined with the pooled sequence, grounding map)."""
        unit = F.normalize(maps, dim=-1)
        where = (unit @ F.normalize(heard, dim=-1)[..., None]).squeeze(-1).softmax(dim=-1)
        place = torch.einsum("rtp,rtpd->rtd", where, unit)
        return self.ground.merge(torch.cat([pooled, place], dim=-1).tanh()), where

    def answer(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits; attention `seen` and `heard`; hidden also holds the tensors for the losses."""
        output = super().answer(memory, tokens)
        names = ("before", "heard_sources", "seen_sources", "heard_assign", "seen_assign")
        return replace(output, hidden={**output.hidden, **{n: memory[n] for n in names}})

    @property
    def losses(self) -> Callable[..., dict[str, Tensor]]:
        """`losses(output, labels, patches_negative)`, or with the further argument `items` if the config has
        `items`."""
        return self.losses_items if self.config.items else self.losses_plain

    def losses_plain(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        patches_negative: Float[Tensor, "question time patch wide"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of the answer, of the match and of the tokens' identity."""
        return self.parts(output, labels, patches_negative)[0]

    def losses_items(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        patches_negative: Float[Tensor, "question time patch wide"],
        items: Float[Tensor, "question source"],
    ) -> dict[str, Tensor]:
        """The same losses, and the classification of the sources heard and seen."""
        found = self.losses_plain(output, labels, patches_negative)
        pairs = [output.hidden[f"{side}_sources"].sigmoid() for side in ("heard", "seen")]
        terms = [F.binary_cross_entropy(p, items.to(p.dtype)) for p in pairs]
        return found | {"sources": self.config.weight * (terms[0] + terms[1])}

    def parts(self, output: Output, labels: Tensor, patches_negative: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(the losses, logits of the match: row, step, own or other, 2)."""
        maps = self._thin(patches_negative)
        other = self.sasr(output.hidden["before"], maps.mean(dim=2))  # the grouped sound depends on the picture
        seen, _ = self.grounded(other["heard"], other["seen"], maps)
        own = self.ground.pair(output.hidden["heard"], output.hidden["seen"])
        pairs = torch.stack([own, self.ground.pair(other["heard"], seen)], dim=2)
        right = torch.tensor([1, 0], device=pairs.device).expand(pairs.shape[:-1])
        token = self.sasr.fc_cls(self.sasr.av_token)
        found = {"answer": F.cross_entropy(output.logits, labels)}
        found["match"] = self.config.weight * F.cross_entropy(pairs.flatten(0, -2), right.flatten())
        identity = torch.arange(len(token), device=token.device)
        return found | {"identity": self.config.weight * F.cross_entropy(token, identity)}, pairs


def build(config: Config) -> SaSRNet:
    """Build the net with random weights."""
    if config.variant != "released":
        raise RecipeError(f"sasr_net has no variant {config.variant!r}. There is: released.")
    if config.patches % config.heads or config.patches % 8:
        raise RecipeError(f"8 heads and {config.heads} heads must divide patches={config.patches}.")
    return SaSRNet(config)


NAMES = {**avst.GROUNDING, **avst.ANSWERING}


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names."""
    result = {}
    for name, tensor in state.items():
        old = next((o for o in NAMES if name == o or name.startswith(f"{o}.")), None)
        if name.startswith("sasr."):
            result[name] = tensor
        elif old:
            result[NAMES[old] + name.removeprefix(old)] = tensor
    return result


def from_official(state_dict: Mapping[str, Tensor], items: bool = False) -> SaSRNet:
    """The released network from a published checkpoint; the ResNet in `visual_net` and unused layers are left out."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(
        answers=checkpoints.size(state, "fc_ans.weight"),
        audio=checkpoints.size(state, "fc_a1.weight", 1),
        patches=checkpoints.size(state, "fc_a1.weight"),
        tokens=checkpoints.size(state, "question_encoder.word2vec.weight"),
        sources=checkpoints.size(state, "sasr.av_token"),
        depth=len({n.split(".")[3] for n in state if n.startswith("sasr.audio_cug.blocks.")}),
        every=1,
        steps=checkpoints.size(state, "sasr.audio_cug.han_encoder.mlp_inter.fc1.weight", 1),
        items=items,
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
