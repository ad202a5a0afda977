"""lookhear lint: blind floors and faults of any file of questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def lint(
    questions: Annotated[str, typer.Argument(help="A question file, or a dataset's name with --root.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the dataset, where a name is given.")] = None,
    split: Annotated[str, typer.Option(help="Which split of a dataset.")] = "test",
    against: Annotated[list[Path] | None, typer.Option(help="A training file that must not hold these.")] = None,
    resamples: Annotated[int, typer.Option(help="Draws of videos for the intervals.", min=10)] = 1000,
    out: Annotated[Path | None, typer.Option(help="Folder for lint.json and lint.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What is reached without seeing or hearing, and what is wrong with the questions; exit code 1 where a fault is.

    Blind floors with intervals over videos: the position, the longest option, a classifier on the shape of options, on
    their words, on both; of yes/no questions always yes and the words of the question. Faults: questions asked twice,
    doubled ids, options alike, answers that are no option, times past the end, leaks.

    Example: lookhear lint qa.json

    Example: lookhear lint QA.json --against train.json --out report
    """
    from lookhear import files
    from lookhear.evaluate.lint import page, source

    name, annotations = source.read(questions, root, split)
    others = {path.name: source.read(str(path))[1].examples for path in against or ()}
    found = page.lint(name, annotations, others, resamples)
    text = json.dumps(found.to_json(), indent=2, ensure_ascii=False)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        files.write(out / "lint.json", text + "\n")
        files.write(out / "lint.html", found.html())
    print(text if as_json else found.text())
    if found.findings:
        raise typer.Exit(1)
