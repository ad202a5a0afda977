"""lookhear score: anybody's predictions, in the paper's table with intervals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookhear.cli._plots import of_report
from lookhear.files import dumps


def score(
    predictions: Annotated[Path, typer.Argument(help="JSON, JSONL, CSV, answers.jsonl or TSPM.result: id and answer.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which questions were answered.")] = "test",
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Read answers that differ only in writing as meant.")
    ] = False,
    format: Annotated[str, typer.Option(help="text, markdown, latex or csv.")] = "text",
    beside: Annotated[str, typer.Option(help="Published methods to print beside it: TSPM,QA-TIGER, or all.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to keep the report in, for lookhear compare.")] = None,
    rows: Annotated[Path | None, typer.Option(help="One row a question into this file: .csv or .parquet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score a file of predictions by question type, with 95 % intervals clustered by video.

    Questions without a prediction count as wrong; they, predictions for no question, and answers no question can have
    are counted and reported, and the exit code is 1 when ids do not match.

    Example: lookhear score --dataset music_avqa --root data/music_avqa predictions.json
    """
    from lookhear.evaluate import predictions as files
    from lookhear.evaluate import report as reports
    from lookhear.evaluate import tables
    from lookhear.evaluate.literature import published, table_rows

    sets = [name.strip() for name in dataset.split(",") if name.strip()] or [dataset]
    results = {name: files.scored(predictions, name, root, split, lenient) for name in sets}
    if len(sets) > 1:  # what one set does not ask another may
        nowhere = set.intersection(*(set(found.extra) for _, found in results.values()))
        results = {name: (r, replace(found, extra=tuple(nowhere))) for name, (r, found) in results.items()}
    scored, found = results[sets[0]]
    alike = scored.card.get("consistency")
    named = published.names_in(beside) if beside else []
    others = {name: table_rows.rows(name, named) if named else {} for name in results}
    for name, (each, _) in results.items():
        if out:
            folder = out / name if len(sets) > 1 else out
            each.save(folder)
            of_report(each, folder, others[name])
        if rows:
            each.export(rows.with_stem(f"{rows.stem}-{name}") if len(sets) > 1 else rows)
    if as_json:
        plain = {name: each.to_json() for name, (each, _) in results.items()}
        print(dumps(plain if len(sets) > 1 else plain[sets[0]], indent=2))
    elif beside or len(sets) > 1:
        lines = {}
        for name, (each, _) in results.items():
            end = f" on {name}" if len(sets) > 1 else ""
            lines[f"{predictions.stem}{end}"] = tables.columns(each)
            lines |= {f"{other}{end}": values for other, values in others[name].items()}
        print(tables.grid(lines, format))
    elif apart := reports.parts(scored):
        print(tables.head_and_tail(scored, apart, format))
    else:
        print(scored.table(format))
    if alike and not as_json and len(sets) == 1:
        print(f"rephrasings of one question get the same answer: {alike['agreement']:.2f} % of pairs")
        print(f"every rephrasing answered right: {alike['all_right']:.2f} % of questions")
    for name, (_, found) in results.items():
        for line in found.lines():
            where = f"{name}: " if len(sets) > 1 else ""
            print(f"note: {where}{line}", file=sys.stderr if as_json or format != "text" else sys.stdout)
    if any(found.missing or found.extra for _, found in results.values()):
        raise typer.Exit(1)
