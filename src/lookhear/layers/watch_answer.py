"""Base class of the networks: `net(audio=…, frames=…, question=…)` runs `watch`, then `answer`.

With `forward`, a network works with torch.compile, torch.export, FLOP counters and hooks like any other module.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from lookhear.errors import ModelError
from lookhear.types import Output


@runtime_checkable
class SpeaksAlone(Protocol):
    """A network that also gives single-modality answers, as opinions, while `speaks_alone` is true."""

    speaks_alone: bool


@runtime_checkable
class HasLosses(Protocol):
    """A network with its own training losses; others are trained with cross-entropy on the logits."""

    @property
    def losses(self) -> Callable[..., dict[str, Tensor]]:
        """`losses(output, labels, streams…)`: loss name -> loss; training minimises their sum."""
        ...


class WatchAnswer(nn.Module):
    """Base class of the networks: subclasses define `watch(streams…) -> Memory` and `answer(memory, streams…)`."""

    @property
    def watch_streams(self) -> tuple[str, ...]:
        """Names of the streams that `watch` takes."""
        return tuple(inspect.signature(self.watch).parameters)

    @property
    def answer_streams(self) -> tuple[str, ...]:
        """Names of the streams that `answer` takes besides the memory."""
        return tuple(inspect.signature(self.answer).parameters)[1:]

    def wording(self, words: Any) -> Any:
        """What depends on the `words` stream only, (question, word, …) each; by default the words themselves.

        A net that defines it accepts the result in place of `words` in `answer`, and equal wordings are computed once.
        """
        return words

    @property
    def has_wording(self) -> bool:
        """Whether the net defines `wording`."""
        return type(self).wording is not WatchAnswer.wording

    def forward(self, *, clip: Tensor | None = None, **streams: Tensor) -> Output:
        """The answers to questions about clips, from all streams at once.

        `clip` (question,) is the index of each question's clip; None means one question per clip, in the same order.
        Raises ModelError if a stream is missing or unknown.
        """
        wanted = {*self.watch_streams, *self.answer_streams}
        if wanted != streams.keys():
            raise ModelError(f"{type(self).__name__} takes the streams {sorted(wanted)}, got {sorted(streams)}.")
        memory = self.watch(**{name: streams[name] for name in self.watch_streams})
        if clip is not None:
            memory = {name: tensor[clip] for name, tensor in memory.items()}
        return self.answer(memory, **{name: streams[name] for name in self.answer_streams})
