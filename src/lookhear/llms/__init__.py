"""Audio-visual language models: watch a clip once, answer any number of questions about it in words.

    Media ─ prepare ─▶ tensors ─ watch ─▶ MediaCache ─┬─ answer(rows, prompts) ─▶ Reply, Reply, …
                                                └─ (the key-value cache of the media, which come before any question)
    Media, [(prompt, target), …] ─ loss ─▶ what training minimises

One file, one model: `build(config)` from sizes alone, `load(where, adapter, …)` from a hub name or a folder in the
Hugging Face layout. A track that is not there is left out of what the model reads, and the clip's notes say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lookhear.layers.generation import GREEDY, Generation, Told
from lookhear.types import Reply

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lookhear.media.sampling import Sampling
    from lookhear.types import Media

__all__ = ["LLM", "Prepared", "Reply"]

Prepared = Mapping[str, Any]  # one clip as its model reads it: tensors, which may be kept


@runtime_checkable
class LLM(Protocol):
    """What a file of this shelf gives. Its parameters, `llm.model.parameters()`, are what trains."""

    name: str
    sampling: Sampling
    model: nn.Module

    def prepare(self, media: Media) -> Prepared:
        """A decoded clip as the model reads it. Deterministic, so it may be kept and given in place of the clip."""
        ...

    def watch(self, media: Sequence[Media | Prepared]) -> Any:
        """Read clips once; the result holds a row for each."""
        ...

    def answer(
        self,
        seen: Any,
        rows: Sequence[int],
        prompts: Sequence[str],
        max_tokens: int = 64,
        how: Generation = GREEDY,
        told: Told | None = None,
    ) -> list[Reply]:
        """A reply to each prompt about the clip in its row; `told` hears (place, reply so far) as replies grow."""
        ...

    def loss(self, media: Sequence[Media | Prepared], asks: Sequence[Sequence[tuple[str, str]]]) -> Tensor:
        """Mean cross-entropy of the tokens of targets; every clip is read once for all its (prompt, target) pairs."""
        ...

    def adapt(self, config: Any) -> None:
        """Put adapters of PEFT into the model; all else is frozen."""
        ...

    def needs(self) -> str:
        """Disk and memory in one line."""
        ...
