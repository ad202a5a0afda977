"""lookhear continual: train a recipe in sessions of answers or question types, and measure forgetting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear import files
from lookhear.cli._formats import Format
from lookhear.files import dumps

OWN = "continual."  # prefix of an override of the sessions themselves


def continual(
    recipe: Annotated[Path, typer.Argument(help="YAML: recipe, set, by, sessions or parts, split, seeds, joint.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Keys of the recipe to change: section.key=value; continual.parts=2 changes the sessions."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs; by default runs/NAME.")] = None,
    format: Format = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a net in sessions, each on new answers or question types, and measure what it forgets.

    Every session starts from the weights of the last and trains on its own questions only. After each session the test
    questions of all sessions so far are asked. Printed are the accuracy on each session with 95 % intervals over videos
    on all, the average over sessions, and forgetting: the mean drop of a session's accuracy from its best to the end. A
    net trained on all sessions at once stands below. Run again to resume; OUT/continual.json has the numbers.

    Example: lookhear continual continual/cign data.root=world
    """
    from lookhear.evaluate import continual as sessions
    from lookhear.train.loop import train

    folder, given = out or Path("runs") / recipe.stem, overrides or []
    own = [one.removeprefix(OWN) for one in given if one.startswith(OWN)]
    late = [one for one in given if not one.startswith(OWN)]
    with files.claim(folder):
        found = sessions.run(
            recipe,
            folder,
            lambda one: train(one, progress=False),
            late,
            own,
            lambda words: typer.echo(words, err=True),
        )
        files.write_json(folder / "continual.json", found)
    print(dumps(found) if as_json else sessions.text(found, format))
