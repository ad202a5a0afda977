"""lookhear score: score a file of predictions by question type, with intervals."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookhear.cli._formats import Format
from lookhear.cli._plots import of_report
from lookhear.files import dumps


def score(
    predictions: Annotated[Path, typer.Argument(help="JSON, JSONL, CSV, answers.jsonl or TSPM.result: id and answer.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which questions were answered.")] = "test",
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Accept answers that differ only in spelling or form.")
    ] = False,
    format: Format = "text",
    beside: Annotated[str, typer.Option(help="Published methods to print as well: TSPM,QA-TIGER, or all.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to keep the report in, for lookhear compare.")] = None,
    rows: Annotated[Path | None, typer.Option(help="File for one row per question: .csv or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score a file of predictions by question type, with 95 % intervals clustered by video.

    Questions without a prediction count as wrong. They are reported, and so are predictions for unknown questions and
    answers outside the vocabulary. The exit code is 1 if ids do not match.

    Example: lookhear score --dataset music_avqa --root data/music_avqa predictions.json
    """
    from lookhear.evaluate import predictions as files
    from lookhear.evaluate import tables
    from lookhear.evaluate.literature import published, table_rows
    from lookhear.evaluate.scores import Score

    sets = [name.strip() for name in dataset.split(",") if name.strip()] or [dataset]
    results = {name: files.scored(predictions, name, root, split, lenient) for name in sets}
    if len(sets) > 1:  # an id is extra only if no set asks it
        nowhere = set.intersection(*(set(matched.extra) for _, matched in results.values()))
        results = {name: (r, replace(matched, extra=tuple(nowhere))) for name, (r, matched) in results.items()}
    scored, _ = results[sets[0]]
    consistency = scored.card.get("consistency")
    methods = published.names_in(beside)
    for name, (each, _) in results.items():
        if out:
            folder = out / name if len(sets) > 1 else out
            each.save(folder)
            of_report(each, folder, table_rows.rows(name, methods))
        if rows:
            each.export(rows.with_stem(f"{rows.stem}-{name}") if len(sets) > 1 else rows)
    if as_json:
        plain = {name: each.to_json() for name, (each, _) in results.items()}
        print(dumps(plain if len(sets) > 1 else plain[sets[0]], indent=2))
    elif len(sets) > 1:
        lines: dict[str, Mapping[str, Score | float | None]] = {}
        for name, (each, _) in results.items():
            lines[f"{predictions.stem} on {name}"] = tables.columns(each)
            others = table_rows.rows(name, methods)
            lines.update((f"{other} on {name}", values) for other, values in others.items())
        print(tables.grid(lines, format))
    elif beside:
        if scored.parts and format in ("text", "markdown"):
            print(scored.table(format), end="\n\n")
        print(table_rows.beside({predictions.stem: scored}, sets[0], split, methods, format))
    else:
        print(scored.table(format))
    if consistency and not as_json and len(sets) == 1:
        if "agreement" in consistency:
            print(f"rephrasings of one question get the same answer: {consistency['agreement']:.2f} % of pairs")
        print(f"every rephrasing answered right: {consistency['all_right']:.2f} % of questions")
    for name, (_, matched) in results.items():
        for line in matched.lines():
            where = f"{name}: " if len(sets) > 1 else ""
            print(f"note: {where}{line}", file=sys.stderr if as_json or format != "text" else sys.stdout)
    if any(matched.missing or matched.extra for _, matched in results.values()):
        raise typer.Exit(1)
