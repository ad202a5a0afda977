"""lookhear study: train recipes over several seeds and compare them, with intervals and paired tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear import files
from lookhear.files import dumps


def study(
    recipe: Annotated[Path, typer.Argument(help="YAML: rows (name, recipe, set, against), seeds, splits, set.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Keys to change in every row: section.key=value; study.seeds=[0] changes the study's own."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs and tables; by default runs/NAME.")] = None,
    minutes: Annotated[
        float, typer.Option(help="Start no further run after this many minutes; run again to resume.")
    ] = 1e9,
    format: Annotated[str, typer.Option(help="text, markdown, latex or csv.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train every row of a study, evaluate the rows on the same questions, and test them against each other.

    Every row is a recipe with overrides and is trained once per seed. Scores are means over seeds with 95 % intervals
    over videos; differences are tested in pairs with Holm's correction. OUT/study.json holds whether each run answered
    each question correctly. A study that was interrupted resumes when run again. A row that cannot be built is refused
    before any training; a row whose training fails is left out of the table, and the exit code is 1.

    Example: lookhear study studies/nets data.root=world --out runs/base
    """
    from lookhear.evaluate.study import rows as studies
    from lookhear.evaluate.study import table as study_table
    from lookhear.train.loop import train

    folder = out or Path("runs") / recipe.stem
    with files.claim(folder):
        outcomes = studies.go(
            recipe,
            folder,
            lambda one: train(one, progress=False),
            overrides or (),
            minutes,
            lambda words: typer.echo(words, err=True),
        )
        result = study_table.result(studies.read(recipe, overrides or ()), outcomes)
        files.write_json(folder / "study.json", result)
    print(dumps(result) if as_json else study_table.text(result, format))
    if any(one.failed for one in outcomes.values()):
        raise typer.Exit(1)
