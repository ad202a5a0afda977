"""Questions grouped by family, for training on twins: the same question about a clip and its twins.

examples ─▶ Family(base, {pair: [example of the base, examples of twins …]})
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lookhear import config, datasets
from lookhear.errors import DatasetError
from lookhear.types import BLANK, Example


@dataclass(frozen=True)
class Family:
    """A clip with its twins: for each question, the example of the clip first, then those of its twins."""

    base: str
    asked: Mapping[str, tuple[Example, ...]]


def read(recipe: config.LLMRecipe, deaf: bool = False) -> list[Family]:
    """The families of a recipe's tasks; a clip without twins is its own family. `deaf` replaces all sound by silence.

    Raises DatasetError if a task has no example with a reference.
    """
    grouped: dict[str, dict[str, list[Example]]] = {}
    for name, wanted in recipe.tasks.items():
        examples = datasets.load(wanted.dataset, wanted.root or recipe.root, wanted.split)
        examples = [e for e in examples if e.reference is not None and e.reference.text]
        if not examples:
            raise DatasetError(f"Task {name!r}: no example of {wanted.dataset!r} has an answer to learn from.")
        seen: set[str] = set()
        for example in examples:
            base = f"{name} {example.meta.get('video_id') or example.clip.id}"
            if wanted.limit and base not in seen and len(seen) == wanted.limit:
                continue
            seen.add(base)
            if deaf:
                example = replace(example, clip=replace(example.clip, audio=BLANK))
            pair = str(example.meta.get("pair") or example.id)
            grouped.setdefault(base, {}).setdefault(pair, []).append(example)
    return [
        Family(
            base, {pair: tuple(sorted(some, key=lambda e: bool(e.meta.get("twin")))) for pair, some in asked.items()}
        )
        for base, asked in grouped.items()
    ]


def changing(family: Family) -> list[tuple[Example, Example]]:
    """(base, twin) of each question whose answer must change."""
    return [
        (some[0], other) for some in family.asked.values() for other in some[1:] if other.meta.get("must") == "change"
    ]


def digest(families: Sequence[Family]) -> str:
    """Hash of all training data."""
    every = [e for family in families for some in family.asked.values() for e in some]
    facts = [(e.clip.id, e.question, e.reference, e.meta.get("must"), e.meta.get("form")) for e in every]
    return hashlib.sha256(repr(facts).encode()).hexdigest()
