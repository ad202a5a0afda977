"""lookhear train: a recipe in, a run folder out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="A YAML file, or a name of `lookhear list recipes`.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Keys to change, as section.key=value.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete a run that is in the run folder, train anew.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train what a recipe says; run again, it goes on where it stopped.

    Example: lookhear train soundstage/av_master data.root=world train.epochs=8

    A recipe with `llm` at its top trains a language model: tiny_omni/qa, crab_plus/instruct, tiny_omni/reinforce.
    """
    from dataclasses import replace
    from importlib import import_module

    from lookhear import config

    if config.of_llm(recipe):
        tuned = config.load(recipe, overrides or (), config.LLMRecipe)
        own = tuned.stage if tuned.stage in ("prefer", "reinforce") else "llm"
        tune = import_module(f"lookhear.train.{own}").train

        tuned = tuned if tuned.out else replace(tuned, out=f"runs/{recipe.stem}")
        if overwrite:
            _delete(Path(tuned.out))
        print(tune(tuned, progress=not quiet))
        return
    from lookhear.train.loop import train as run

    options = config.load(recipe, overrides or ())
    if not options.out:
        options = replace(options, out=f"runs/{recipe.stem}")
    if overwrite:
        _delete(Path(options.out))
    print(run(options, progress=not quiet))


def _delete(run: Path) -> None:
    """Delete a run folder; a folder that holds something else is left alone."""
    from lookhear.train import files

    if (run / "recipe.yaml").is_file():
        files.drop(run)
