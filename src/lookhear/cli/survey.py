"""lookhear survey: tables and a figure of published methods and their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.cli._formats import Format
from lookhear.files import dumps


def survey(
    figure: Annotated[Path | None, typer.Option(help="Write the figure here (png, svg or pdf).")] = None,
    contradictions: Annotated[
        bool, typer.Option("--contradictions", help="Print published numbers that contradict each other.")
    ] = False,
    table: Annotated[
        str, typer.Option(help="Print one table as published: av_master/VI; see lookhear list tables.")
    ] = "",
    ours: Annotated[
        list[Path] | None, typer.Option(help="With --table: the folder of a report or a study, to put beside it.")
    ] = None,
    beside: Annotated[str, typer.Option(help="Print the published rows of these methods (names, or all).")] = "",
    dataset: Annotated[str, typer.Option(help="With --beside: on which dataset.")] = "music_avqa",
    split: Annotated[
        str, typer.Option(help="With --beside: head or tail of music_avqa_r, test_bias of music_avqa_v2, and so on.")
    ] = "",
    format: Format = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print published results by question type and by design, and the best result of each year.

    Example: lookhear survey --figure survey.png

    Example: lookhear survey --beside MCCD,AV-Master --dataset music_avqa_r --split tail
    """
    from lookhear.errors import RecipeError
    from lookhear.evaluate import tables
    from lookhear.evaluate.literature import contradictions as checks
    from lookhear.evaluate.literature import printed, published, survey, table_rows

    if table:
        shown = printed.with_ours(printed.table(table), ours or ())
        print(dumps(shown.to_json(), indent=2) if as_json else shown.lay_out(format))
        return
    if ours:
        raise RecipeError("--ours stands beside one published table: give --table as well.")
    if beside:
        found = table_rows.alone(dataset, split, published.names_in(beside))
        print(dumps(found, indent=2) if as_json else tables.grid(found, format))
        return
    if figure:
        survey.draw(figure)
    if contradictions:
        print(dumps([vars(c) for c in checks.contradictions()], indent=2) if as_json else checks.page().rstrip())
        return
    grouped = {dataset: survey.designs(dataset) for dataset in survey.DATASETS}
    years = survey.progress("music_avqa")
    if as_json:
        listed = [{**vars(m)} for m in published.methods()]
        by_type = {dataset: survey.by_type(dataset) for dataset in survey.DATASETS}
        everything = {
            "question_types": survey.question_types(),
            "designs": grouped,
            "by_type": by_type,
            "progress": years,
            "methods": listed,
        }
        print(dumps({**everything, "datasets": published.datasets()}, indent=2))
        return
    kinds = survey.question_types()
    rows = [[k["type"], k["asks"], k["example"], *(f"{k[d]:,}" for d in survey.DATASETS)] for k in kinds]
    print(tables.lay_out(["question type", "asks", "template", *survey.DATASETS.values()], rows, "text"), end="\n\n")
    for dataset, title in survey.DATASETS.items():
        print(f"{title}: mean accuracy by question type")
        rows = [
            [f"{kind} ({means['methods']})", *(f"{means[t]:.2f}" if t in means else "-" for t in survey.TYPES)]
            for kind, means in grouped[dataset].items()
        ]
        print(tables.lay_out(["design (methods)", *survey.TYPES], rows, "text"), end="\n\n")
    print("MUSIC-AVQA: overall accuracy by year, as published; * was the best so far")
    print(f"({survey.RULE})")
    best = 0.0
    for year, method, overall in years:
        print(f"{year}  {overall:6.2f}{'*' if overall > best else ' '}  {method}")
        best = max(best, overall)
    print(f"\n{len(published.methods())} methods: lookhear list methods")
