"""lookhear lint: measure blind floors and list faults of any question file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps


def lint(
    questions: Annotated[str, typer.Argument(help="A question file, or a dataset's name with --root.")],
    root: Annotated[Path | None, typer.Option(help="Folder of the dataset, if a name is given.")] = None,
    split: Annotated[str, typer.Option(help="Which split of a dataset.")] = "test",
    against: Annotated[
        list[Path] | None, typer.Option(help="Training file that must not contain these questions.")
    ] = None,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of videos for the intervals.", min=10)] = 1000,
    out: Annotated[Path | None, typer.Option(help="Folder for lint.json and lint.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the accuracy without picture and sound, and list faults of a question file; exit code 1 on faults.

    Blind floors, with intervals over videos: an empty reply, the most frequent position, the longest option, a
    classifier on the form of the options, on their words, and on both; for yes/no questions, always "yes" and a
    classifier on the question's words; for open answers, the most frequent one and a classifier on the question's
    words; for captions, events, boxes and masks, one reply for all questions. Faults: repeated questions, duplicate
    ids, equal options, answers that are not among the options, times past the end of the clip, leaks.

    Example: lookhear lint qa.json

    Example: lookhear lint QA.json --against train.json --out report
    """
    from lookhear import files
    from lookhear.errors import DatasetError
    from lookhear.evaluate.lint import page, source

    name, annotations = source.read(questions, root, split)
    if not annotations.examples and not annotations.faults:
        raise DatasetError(f"{questions!r} holds no questions. Give a question file, or a dataset's name with --root.")
    others = {path.name: source.read(str(path))[1].examples for path in against or ()}
    linted = page.lint(name, annotations, others, resamples)
    text = dumps(linted.to_json(), indent=2)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        files.write(out / "lint.json", text + "\n")
        files.write(out / "lint.html", linted.html())
    print(text if as_json else linted.text())
    if linted.findings:
        raise typer.Exit(1)
