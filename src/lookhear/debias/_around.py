"""Base class of wrappers: a module around a net that is trained in its place and requests the same streams."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from lookhear.layers.watch_answer import HasLosses, WatchAnswer
from lookhear.types import Memory, Output

QUESTION = ("question", "words", "tokens")
AUDIO = ("audio", "spectrogram", "waveform")
VISUAL = ("frames", "patches", "pixels")


class Wrapper(WatchAnswer):
    """A wrapper with the `watch`, `answer` and `losses` of its net; `net` is the bare net, used after training.

    The three methods have the net's argument names. A wrapper that is kept after training sets `stays` (and its module
    `STAYS`); it may request `further` streams.
    """

    stays = False

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    @property
    def watch(self) -> Callable[..., Memory]:
        """The net's `watch`, plus the tensors that debiasing needs if gradients are enabled."""
        return _WithSignature(self._watch, self.net.watch, self.further("watch"))

    @property
    def answer(self) -> Callable[..., Output]:
        """The net's `answer`; if gradients are enabled, `hidden` also has the tensors for debiasing."""
        return _WithSignature(self._answer, self.net.answer, self.further("answer"))

    @property
    def losses(self) -> Callable[..., dict[str, Tensor]]:
        """The net's losses (or cross-entropy) plus the debiasing losses."""
        return _WithSignature(self._losses, _losses_of(self.net))

    def further(self, method: str) -> tuple[str, ...]:
        """Streams that `method` requests in addition to the net's. Default: none."""
        return ()

    def after_backward(self, epoch: int) -> None:
        """Hook between backward pass and optimizer step, with the epoch from 0. Default: nothing."""

    def facts(self) -> dict[str, float]:
        """Numbers of the last training step for the log. Default: none."""
        return {}

    def note(self, optimizer: str) -> str:
        """Warning before training with `optimizer`. Default: none."""
        return ""

    def own_losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        """The losses of the net without the wrapper."""
        return dict(_losses_of(self.net)(output, labels, **streams))

    def ordered(self, method: str) -> tuple[str, ...]:
        """The argument names of the net's `watch` or `answer`."""
        return tuple(inspect.signature(getattr(self.net, method)).parameters)

    def _watch(self, **streams: Tensor) -> Memory:
        raise NotImplementedError

    def _answer(self, memory: Memory, **streams: Tensor) -> Output:
        raise NotImplementedError

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError


class _WithSignature:
    """A function with the signature of another one, because argument names are what requests streams."""

    def __init__(self, function: Callable[..., Any], like: Callable[..., Any], further: tuple[str, ...] = ()):
        self.function = function
        signature, kind = inspect.signature(like), inspect.Parameter.POSITIONAL_OR_KEYWORD
        more = [inspect.Parameter(name, kind) for name in further]
        self.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *more])

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.function(**self.__signature__.bind(*args, **named).arguments)


def part(memory: Memory, prefix: str) -> Memory:
    """The tensors whose key starts with `prefix`, with the prefix removed; for "", the tensors without a prefix."""
    if not prefix:
        return {n: t for n, t in memory.items() if "/" not in n}
    return {n.removeprefix(prefix): t for n, t in memory.items() if n.startswith(prefix)}


def _losses_of(net: nn.Module) -> Callable[..., dict[str, Tensor]]:
    return net.losses if isinstance(net, HasLosses) else _cross_entropy


def _cross_entropy(output: Output, labels: Tensor) -> dict[str, Tensor]:
    return {"answer": F.cross_entropy(output.logits, labels)}
