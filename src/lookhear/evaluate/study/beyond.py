"""Test sets of other datasets in a study, and the stores that hold the features of their clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookhear import config
from lookhear.errors import RecipeError
from lookhear.types import Example


@dataclass(frozen=True)
class Beyond:
    """A test set of another dataset for every row: MUSIC-AVQA-R, for nets trained on MUSIC-AVQA."""

    dataset: str = ""
    root: str = ""
    """folder of its annotations; empty: the root of the recipes"""
    split: str = "test"
    store: str = ""
    """its feature store; empty: that of the recipes if `root` is empty or `data.store` is given, else ROOT/features"""

    @property
    def name(self) -> str:
        return f"{self.dataset} {self.split}"

    def store_for(self, recipe: config.Recipe) -> str:
        """The folder of the features of its clips."""
        if self.store or (self.root and not recipe.data.store):
            return self.store or f"{self.root}/features"
        return recipe.data.store_folder


def add_recordings(examples: Sequence[Example], store: str, recordings: dict[tuple[str, str], Path]) -> None:
    """Add the recordings of `examples` to those of each store, (store, id) -> file.

    Raises RecipeError if two different files have one id in one store, where one's features would be read for both.
    """
    clips = {e.clip for e in examples}
    for source in {s for clip in clips for s in (clip.video, clip.audio) if s and s.path}:
        path, known = Path(source.path or ""), recordings.get((store, source.id))
        if known in (None, path):
            recordings[store, source.id] = path
        elif known.is_file() and path.is_file() and known.stat().st_size != path.stat().st_size:
            raise RecipeError(
                f"{str(path)!r} and {str(known)!r} are two recordings with the id {source.id!r}, and both would have "
                f"their features in {store!r}. Give the other dataset a store of its own: study.beyond.0.store=DIR"
            )
