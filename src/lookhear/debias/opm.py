"""OPM: drop the dominant stream of random samples in training, with a probability that grows with its dominance.

    s = sum over the batch of a stream's unimodal probability of the label
    q = clip(q_base (1 + lambda tanh(relu(s / s of the other - 1))), 0, 1) for the stronger stream, 0 for the other
    every clip keeps a stream with probability 1 - q; both streams are divided by 1 - q/2

Wei et al., "On-the-fly Modulation for Balanced Multimodal Learning", TPAMI 2024 (we had its abstract and its code, not
its text). Nothing changes at inference.

    released  the code's backward rule also gives features the gradient of theta^2 / 2 with theta = q / 2, which reduces
              the discrepancy; here this loss is added in every batch in which a stream is dropped
    paper     without this loss

The released code drops features before the last classifier. Here, for any net, the inputs of `watch` are dropped. q is
computed from the previous batch (the first batch drops nothing), so that each batch needs one pass. Modulation begins
after epoch `warmup`, counted from 0; 5 as released.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lookhear.debias._balance import SIDES, UnimodalWrapper, score
from lookhear.errors import RecipeError
from lookhear.types import Output

STAYS = False


@dataclass(frozen=True)
class Config:
    """Drop rates of the dominant stream."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    q_base: float = 0.5
    """base drop probability"""
    scale: float = 0.5
    """lambda: factor of the discrepancy"""
    chance: float = 0.7
    """fraction of the batches with dropping"""
    warmup: int = 5
    """the last epoch, from 0, without dropping"""


def rates(first: Tensor, second: Tensor, q_base: float, scale: float) -> tuple[Tensor, Tensor]:
    """Drop probabilities of the first and the second stream, from their scores (0-dimensional tensors)."""
    found = []
    for mine, other in ((first, second), (second, first)):
        more = (mine / other - 1).relu().tanh()
        found.append(torch.where(more > 0, (q_base * (1 + scale * more)).clamp(0, 1), torch.zeros_like(more)))
    return found[0], found[1]


def theta(rate: tuple[Tensor, Tensor], widths: tuple[int, int]) -> Tensor:
    """Expected share of the features that is dropped: mean of both rates, weighted by the streams' widths."""
    return (widths[0] * rate[0] + widths[1] * rate[1]) / sum(widths)


def dropped(x: Float[Tensor, "row ..."], keep: Bool[Tensor, " row"], share: Tensor | float) -> Tensor:
    """A stream with the rows outside `keep` set to zero, and all rows divided by 1 - share."""
    return x * keep.to(x.dtype).view(-1, *[1] * (x.dim() - 1)) / (1 - share)


class OPM(UnimodalWrapper):
    """A net trained with random dropping of its dominant stream."""

    def __init__(self, net: nn.Module, config: Config):
        super().__init__(net)
        self.config, self.epoch = config, 0
        self.learns = config.variant == "released"
        self.rate = dict.fromkeys(SIDES, 0.0)
        self.acts = False

    def dropped(self, streams: dict[str, Tensor]) -> dict[str, Tensor]:
        """The streams, the stronger one dropped for random clips, in a fraction `chance` of the training batches."""
        learning = self.training and torch.is_grad_enabled() and self.epoch > self.config.warmup
        self.acts = learning and any(self.rate.values()) and float(torch.rand(())) < self.config.chance
        if not self.acts:
            return streams
        share, result = sum(self.rate.values()) / 2, dict(streams)
        rows = len(next(iter(streams.values())))
        for side, names in self.streams.items():
            keep = torch.rand(rows) >= self.rate[side]
            result |= {n: dropped(streams[n], keep.to(streams[n].device), share) for n in names}
        return result

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        losses, alone = self.own_losses(output, labels, **streams), self.alone(output)
        if alone is not None:
            scores = [score(alone[side], labels).clamp(min=1e-12) for side in SIDES]
            rate = rates(scores[0], scores[1], self.config.q_base, self.config.scale)
            self.rate = dict(zip(SIDES, (float(q.detach()) for q in rate), strict=True))
            if self.acts and self.learns:
                losses["discrepancy"] = theta(rate, (1, 1)).square() / 2
        if self.learns and "discrepancy" not in losses:
            losses["discrepancy"] = output.logits.sum() * 0
        return losses

    def after_backward(self, epoch: int) -> None:
        """Keep the epoch; nothing is dropped up to epoch `warmup`."""
        self.epoch = epoch

    def facts(self) -> dict[str, float]:
        """The drop probability of each stream."""
        return {f"drop_{side}": rate for side, rate in self.rate.items()}


def build(config: Config) -> Callable[[nn.Module], OPM]:
    """A function that wraps a net with the dropping."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"opm has no variant {config.variant!r}. There are: released, paper.")
    if not (0 <= config.q_base <= 1 and 0 <= config.chance <= 1 and config.scale >= 0):
        raise RecipeError(f"opm needs q_base and chance in 0..1 and scale >= 0, got {config}.")
    return lambda net: OPM(net, config)
