"""lookhear check: find missing, broken, duplicated or leaking items in a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps
from lookhear.progress import bars


def check(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset, with its version: music_avqa@original.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations and media.")],
    split: Annotated[list[str] | None, typer.Option(help="Only these splits (repeatable).")] = None,
    media: Annotated[bool, typer.Option(help="Open every media file the questions need.")] = True,
    near: Annotated[bool, typer.Option("--near", help="Also find near-duplicate media (decodes all: slow).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check annotations and media; exit code 1 if anything is missing, broken, duplicated or leaking.

    Example: lookhear check music_avqa@update --root data/music_avqa
    """
    from lookhear.evaluate.check.annotations import check as look_over

    with bars(as_json) as bar:

        def progress(paths, what):
            tick = bar(what, len(paths))
            for path in paths:
                yield path
                tick()

        checkup = look_over(dataset, root, split or (), media, near, progress)
    if as_json:
        print(dumps(checkup.to_json(), indent=2))
    else:
        for name, facts in checkup.splits.items():
            print(f"{name}: {facts['read']} of {facts['rows']} rows read, {facts['videos']} videos, {facts['file']}")
        for finding in checkup.findings:
            print(f"\n{finding.split}: {finding.message}")
            for case in finding.cases:
                print(f"    {case}")
            if finding.count > len(finding.cases):
                print(f"    … and {finding.count - len(finding.cases)} more")
        print("" if checkup.findings else "nothing found")
    if checkup.findings:
        raise typer.Exit(1)
