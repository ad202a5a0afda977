"""Answer networks over extracted features: one file or folder per paper.

A file here defines `Config` and `build(config) -> Net`, and may define `from_official(state_dict) -> Net`, which reads
published weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lookhear.types import Memory, Output


@runtime_checkable
class Net(Protocol):
    """A torch module with `watch` and `answer`, whose argument names are the streams that it takes.

    It may also have `losses(output, labels, ...) -> {name: loss}`; without it, training uses cross-entropy.
    """

    @property
    def watch(self) -> Callable[..., Memory]:
        """Streams of clips -> what is kept of them, one row per clip."""
        ...

    @property
    def answer(self) -> Callable[..., Output]:
        """(memory with one row per question, streams of questions) -> logits, attention and hidden tensors."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> Any: ...

    def to(self, device: Any) -> Self: ...

    def eval(self) -> Self: ...
