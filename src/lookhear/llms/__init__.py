"""Audio-visual language models: watch a clip once, answer any number of questions about it in words.

    Media ─ prepare ─▶ tensors ─ watch ─▶ MediaCache ─┬─ answer(rows, prompts) ─▶ Reply, Reply, …
                                                └─ (the key-value cache of the media, which come before any question)
    Media, [(prompt, target), …] ─ loss ─▶ what training minimises

One file, one model: `build(config)` from sizes alone, `load(where, adapter, …)` from a hub name or a folder in the
Hugging Face layout. A track that is not there is left out of what the model reads, and the clip's notes say so.
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

__all__ = ["LLM", "Cache", "Loader", "Prepared", "Reply", "Trainable", "of"]

Prepared = Mapping[str, Any]  # one clip as its model reads it: tensors, which may be kept


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
        """A decoded clip as the model reads it. Deterministic, so it may be kept and given in place of the clip.

        `pair` (`a2v`, `v2a`): the clip joins two videos or two sounds, for a model that can tell them apart.
        """
        ...

    def watch(self, media: Sequence[Media | Prepared]) -> Any:
        """Read clips once; the result is a `Cache`, which `answer` takes."""
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
        """Disk and memory in one line."""
        ...


@runtime_checkable
class Trainable(LLM, Protocol):
    """A language model whose weights are here, so that it can be trained. Its parameters are `model.parameters()`.

    `connectors` are the names of modules that bring picture and sound into the language model.
    """

    model: nn.Module

    @property
    def connectors(self) -> tuple[str, ...]: ...

    @property
    def spoken(self) -> Any:
        """The part of `model` that adapters of PEFT wrap."""
        ...

    def prefix(self, prepared: Prepared) -> Sequence[int]:
        """The tokens of a clip, which come before any prompt."""
        ...

    def reply(self, target: str) -> Sequence[int]:
        """The tokens of a target, with the one that ends it."""
        ...

    def settings(self) -> str:
        """Everything that decides what `prepare` makes of a clip, as text."""
        ...

    def loss(
        self,
        media: Sequence[Media | Prepared],
        asks: Sequence[Sequence[tuple[str, str]]],
        masks: Sequence[Sequence[Any]] | None = None,
    ) -> Tensor:
        """Mean cross-entropy of the tokens of targets; every clip is read once for all its (prompt, target) pairs.

        `masks` are the true masks of each pair, for a model that draws; others refuse them with a ModelError.
        """
        ...

    def adapt(self, config: Any) -> None:
        """Put adapters of PEFT into the model; all else is frozen."""
        ...

    def wear(self, folder: Path | str) -> None:
        """Put on the adapters of a PEFT folder. Raises ModelError where they do not fit."""
        ...

    def save(self, folder: Path | str) -> None:
        """Write everything as `load(folder)` reads it."""
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
