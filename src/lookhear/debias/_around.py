"""What every wrapper is: a module around a net, trained in its place, that keeps the net's order form."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output

QUESTION = ("question", "words", "tokens")
AUDIO = ("audio", "spectrogram", "waveform")
VISUAL = ("frames", "patches", "pixels")


class Around(WatchAnswer):
    """`watch`, `answer` and `losses` take what the net's own take; `net` is what answers once training is over.

    A wrapper that answers itself `stays` (its module says so too, `STAYS`), and may order `further` streams.
    """

    stays = False

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    @property
    def watch(self) -> Callable[..., Memory]:
        """The net's `watch`, and what debiasing needs of the clip while gradients are wanted."""
        return _Like(self._watch, self.net.watch, self.further("watch"))

    @property
    def answer(self) -> Callable[..., Output]:
        """The net's `answer`; while gradients are wanted `hidden` also holds what debiasing compares."""
        return _Like(self._answer, self.net.answer, self.further("answer"))

    @property
    def losses(self) -> Callable[..., dict[str, Tensor]]:
        """The net's losses (or its cross-entropy) and those of debiasing."""
        return _Like(self._losses, getattr(self.net, "losses", _plain))

    def further(self, method: str) -> tuple[str, ...]:
        """Streams that `method` orders beside those of the net. Here: none."""
        return ()

    def after_backward(self, epoch: int) -> None:
        """Called between a training step's backward pass and its update, with the epoch from 0. Here: nothing."""

    def facts(self) -> dict[str, float]:
        """Numbers of the last training step that belong in its log line. Here: none."""
        return {}

    def note(self, optimizer: str) -> str:
        """What a person must know before training with `optimizer`. Here: nothing."""
        return ""

    def own_losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        """What the net would be trained with by itself."""
        return dict(getattr(self.net, "losses", _plain)(output, labels, **streams))

    def ordered(self, method: str) -> tuple[str, ...]:
        """The names that the net's `watch` or `answer` takes."""
        return tuple(inspect.signature(getattr(self.net, method)).parameters)

    def _watch(self, **streams: Tensor) -> Memory:
        raise NotImplementedError

    def _answer(self, memory: Memory, **streams: Tensor) -> Output:
        raise NotImplementedError

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError


class _Like:
    """A function that takes what another takes, by position or by name: its signature is an order form for streams."""

    def __init__(self, function: Callable[..., Any], like: Callable[..., Any], further: tuple[str, ...] = ()):
        self.function = function
        signature, kind = inspect.signature(like), inspect.Parameter.POSITIONAL_OR_KEYWORD
        more = [inspect.Parameter(name, kind) for name in further]
        self.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *more])

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.function(**self.__signature__.bind(*args, **named).arguments)


def part(memory: Memory, prefix: str) -> Memory:
    """The tensors under a prefix, without it; for the empty prefix, those under none."""
    if not prefix:
        return {n: t for n, t in memory.items() if "/" not in n}
    return {n.removeprefix(prefix): t for n, t in memory.items() if n.startswith(prefix)}


def _plain(output: Output, labels: Tensor) -> dict[str, Tensor]:
    return {"answer": F.cross_entropy(output.logits, labels)}
