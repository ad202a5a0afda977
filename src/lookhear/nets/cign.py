"""CIGN: class tokens group the patches of a picture and a sound; classes are predicted from the groups.

    patches ─ 1 x 1 map, unit length ─┐ trunk with class tokens, grouping by token ─ one logit a class (seen)
    audio ─ map, unit length, 1 row ──┴ the same ───────────────────────────────── one logit a class (heard)

Mo et al., "Class-Incremental Grouping Network for Continual Audio-Visual Learning", ICCV 2023. It reads no question:
`answer(memory)` gives the mean of both logits, so it is a classifier of clips whose "answers" are classes.

`variant="released"` equals the official network (stoneMo/CIGN) after its two ResNets, tensor by tensor. The patches are
the last feature map of the visual ResNet for the middle second of the clip; the sound is one vector, the clip's mean.
With `hard` grouping, the single row of sound is assigned to exactly one group. Loss: identity of the tokens + classes
seen + classes heard.

Continual learning (`lookhear continual continual/cign`): `stages` lists the number of new classes of each stage and
`stage` is the current one. Tokens of earlier stages are separate parameters, frozen in stages 1 and 2 and trained again
from stage 3, as released. The net of a stage starts from the weights of the last one; only the new tokens, `fc_cls` and
the maps across tokens (`mlp_inter`), whose sizes follow the number of classes, start anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.grouping import Grouped
from lookhear.layers.translate import fitted
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """number of classes, unless `stages` is given"""
    audio: int = 512
    """width of the stream `audio`"""
    patches: int = 512
    """width of the stream `patches`"""
    hidden: int = 512
    """hidden width"""
    heads: int = 8
    """attention heads"""
    depth: int = 3
    """transformer layers"""
    hard: bool = True
    """hard assignment of an element to one group; false uses soft assignment"""
    stages: list[int] = field(default_factory=list)
    """new classes of each continual stage; empty is a single stage"""
    stage: int = 0
    """the current stage, from 0"""


class CIGN(WatchAnswer):
    """The network; reads sound and picture."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.config = config.hidden, config
        counts = (config.stages or [config.answers])[: config.stage + 1]
        classes = sum(counts)
        self.img_proj, self.aud_proj = nn.Linear(config.patches, dim), nn.Linear(config.audio, dim)
        self.av_token = nn.ParameterList(torch.zeros(count, dim) for count in counts)
        for token in self.av_token[: config.stage]:
            token.requires_grad_(config.stage >= 3)
        sizes = (dim, classes, config.heads, config.depth, config.hard)
        self.visual_encoder, self.audio_encoder = Grouped(*sizes), Grouped(*sizes)
        self.fc_prob_a, self.fc_prob_v = nn.Linear(dim, 1), nn.Linear(dim, 1)
        self.fc_cls = nn.Linear(dim, classes)

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """Logits of each class in the picture of the middle second and in the clip's mean sound."""
        tokens = torch.cat(list(self.av_token))
        seen = F.normalize(self.img_proj(patches[:, patches.shape[1] // 2]), dim=-1)
        heard = F.normalize(self.aud_proj(audio.mean(dim=1)), dim=-1)[:, None]
        seen, heard = self.visual_encoder(seen, tokens), self.audio_encoder(heard, tokens)
        return {
            "seen_sources": self.fc_prob_v(seen["groups"]).squeeze(-1),
            "heard_sources": self.fc_prob_a(heard["groups"]).squeeze(-1),
            "seen_assign": seen["assign"],
            "heard_assign": heard["assign"],
        }

    def answer(self, memory: Memory) -> Output:
        """The mean of both logits; `opinions` are the separate logits."""
        opinions = {"audio": memory["heard_sources"], "visual": memory["seen_sources"]}
        return Output((opinions["audio"] + opinions["visual"]) / 2, opinions=opinions, hidden=dict(memory))

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """Identity of the tokens, and binary cross-entropy in both streams. Labels are class indices, or 0/1 by
        class."""
        wanted = labels if labels.is_floating_point() else F.one_hot(labels, output.logits.shape[1])
        token = self.fc_cls(torch.cat(list(self.av_token)))
        found = {"identity": F.cross_entropy(token, torch.arange(len(token), device=token.device))}
        for side in ("seen", "heard"):
            p = output.hidden[f"{side}_sources"].sigmoid()
            found[side] = F.binary_cross_entropy(p, wanted.to(p.dtype))
        return found


def build(config: Config) -> CIGN:
    """Build the net with random weights."""
    if config.variant != "released":
        raise RecipeError(f"cign has no variant {config.variant!r}. There is: released.")
    if config.stage and config.stage >= len(config.stages):
        raise RecipeError(f"cign: stage {config.stage} is not one of stages={config.stages}.")
    return CIGN(config)


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names; the published cross-stream grouping is unused and left
    out."""
    result = {}
    for name, tensor in state.items():
        if name.startswith("av_token"):
            name = f"av_token.{name.removeprefix('av_token').removeprefix('_') or 0}"
        result[name] = tensor.flatten(1) if name == "img_proj.weight" else tensor
    return result


def from_official(state_dict: Mapping[str, Tensor], hard: bool = True) -> CIGN:
    """The released network from a published checkpoint, without its ResNets. Its default grouping is soft, the
    published command's is hard."""
    state = checkpoints.without_prefixes(state_dict)
    counts = [checkpoints.size(state, name) for name in sorted(n for n in state if n.startswith("av_token"))]
    config = Config(
        answers=sum(counts),
        audio=checkpoints.size(state, "aud_proj.weight", 1),
        patches=checkpoints.size(state, "img_proj.weight", 1),
        hidden=checkpoints.size(state, "aud_proj.weight"),
        depth=len({n.split(".")[2] for n in state if n.startswith("visual_encoder.blocks.")}),
        hard=hard,
        stages=counts,
        stage=len(counts) - 1,
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
