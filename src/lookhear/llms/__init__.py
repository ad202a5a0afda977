"""Audio-visual language models, one file each: encode a clip once, answer any number of questions about it.

    Media ─ prepare ─▶ tensors ─ watch ─▶ MediaCache ─┬─ answer(rows, prompts) ─▶ Reply, Reply, …
                                                └─ (the key-value cache of the media tokens, which precede the question)
    Media, [(prompt, target), …] ─ loss ─▶ training loss

`build(config)` makes a model with random weights, `load(where, adapter, …)` loads it from a hub name or a folder in the
Hugging Face layout. A missing track is left out of the model's input, and the clip's notes say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lookhear import catalog
from lookhear.layers.generation import GREEDY, Generation, OnText
from lookhear.types import Reply

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lookhear.media.sampling import Sampling
    from lookhear.types import Media

__all__ = ["LLM", "Cache", "Learner", "Loader", "Prepared", "Reply", "Trainable", "of"]

Prepared = Mapping[str, Any]  # a preprocessed clip: tensors, which may be cached


class Cache(Protocol):
    """The result of `watch`, one row per clip. `notes` list what was left out of each clip; they may be empty."""

    @property
    def notes(self) -> Sequence[tuple[str, ...]]: ...


@runtime_checkable
class LLM(Protocol):
    """A language model that answers questions about clips.

    `draws`: replies can contain masks, and `answer` accepts `semantic`. `report` lists what was read from which file.
    """

    @property
    def name(self) -> str: ...

    @property
    def sampling(self) -> Sampling: ...

    @property
    def draws(self) -> bool: ...

    @property
    def report(self) -> Sequence[str]: ...

    def prepare(self, media: Media, pair: str = "") -> Prepared:
        """Preprocess a decoded clip. Deterministic, so the result may be cached and passed instead of the clip.

        `pair` (`a2v`, `v2a`): the clip contains two videos or two sounds, for models that distinguish them.
        """
        ...

    def watch(self, media: Sequence[Media | Prepared]) -> Any:
        """Encode clips; the result is a `Cache`, which `answer` takes."""
        ...

    def answer(
        self,
        seen: Any,
        rows: Sequence[int],
        prompts: Sequence[str],
        max_tokens: int = 64,
        how: Generation = GREEDY,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        """A reply to each prompt about the clip in its row; `on_text` gets (index, reply so far) as replies grow."""
        ...

    def needs(self) -> str:
        """Required disk space and memory in one line."""
        ...


@runtime_checkable
class Trainable(LLM, Protocol):
    """A language model with local weights, so that it can be trained. Its parameters are `model.parameters()`.

    `connectors` are the names of modules that project picture and sound into the language model.
    """

    model: nn.Module

    @property
    def connectors(self) -> tuple[str, ...]: ...

    @property
    def spoken(self) -> Any:
        """The part of `model` that PEFT adapters wrap."""
        ...

    def prefix(self, prepared: Prepared) -> Sequence[int]:
        """Token ids of a clip, which precede any prompt."""
        ...

    def reply(self, target: str) -> Sequence[int]:
        """Token ids of a target, with the end token."""
        ...

    def settings(self) -> str:
        """All options that affect what `prepare` returns, as text."""
        ...

    def loss(
        self,
        media: Sequence[Media | Prepared],
        asks: Sequence[Sequence[tuple[str, str]]],
        masks: Sequence[Sequence[Any]] | None = None,
    ) -> Tensor:
        """Mean cross-entropy over target tokens; each clip is encoded once for all its (prompt, target) pairs.

        `masks` are the target masks of each pair, for a model with a mask decoder; other models raise ModelError.
        """
        ...

    def adapt(self, config: Any) -> None:
        """Add PEFT adapters; all other parameters are frozen."""
        ...


@runtime_checkable
class Learner(Trainable, Protocol):
    """A language model that can be trained on its own replies and on preferences: the Qwen-Omni family."""

    def sample(
        self, seen: Any, rows: Sequence[int], prompts: Sequence[str], draws: Tensor, temperature: float = 1.0
    ) -> list[Reply]:
        """A reply to each prompt, sampled with `draws` in 0..1 (prompt, token): equal draws give equal replies."""
        ...

    def logprobs(
        self, media: Sequence[Media | Prepared], asks: Sequence[Sequence[tuple[str, Sequence[int]]]]
    ) -> list[list[Tensor]]:
        """Log-probabilities (token,) of the replies of each clip, given as (prompt, tokens), with gradients."""
        ...


@dataclass(frozen=True)
class Loader:
    """The contents of a language model's file. `load` is required; the others have defaults here."""

    module: ModuleType

    def load(self, **options: Any) -> Any:
        """Load the model."""
        return self.module.load(**options)

    def plan(self, **options: Any) -> Any | None:
        """Download size and memory of `load`; None if the file has no `plan`."""
        tells = vars(self.module).get("plan")
        return None if tells is None else tells(**options)

    @property
    def weights(self) -> Path | None:
        """WEIGHTS: the folder of the shipped weights."""
        return vars(self.module).get("WEIGHTS")

    @property
    def masked(self) -> str:
        """MASKED: the text of a mask in a reply; empty for models without mask decoder."""
        return str(vars(self.module).get("MASKED", ""))


def of(name: str) -> Loader:
    """The file of language model `name`. Raises RecipeError if there is none."""
    return Loader(catalog.find("llms", name))
