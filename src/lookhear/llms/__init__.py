"""Audio-visual language models, one file each: encode a clip once, answer any number of questions about it.

    Media ─ prepare ─▶ tensors ─ watch ─▶ MediaCache ─┬─ answer(rows, prompts) ─▶ Reply, Reply, …
                                                └─ (the key-value cache of the media tokens, which precede the question)
    Media, [(prompt, target), …] ─ loss ─▶ training loss

`build(config)` makes a model with random weights, `load(where, adapter, …)` loads it from a hub name or a folder in the
Hugging Face layout. A missing track is left out of the model's input, and the clip's notes say so.
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

__all__ = ["LLM", "Learner", "Prepared", "Reply"]

Prepared = Mapping[str, Any]  # a preprocessed clip: tensors, which may be cached


@runtime_checkable
class LLM(Protocol):
    """What a file of this shelf gives. Its parameters, `llm.model.parameters()`, are what trains."""

    name: str
    sampling: Sampling
    model: nn.Module

    def prepare(self, media: Media) -> Prepared:
        """Preprocess a decoded clip. Deterministic, so the result may be cached and passed instead of the clip."""
        ...

    def watch(self, media: Sequence[Media | Prepared]) -> Any:
        """Encode clips; the result has one row per clip."""
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
        """Mean cross-entropy over target tokens; each clip is encoded once for all its (prompt, target) pairs."""
        ...

    def adapt(self, config: Any) -> None:
        """Add PEFT adapters; all other parameters are frozen."""
        ...

    def needs(self) -> str:
        """Disk space and memory in one line."""
        ...


@runtime_checkable
class Learner(LLM, Protocol):
    """A language model that can learn from its own replies and from preferences: those of the Qwen-Omni family."""

    def sample(
        self, seen: Any, rows: Sequence[int], prompts: Sequence[str], draws: Tensor, temperature: float = 1.0
    ) -> list[Reply]:
        """A reply to each prompt, drawn by numbers of 0..1 (prompt, token): equal draws give equal replies."""
        ...

    def logprobs(
        self, media: Sequence[Media | Prepared], asks: Sequence[Sequence[tuple[str, Sequence[int]]]]
    ) -> list[list[Tensor]]:
        """Log-probabilities (token,) of replies given as (prompt, tokens), of each clip, with gradients."""
        ...

    def reply(self, target: str) -> list[int]:
        """The tokens of a reply, with the one that ends it."""
        ...
