"""Datasets in five folds: split `train` is fold 1, `train3` is fold 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookhear.errors import DatasetError

FOLDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Folds:
    """Files of a dataset's folds: `file` in one of `folders`, with `{part}` and `{fold}` filled in."""

    name: str
    file: str
    folders: Sequence[str]
    parts: Sequence[str] = ("train", "test")

    def files(self, root: Path | str) -> dict[str, Path]:
        """Split -> file, for files that exist under `root`."""
        paths: dict[str, Path] = {}
        for fold in FOLDS:
            for part in self.parts:
                split = f"{part}{'' if fold == 1 else fold}"
                for folder in self.folders:
                    path = Path(root) / folder / self.file.format(part=part, fold=fold)
                    if path.is_file():
                        paths.setdefault(split, path)
        return paths

    def path(self, root: Path | str, split: str) -> Path:
        """The file of `split`. Raises DatasetError, which lists the existing splits, if there is none."""
        files = self.files(root)
        if split not in files:
            there = ", ".join(files) or "none"
            raise DatasetError(f"No split {split!r} of {self.name} under {str(root)!r}. There are: {there}.")
        return files[split]
