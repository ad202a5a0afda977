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
from lookhear.layers.generation import GREEDY, Generation, Told
from lookhear.types import Reply

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lookhear.media.sampling import Sampling
    from lookhear.types import Media

__all__ = ["LLM", "Cache", "Learner", "Loader", "Prepared", "Reply", "Trainable", "of"]

Prepared = Mapping[str, Any]  # a preprocessed clip: tensors, which may be cached


class Cache(Protocol):
    """What `watch` keeps of clips, one row each. `notes` say what of each clip was left out; they may be empty."""

    @property
    def notes(self) -> Sequence[tuple[str, ...]]: ...


@runtime_checkable
class LLM(Protocol):
    """A language model that answers questions about clips.

    `draws`: its replies can hold masks, and `answer` takes `semantic`. `report` says what was read from which file.
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

        `pair` (`a2v`, `v2a`): the clip joins two videos or two sounds, for a model that can tell them apart.
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
        told: Told | None = None,
    ) -> list[Reply]:
        """A reply to each prompt about the clip in its row; `told` hears (place, reply so far) as replies grow."""
        ...

    def needs(self) -> str:
        """Disk space and memory in one line."""
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

        `masks` are the true masks of each pair, for a model that draws; other models raise ModelError.
        """
        ...

    def adapt(self, config: Any) -> None:
        """Add PEFT adapters; all other parameters are frozen."""
        ...


@runtime_checkable
class Learner(Trainable, Protocol):
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


@dataclass(frozen=True)
class Loader:
    """What the file of a language model gives. It must have `load`; the rest has defaults here."""

    module: ModuleType

    def load(self, **options: Any) -> Any:
        """The model, loaded."""
        return self.module.load(**options)

    def plan(self, **options: Any) -> Any | None:
        """What `load` would fetch and hold; None where the file cannot tell (it has no `plan`)."""
        tells = vars(self.module).get("plan")
        return None if tells is None else tells(**options)

    @property
    def weights(self) -> Path | None:
        """WEIGHTS: the folder of the weights that ship with the file."""
        return vars(self.module).get("WEIGHTS")

    @property
    def masked(self) -> str:
        """MASKED: what a model that draws writes for a mask; empty for one that does not."""
        return str(vars(self.module).get("MASKED", ""))


def of(name: str) -> Loader:
    """The file of the language model called `name`. Raises RecipeError where there is none."""
    return Loader(catalog.find("llms", name))
