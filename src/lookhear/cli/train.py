"""lookhear train: train a net or a language model from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence


def train(
    recipe: Annotated[Path, typer.Argument(help="A YAML file, or a name of `lookhear list recipes`.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Keys to change, as section.key=value.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete an existing run in the run folder first.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Train nothing: build, count and time one step, of every recipe in a folder."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a net or a language model from a recipe; run again to resume.

    Example: lookhear train soundstage/av_master data.root=world train.epochs=8

    Example: lookhear train music_avqa --dry-run

    With --dry-run only the recipe is read: the net is built at full size, its parameters, operations and memory are
    counted for the whole batch, and one step on a few questions with random features is timed. The exit code is 1 if a
    recipe cannot be built or does not run.

    A recipe with a top-level `llm` section trains a language model: tiny_omni/qa, crab_plus/instruct,
    tiny_omni/reinforce.
    """
    from dataclasses import replace
    from importlib import import_module

    from lookhear import config

    if dry_run:
        _rehearse(recipe, overrides or (), quiet)
        return
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


def _rehearse(recipe: Path, overrides: Sequence[str], quiet: bool) -> None:
    """Print the costs of each recipe, and for a recipe that does not run, why."""
    import sys

    from lookhear import config
    from lookhear.errors import LookhearError
    from lookhear.evaluate import tables
    from lookhear.train.rehearsal import HEAD, recipes_of, rehearse

    lines, failed, notes = [], [], dict[str, None]()
    for name in recipes_of(recipe):
        if not quiet:
            print(f"dry run of {name}", file=sys.stderr)
        try:
            costs = rehearse(name, config.load(name, overrides))
        except (LookhearError, RuntimeError) as error:
            failed.append(f"{name}: {' '.join(str(error).split())[:300]}")
            continue
        lines.append([name, *costs.cells()])
        notes |= dict.fromkeys(f"{name}: {note}" for note in costs.notes)
    if lines:
        print(tables.lay_out(list(HEAD), lines, "text"))
    for note in notes:
        print(f"note: {note}")
    for line in failed:
        print(f"does not run: {line}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _delete(run: Path) -> None:
    """Delete a run folder; a folder that holds other files is refused."""
    from lookhear.train import files

    if (run / "recipe.yaml").is_file():
        files.drop(run)
