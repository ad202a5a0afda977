"""lookhear score: anybody's predictions, in the paper's table with intervals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def score(
    predictions: Annotated[Path, typer.Argument(help="JSON file of {question_id: answer}.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations.")],
    split: Annotated[str, typer.Option(help="Which questions were answered.")] = "test",
    format: Annotated[str, typer.Option(help="text, markdown, latex or csv.")] = "text",
    beside: Annotated[str, typer.Option(help="Published methods to print beside it: TSPM,QA-TIGER, or all.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder to keep the report in, for lookhear compare.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score a file of predictions by question type, with 95 % intervals clustered by video.

    Questions without a prediction count as wrong; they, predictions for no question, and answers no question can have
    are counted and reported, and the exit code is 1 when ids do not match.

    Example: lookhear score --dataset music_avqa --root data/music_avqa predictions.json
    """
    from lookhear import datasets
    from lookhear.evaluate import predictions as files
    from lookhear.evaluate import report as reports
    from lookhear.evaluate import statistics, tables
    from lookhear.metrics import answers

    examples = datasets.load(dataset, root, split)
    module, _ = datasets.find(dataset)
    found = files.match(files.read(predictions), examples, getattr(module, "VOCABULARY", ()))
    card = {
        "model": predictions.stem,
        "dataset": dataset,
        "split": split,
        "videos": len({reports.video_of(e) for e in examples}),
        "interval": f"95 %, bootstrap over videos, {statistics.RESAMPLES} resamples",
        **found.to_json(),
    }
    alike = {}
    if getattr(module, "REPHRASED", False):
        same = [e.meta["question_id"] for e in examples]
        alike = dict(answers.consistency(found.answers, [e.reference for e in examples], same))
        card["consistency"] = {name: round(value, 4) for name, value in alike.items()}
    scored = reports.report(examples, found.answers, card)
    if out:
        scored.save(out)
    if as_json:
        print(json.dumps(scored.to_json(), indent=2, ensure_ascii=False))
    elif beside:
        from lookhear.evaluate import published

        rows = published.rows(dataset, published.names_in(beside))
        print(tables.grid({card["model"]: tables.columns(scored)} | rows, format))
    elif apart := reports.parts(scored):
        print(tables.head_and_tail(scored, apart, format))
    else:
        print(scored.table(format))
    if alike and not as_json:
        print(f"rephrasings of one question get the same answer: {alike['agreement']:.2f} % of pairs")
        print(f"every rephrasing answered right: {alike['all_right']:.2f} % of questions")
    for line in found.lines():
        print(f"note: {line}", file=sys.stderr if as_json or format != "text" else sys.stdout)
    if found.missing or found.extra:
        raise typer.Exit(1)
