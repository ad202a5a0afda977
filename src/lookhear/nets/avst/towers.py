"""AVST's answer head behind visual and audio backbones, shared by LAVISH, DG-SCT and AVMoE.

The match of sound and picture does not depend on the question, so it is computed once per clip of a batch, with the
negative pictures of the clip's first question. In a batch of distinct clips this is the released loss. With 4 questions
a clip, as released, 4 negatives per clip would pass the backbone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.towers import Towers
from lookhear.nets.avst import ANSWERING, GROUNDING, Answering, Config
from lookhear.nets.avst.parts import Ground
from lookhear.types import Memory, Output

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


class Head(Answering, Towers):
    """Grounding, the question's attention to both streams, answers, and the match with another clip's pictures."""

    def __init__(
        self, audio: int, width: int, answers: int, tokens: int, words: int, match: float, inner: Sequence[int] = ()
    ) -> None:
        config = Config(answers=answers, audio=audio, patches=width, tokens=tokens, words=words, match=match)
        super().__init__(config)
        self.ground = Ground(width, inner)

    def _spread(self, weight: Tensor, seconds: int) -> Tensor:
        """Every row is used, so the weights stay as they are."""
        return weight

    def remember(self, heard: Float[Tensor, "clip time dim"], tokens: Float[Tensor, "clip time patch dim"]) -> Memory:
        """Memory of a clip: sound, grounded picture, their keys, the grounding map, and the clip's row."""
        seen, where = self.ground(heard, tokens)
        rows = torch.arange(len(heard), device=heard.device)
        return {**self._remember(heard, seen, heard), "where": where, "row": rows}

    def answer(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits, attention and hidden of AVST; `hidden["row"]` (question,) is the row of each question's clip."""
        output = super().answer(memory, tokens)
        return replace(output, hidden={**output.hidden, "row": memory["row"]})

    def plain(self, pixels: Real[Tensor, "row time 3 height width"]) -> Float[Tensor, "row time patch dim"]:
        """Visual tokens without adapters, in the form that the head expects."""
        raise NotImplementedError

    def losses(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        pixels_negative: Real[Tensor, "question time 3 height width"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of the answer, and of the match with its weight; another clip's pictures pass no adapter."""
        match, _ = self.matched(output, pixels_negative)
        return {"answer": F.cross_entropy(output.logits, labels), "match": self.match * match}

    def matched(self, output: Output, pixels_negative: Tensor) -> tuple[Tensor, Tensor]:
        """(cross-entropy of the match, its logits (clip, time, own or other, 2)), each clip once."""
        rows = first_of_each(output.hidden["row"])
        return self.ground.loss(
            output.hidden["heard"][rows], output.hidden["seen"][rows], self.plain(pixels_negative[rows])
        )


def first_of_each(clip: Int[Tensor, " question"]) -> Int[Tensor, " clip"]:
    """The first question of each clip; all questions on the meta device, where clips cannot be told apart."""
    if clip.is_meta:
        return torch.arange(len(clip), device=clip.device)
    first: dict[int, int] = {}
    for question, row in enumerate(clip.tolist()):
        first.setdefault(row, question)
    return torch.tensor(list(first.values()), device=clip.device)


def normalised(pixels: Tensor) -> Float[Tensor, "row 3 height width"]:
    """Pictures (row, time, 3, height, width) flattened to one axis; bytes are normalised with ImageNet's statistics."""
    pictures = pixels.flatten(0, 1)
    if pictures.dtype != torch.uint8:
        return pictures
    mean, deviation = (torch.tensor(x, device=pictures.device)[:, None, None] for x in (MEAN, DEVIATION))
    return (pictures / 255 - mean) / deviation


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors: those of the head get AVST's names, the others keep theirs."""
    names, result = GROUNDING | ANSWERING, {}
    for name, tensor in state.items():
        old = next((o for o in names if name == o or name.startswith(f"{o}.")), None)
        result[names[old] + name.removeprefix(old) if old else name] = tensor
    return result


def count(state: Mapping[str, Tensor], prefix: str) -> int:
    """Number of numbered submodules under a prefix."""
    return len({n.removeprefix(prefix).split(".")[0] for n in state if n.startswith(prefix)})


def learns_norms(name: str) -> bool:
    """Whether a backbone's parameter belongs to a norm layer."""
    return "norm" in name


def frozen_in_training(net: nn.Module, towers: tuple[str, ...]) -> None:
    """Put the backbones in evaluation mode: no stochastic depth, no updates of batch norm statistics."""
    for name in towers:
        net.get_submodule(name).eval()
