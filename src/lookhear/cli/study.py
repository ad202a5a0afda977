"""lookhear study: a table of recipes by seeds, trained where missing, with intervals and paired tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lookhear import files
from lookhear.cli._plots import plotted
from lookhear.files import dumps


def plots(study: Any, result: dict[str, Any], folder: Path) -> None:
    """The bars of every split, and lines over the value that was swept where there is one."""
    from lookhear.evaluate.draw import charts
    from lookhear.evaluate.study import sweep
    from lookhear.evaluate.study import table as study_table

    key = sweep.swept(study)
    for split, facts in result["splits"].items():
        charts.scores(study_table.bars(facts), folder / f"scores-{split}.svg")
        if key and (lines := sweep.lines(study, facts, key)):
            charts.sweep(lines, key, folder / f"sweep-{split}.svg")


def study(
    recipe: Annotated[Path, typer.Argument(help="YAML: rows (name, recipe, set, against), seeds, splits, set.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Keys to change in every row: section.key=value.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs and tables; by default runs/NAME.")] = None,
    minutes: Annotated[float, typer.Option(help="Begin no further run after so long; run again to go on.")] = 1e9,
    format: Annotated[str, typer.Option(help="text, markdown, latex or csv.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train what a table needs, ask every row the same questions, and test the rows against each other.

    Every row is a recipe with overrides; each is trained once for every seed. Scores are means over seeds with 95 %
    intervals over videos; differences are tested in pairs and corrected (Holm). Writes study.json into OUT, with
    one bit for every question and run. Run again, it goes on where it stopped. A row that cannot be built is refused
    before anything is trained; one whose training fails is left out of the table, and the exit code is 1. What
    each row costs is printed below; with matplotlib, scores-SPLIT.svg, and sweep-SPLIT.svg where a number was swept.

    Example: lookhear study studies/nets data.root=world --out runs/base
    """
    from lookhear.evaluate.study import rows as studies
    from lookhear.evaluate.study import table as study_table
    from lookhear.train.loop import train

    folder = out or Path("runs") / recipe.stem
    with files.claim(folder):
        found = studies.go(
            recipe,
            folder,
            lambda one: train(one, progress=False),
            overrides or (),
            minutes,
            lambda words: typer.echo(words, err=True),
        )
        asked = studies.read(recipe)
        result = study_table.result(asked, found) | {"costs": study_table.costs_of(asked, folder)}
        files.write_json(folder / "study.json", result)
        plotted(lambda: plots(asked, result, folder))
    print(dumps(result) if as_json else study_table.text(result, format))
    if any(one.failed for one in found.values()):
        raise typer.Exit(1)
