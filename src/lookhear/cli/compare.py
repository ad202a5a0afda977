"""lookhear compare: paired tests between two reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lookhear.evaluate.report import Report

from lookhear.cli._formats import Format
from lookhear.files import dumps


def compare(
    ours: Annotated[
        str, typer.Argument(help="Folder of a report, or several of one recipe (run0,run1), or a file of predictions.")
    ],
    theirs: Annotated[str, typer.Argument(help="The other report, runs or predictions, on the same questions.")],
    dataset: Annotated[str, typer.Option(help="Dataset, if a side is a file of predictions.")] = "",
    root: Annotated[Path | None, typer.Option(help="Folder of its annotations.")] = None,
    split: Annotated[str, typer.Option(help="Which questions were answered.")] = "test",
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Accept answers that differ only in spelling or form.")
    ] = False,
    beside: Annotated[str, typer.Option(help="Published methods to print beside both: names, or all.")] = "",
    cases: Annotated[
        Path | None, typer.Option(help="Write cases of all reports side by side (HTML); frames with --dataset, --root.")
    ] = None,
    format: Format = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Test whether one set of answers is better than another, by question type.

    Answers are paired by question: a permutation test clustered by video, McNemar's test, and Holm's correction over
    the types. A star marks differences that are significant at 5 % after correction. For tasks whose answers are not
    simply right or wrong (times, places, sentences), every metric is compared by a paired bootstrap over videos.
    If questions are head or tail, each part is also compared separately.

    Example: lookhear compare runs/av_master/report runs/question_only/report
    """
    from lookhear.errors import RecipeError
    from lookhear.evaluate import compare as compares
    from lookhear.evaluate import report as reports
    from lookhear.evaluate.predictions import scored

    def loaded(place: str) -> Report:
        path = Path(place)
        if not path.is_file():
            return reports.load(path)
        if not dataset or root is None:
            raise RecipeError(f"{place!r} is a file of predictions: give --dataset and --root, what they are about.")
        return scored(path, dataset, root, split, lenient)[0]

    if cases and cases.suffix.lower() not in (".html", ".htm"):
        raise RecipeError(f"--cases {str(cases)!r}: the cases are a page, whose name must end in .html.")
    if cases and bool(dataset) != bool(root):
        raise RecipeError("Frames of the cases need both --dataset and --root.")
    sides = [[loaded(place) for place in side.split(",") if place] for side in (ours, theirs)]
    mine, others = sides
    if any(run.overall is None for runs in sides for run in runs):
        if any(len(runs) > 1 for runs in sides):
            raise RecipeError("Several runs a side can be compared where answers are right or wrong; give one of each.")
        gaps = compares.metrics(mine[0], others[0])
        plain = {kind: {name: gap.to_json() for name, gap in some.items()} for kind, some in gaps.items()}
        print(dumps({"metrics": plain}, indent=2) if as_json else compares.metric_table(gaps, format))
        return
    if cases:
        _cases(
            {
                place: one
                for side, runs in zip((ours, theirs), sides, strict=True)
                for place, one in zip(side.split(","), runs, strict=True)
            },
            cases,
            dataset,
            root,
            split,
        )
    comparison = compares.compare(mine, others)
    if as_json:
        print(dumps(comparison.to_json(), indent=2))
        return
    print(compares.table(comparison, format, ("ours", "theirs")))
    if beside:
        print(f"\n{_with_published({'ours': sides[0], 'theirs': sides[1]}, beside, format)}")
    for side, spread in comparison.spreads.items():
        print(
            f"{side}: {spread['runs']} runs, overall {spread['mean']:.2f} ± {spread['deviation']:.2f} "
            f"(standard deviation), {spread['min']:.2f} to {spread['max']:.2f}"
        )
    if comparison.left_out:
        print(f"note: {comparison.left_out} questions that only one side answered are left out")


def _cases(reports: dict[str, Report], out: Path, dataset: str, root: Path | None, split: str) -> None:
    """Write the sheet of cases; it shows clips if the dataset and its folder are given."""
    import sys

    from lookhear import datasets
    from lookhear.evaluate.draw import cases

    clips = {e.id: e.clip for e in datasets.load(dataset, root, split)} if dataset and root else None
    named = {str(one.card.get("model") or place): one for place, one in reports.items()}
    named = (
        named if len(named) == len(reports) else reports
    )  # runs with equal names are shown with their folders' names
    count = cases.sheet(named, out, clips)
    print(f"{count} cases side by side: {out}", file=sys.stderr)


def _with_published(sides: dict[str, list[Report]], wanted: str, format: str) -> str:
    """The first report of each side and the published rows of its dataset."""
    from lookhear.errors import RecipeError
    from lookhear.evaluate.literature import published, table_rows

    reports = {f"{name} ({runs[0].card.get('model', name)})": runs[0] for name, runs in sides.items()}
    card = next(iter(reports.values())).card
    if not card.get("dataset"):
        raise RecipeError("The first report names no dataset, so it cannot be compared with published rows.")
    return table_rows.beside(reports, card["dataset"], card.get("split", ""), published.names_in(wanted), format)
