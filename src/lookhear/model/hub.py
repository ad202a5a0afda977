"""Models on the Hugging Face hub, by the mixin of huggingface_hub: run folders up, with a filled card, and down.

push_to_hub("runs/av_master", "me/av_master")            a run folder, or a folder that `lookhear export` wrote
lookhear.from_pretrained("me/av_master")                 a repository, or a folder, as a Model
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.errors import FeatureError, ModelError
from lookhear.model import card
from lookhear.store.hub import library, snapshot

LEFT_OUT = ("checkpoint", "tensorboard", "*.part", ".*")  # of a run folder: what only training needed


def push_to_hub(
    folder: Path | str,
    repo: str,
    reports: Mapping[str, Any] | None = None,
    private: bool | None = None,
    token: str | None = None,
) -> str:
    """Upload a trained model to the repository `repo` (NAME/MODEL) with its card; returns the address of the commit.

    `reports` (name -> report.json of `lookhear evaluate --out`) put scores onto the card. Raises ModelError where the
    folder holds no trained model, DependencyError without huggingface_hub.
    """
    return str(_shared(Path(folder), reports or {}, repo).push_to_hub(repo, private=private, token=token))


def fetched(
    where: Path | str,
    revision: str | None = None,
    cache_dir: Path | str | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """The folder of a model: `where` itself, or a repository's, downloaded once. Raises ModelError."""
    if Path(where).is_dir():
        return Path(where)
    try:
        return snapshot(str(where), "model", revision, cache_dir, token, local_files_only)
    except FeatureError as error:
        raise ModelError(str(error)) from None


def write(run: Path, out: Path, reports: Mapping[str, Any] | None = None) -> None:
    """Copy a net's run folder to the new folder `out`, without what only training needed, and write its card."""
    if out.exists() and any(out.iterdir()):
        raise ModelError(f"{str(out)!r} is not empty. Name a new folder.")
    _shared(run, reports or {}, "").save_pretrained(out)


def _shared(folder: Path, reports: Mapping[str, Any], repo: str) -> Any:
    """The folder as an object of huggingface_hub's mixin, which saves, uploads and versions it."""
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        raise ModelError(f"{str(folder)!r} holds no trained model. Give a run folder that is trained to the end.")

    class Shared(library().ModelHubMixin, library_name="lookhear"):  # type: ignore[misc, call-arg]  # optional
        def _save_pretrained(self, save_directory: Path) -> None:
            shutil.copytree(folder, save_directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
            if (folder / "recipe.yaml").is_file():  # else the folder has the card that `export` wrote
                files.write(Path(save_directory) / "README.md", card.page(folder, repo, reports))

    return Shared()
