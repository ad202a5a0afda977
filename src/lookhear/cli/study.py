"""lookhear study: train recipes over several seeds and compare them, with intervals and paired tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookhear import files
from lookhear.cli._formats import Format
from lookhear.cli._plots import plotted
from lookhear.files import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence


def plots(study: Any, result: dict[str, Any], folder: Path) -> None:
    """Draw the bars of every split and, if a value was swept, lines over that value."""
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
        list[str] | None,
        typer.Argument(help="Keys to change in every row: section.key=value; study.seeds=[0] changes the study's own."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs and tables; by default runs/NAME.")] = None,
    minutes: Annotated[
        float, typer.Option(help="Start no further run after this many minutes; run again to resume.")
    ] = 1e9,
    beside: Annotated[str, typer.Option(help="Published methods to print beside them: names, or all.")] = "",
    figure: Annotated[Path | None, typer.Option(help="Also draw the rows: lines or bars (png, svg or pdf).")] = None,
    format: Format = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train every row of a study, evaluate the rows on the same questions, and test them against each other.

    Every row is a recipe with overrides and is trained once per seed. Scores are means over seeds with 95 % intervals
    over videos; differences are tested in pairs with Holm's correction. OUT/study.json records whether each run
    answered each question correctly. An interrupted study resumes when run again. A row that cannot be built is refused
    before any training. A row that fails later is left out of the table and listed at the end, with exit code 1. With
    matplotlib, bars are drawn (OUT/scores-SPLIT.svg), and lines if a number was swept (OUT/sweep-SPLIT.svg).

    Example: lookhear study studies/nets data.root=world --out runs/base
    """
    from lookhear.evaluate.literature import published
    from lookhear.evaluate.study import figure as figures
    from lookhear.evaluate.study import rows as studies
    from lookhear.evaluate.study import table as study_table
    from lookhear.train.loop import train

    methods = published.names_in(beside)
    if figure:
        figures.check(figure)
    folder = out or Path("runs") / recipe.stem
    with files.claim(folder):
        outcomes = studies.run(
            recipe,
            folder,
            lambda outcome: train(outcome, progress=False),
            overrides or (),
            minutes,
            lambda words: typer.echo(words, err=True),
        )
        asked = studies.read(recipe, overrides or ())
        result = study_table.result(asked, outcomes) | {"costs": study_table.costs_of(asked, folder)}
        files.write_json(folder / "study.json", result)
        plotted(lambda: plots(asked, result, folder))
    print(dumps(result) if as_json else study_table.text(result, format))
    if figure:
        figures.draw(result, figure)
    if methods and not as_json:
        print(f"\n{_with_published(recipe, result, methods, overrides or (), folder, format)}")
    failed = {run: why for outcome in outcomes.values() for run, why in outcome.failed.items()}
    for (name, seed), why in failed.items():
        typer.echo(f"failed and left out: {name}, seed {seed}: {why}", err=True)
    if failed:
        raise typer.Exit(1)


def _with_published(
    recipe: Path, result: dict[str, Any], methods: Sequence[str], overrides: Sequence[str], folder: Path, format: str
) -> str:
    """A table for each split: the study's rows and the published rows of its dataset."""
    from lookhear.evaluate import tables
    from lookhear.evaluate.literature import table_rows
    from lookhear.evaluate.study import rows as studies
    from lookhear.evaluate.study import table as study_table

    study = studies.read(recipe, overrides)
    first = next(iter(studies.recipes(study, recipe, folder, overrides).values()))
    sets = {one.name: (one.dataset, one.split) for one in study.beyond}
    parts = []
    for split, facts in result["splits"].items():
        dataset, part = sets.get(split, (first.data.name, split))
        ours = study_table.by_part(facts)
        if any(row["head"] or row["tail"] for row in ours.values()):
            shown = tables.by_part(ours | table_rows.parts(dataset, methods), format, groups=True)
        else:
            others = table_rows.rows(dataset, methods, part if part in table_rows.PARTS else "")
            shown = tables.grid({name: row["headtail"] for name, row in ours.items()} | others, format)
        parts.append(f"{split}, beside what is published\n\n{shown}")
    return "\n\n".join(parts)
