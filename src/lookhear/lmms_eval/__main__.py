"""python -m lookhear.lmms_eval: write a dataset of ours as a task of lmms-eval."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lookhear.errors import LookhearError


def main(
    out: Annotated[Path, typer.Argument(help="Folder for tasks: the --include_path of lmms-eval.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations and media.")],
    split: Annotated[str, typer.Option(help="Which questions.")] = "test",
    limit: Annotated[int, typer.Option(min=0, help="So many of them, drawn from all over the set; 0 is all.")] = 0,
) -> None:
    """Write a dataset as a task of lmms-eval, and say how to run it.

    Example: python -m lookhear.lmms_eval tasks --dataset soundstage --root world
    """
    from lookhear.lmms_eval.tasks import write

    try:
        name = write(out, dataset, root, split, limit)
    except LookhearError as error:
        typer.echo(f"lookhear: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    typer.echo(f"lmms-eval --model lookhear --model_args pretrained=tiny_omni --tasks {name} --include_path {out}")


if __name__ == "__main__":
    typer.run(main)
