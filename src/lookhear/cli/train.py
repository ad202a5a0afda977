"""lookhear train: train a net or a language model from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="A YAML file, or a name of `lookhear list recipes`.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Keys to change, as section.key=value.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete an existing run in the run folder first.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a net or a language model from a recipe; run again to resume.

    Example: lookhear train soundstage/av_master data.root=world train.epochs=8

    A recipe with a top-level `llm` section trains a language model: tiny_omni/qa, crab_plus/instruct.
    """
    from dataclasses import replace

    from lookhear import config

    if config.of_llm(recipe):
        tuned = config.load(recipe, overrides or (), config.LLMRecipe)
        from lookhear.train.llm import train as tune

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
    """Delete a run folder; a folder that holds other files is refused."""
    from lookhear.train import files

    if (run / "recipe.yaml").is_file():
        files.drop(run)
