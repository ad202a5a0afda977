"""OGM and OGM-GE: scale down the gradients of the dominant stream's encoder, with added noise (GE).

    s = sum over the batch of a stream's unimodal probability of the label;   r = s of this stream / s of the other
    r > 1 :  gradient of this stream's encoder x (1 - tanh(alpha r)), the other's unchanged
    GE    :  + Gaussian noise with the standard deviation of the gradient's entries, in both encoders

Peng et al., "Balanced Multimodal Learning via On-the-fly Gradient Modulation", CVPR 2022. Nothing changes at inference.

    released  modulates only gradients with four axes (convolutions); nets on features have none
    paper     modulates all gradients of the encoders with two axes or more

At r = 1 the factor jumps from 1 to 1 - tanh(alpha), in paper and code alike, so one stream is always slowed. For the
unimodal logits see `_balance.UnimodalWrapper`; the released code has a rule for concatenation and for sums, and crashes
for its two gated fusions. An encoder's parameters are recognised by their names (hear, heard, listen; see, seen, look;
or a stream's name), or listed in `audio_encoder` and `visual_encoder`. Adam cancels a constant factor of the gradient:
use train.optimizer=sgd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import tanh

import torch
from torch import Tensor, nn

from lookhear.debias._balance import UnimodalWrapper, score
from lookhear.errors import RecipeError
from lookhear.types import Output

WORDS = {
    "audio": {"audio", "hear", "heard", "listen", "sound", "audio_net", "hears"},
    "visual": {"visual", "frames", "patches", "see", "seen", "look", "visual_net", "sees"},
}


STAYS = False


@dataclass(frozen=True)
class Config:
    """Strength and epochs of the modulation, noise, and the encoders' parameters."""

    variant: str = "released"
    """released: convolutions only; paper: all matrices of both encoders"""
    alpha: float = 0.8
    """strength of the modulation: 0.1 for VGGSound, 0.8 for CREMA-D"""
    noise: bool = True
    """OGM-GE; false is OGM"""
    starts: int = 0
    """first epoch of modulation"""
    ends: int = 50
    """last epoch of modulation, included"""
    audio_encoder: list[str] = field(default_factory=list)
    """prefixes of the audio encoder's parameters; empty: recognised by name"""
    visual_encoder: list[str] = field(default_factory=list)
    """the same for the visual encoder"""


def coefficients(audio: float, visual: float, alpha: float) -> tuple[float, float]:
    """Gradient factors (audio, visual) from both scores; at equal scores the audio is slowed, as released."""
    ratio = visual / audio
    if ratio > 1:
        return 1.0, 1 - tanh(alpha * ratio)
    return 1 - tanh(alpha / ratio), 1.0


def modulate(parameters: Iterable[nn.Parameter], factor: float, noise: bool, axes: int, exact: bool) -> None:
    """Scale gradients with `axes` axes (or more, unless `exact`) in place; add noise with their standard deviation."""
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is None or (gradient.dim() != axes if exact else gradient.dim() < axes):
            continue
        spread = gradient.std().item() + 1e-8 if noise else 0.0
        gradient.mul_(factor)
        if noise:
            gradient.add_(torch.zeros_like(gradient).normal_(0, spread))


class OGM(UnimodalWrapper):
    """A net with gradient modulation of its encoders."""

    def __init__(self, net: nn.Module, config: Config):
        super().__init__(net)
        self.config = config
        given = {"audio": config.audio_encoder, "visual": config.visual_encoder}
        self.encoders = {side: owned(net, side, given[side]) for side in WORDS}
        for side, found in self.encoders.items():
            if not found:
                raise RecipeError(
                    f"ogm finds no parameters of the {side} encoder by name. Name prefixes: debias.{side}_encoder=[…]; "
                    f"the net has {', '.join(sorted({n.split('.')[0] for n, _ in net.named_parameters()})[:8])}."
                )
        self.last: tuple[float, float, float] | None = None

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        alone = self.alone(output)
        if alone is None:
            self.last = None
        else:
            heard, seen = (float(score(alone[side].detach(), labels)) for side in ("audio", "visual"))
            heard, seen = max(heard, 1e-12), max(seen, 1e-12)
            self.last = (seen / heard, *coefficients(heard, seen, self.config.alpha))
        return self.own_losses(output, labels, **streams)

    def after_backward(self, epoch: int) -> None:
        """Modulate the encoders' gradients, between the first and the last epoch of modulation."""
        if self.last is None or not self.config.starts <= epoch <= self.config.ends:
            return
        axes, exact = (4, True) if self.config.variant == "released" else (2, False)
        named = dict(self.net.named_parameters())
        for side, factor in zip(("audio", "visual"), self.last[1:], strict=True):
            modulate((named[n] for n in self.encoders[side]), factor, self.config.noise, axes, exact)

    def facts(self) -> dict[str, float]:
        """The ratio of the visual to the audio score, and both gradient factors, in the last step."""
        names = ("visual_over_audio", "factor_audio", "factor_visual")
        return {} if self.last is None else dict(zip(names, self.last, strict=True))

    def note(self, optimizer: str) -> str:
        """Warn that Adam cancels a constant factor, and that the released rule modulates only convolutions."""
        warnings = []
        if optimizer.startswith("adam"):
            warnings.append(
                f"ogm: {optimizer} divides a constant factor out of the gradient; train.optimizer=sgd does not"
            )
        named = dict(self.net.named_parameters())
        if self.config.variant == "released" and not any(
            named[n].dim() == 4 for names in self.encoders.values() for n in names
        ):
            warnings.append(
                "ogm: as released it scales convolutions alone, and this net has none; set debias.variant=paper"
            )
        return "; ".join(warnings)


def owned(net: nn.Module, side: str, prefixes: Iterable[str]) -> list[str]:
    """Names of the parameters of one side's encoder.

    With `prefixes`: the names that start with one. Without: the names with a word of this side and none of the other.
    """
    prefixes = tuple(prefixes)
    names = [n for n, _ in net.named_parameters()]
    if prefixes:
        return [n for n in names if n.startswith(prefixes)]
    other = next(w for s, w in WORDS.items() if s != side)
    parts = {n: set(n.replace("_", ".").split(".")) | set(n.split(".")) for n in names}
    return [n for n in names if parts[n] & WORDS[side] and not parts[n] & other]


def build(config: Config) -> Callable[[nn.Module], OGM]:
    """A function that wraps a net with the modulation."""
    if config.variant not in ("released", "paper") or config.alpha <= 0:
        raise RecipeError(
            f"ogm has variants released and paper and alpha > 0, got {config.variant!r} and {config.alpha}."
        )
    return lambda net: OGM(net, config)
