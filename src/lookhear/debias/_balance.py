"""Base class of balancing wrappers: unimodal logits of each stream, and their ratio."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lookhear.debias._around import AUDIO, VISUAL, Wrapper, part
from lookhear.errors import RecipeError
from lookhear.types import Memory, Output

SIDES = {"audio": AUDIO, "visual": VISUAL}


def concat_alone(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Unimodal logits under a classifier W [x; y] + b: each stream uses its own columns of W, and b / 2."""
    width = x.shape[-1]
    return x @ weight[:, :width].T + bias / 2, y @ weight[:, width:].T + bias / 2


def score(logits: Float[Tensor, "row answer"], labels: Int[Tensor, " row"]) -> Float[Tensor, ""]:
    """The probability of the correct answer, summed over the batch."""
    return logits.softmax(dim=-1).gather(1, labels[:, None]).sum()


class UnimodalWrapper(Wrapper):
    """A wrapper that computes unimodal logits during training.

    Nets with unimodal heads provide them. For other nets, each stream gets a separate pass with the other stream set to
    zero (there is no published rule). These passes have gradients only if `learns` is True.
    """

    learns = False

    def __init__(self, net: nn.Module):
        super().__init__(net)
        self.streams = {side: [n for n in self.ordered("watch") if n in names] for side, names in SIDES.items()}
        if not all(self.streams.values()):
            raise RecipeError(
                f"Balance is between sound and picture; this net's watch requests {', '.join(self.ordered('watch'))}."
            )
        self.speaks = False  # True once the net's first output has shown unimodal logits (`opinions`)

    def _watch(self, **streams: Tensor) -> Memory:
        memory = dict(self.net.watch(**self.dropped(streams)))
        if self.training and torch.is_grad_enabled() and not self.speaks:
            with torch.set_grad_enabled(self.learns):
                for side in SIDES:
                    other = [n for s, names in self.streams.items() if s != side for n in names]
                    alone = {n: torch.zeros_like(x) if n in other else x for n, x in streams.items()}
                    memory |= {f"only_{side}/{n}": t for n, t in self.net.watch(**alone).items()}
        return memory

    def dropped(self, streams: dict[str, Tensor]) -> dict[str, Tensor]:
        """The streams that the net receives. Default: unchanged."""
        return streams

    def _answer(self, memory: Memory, **streams: Tensor) -> Output:
        output = self.net.answer(part(memory, ""), **streams)
        self.speaks = all(side in output.opinions for side in SIDES)
        alone = {side: part(memory, f"only_{side}/") for side in SIDES}
        if not all(alone.values()):
            return output
        with torch.set_grad_enabled(self.learns and torch.is_grad_enabled()):
            said = {f"only_{side}": self.net.answer(m, **streams).logits for side, m in alone.items()}
        return replace(output, hidden={**output.hidden, **said})

    def alone(self, output: Output) -> dict[str, Tensor] | None:
        """Unimodal logits of `audio` and `visual`, or None if they were not computed."""
        if self.speaks:
            return {side: output.opinions[side] for side in SIDES}
        found = {side: x for side in SIDES if (x := output.hidden.get(f"only_{side}")) is not None}
        return found if len(found) == len(SIDES) else None
