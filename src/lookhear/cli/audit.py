"""lookhear audit: measure whether a model uses sound, picture, order and question."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lookhear.evaluate.audit.card import Card

from lookhear.cli._formats import Format
from lookhear.files import dumps


def audit(
    model: Annotated[str, typer.Argument(help="A run folder, a shipped model, or a file of predictions.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations and media.")],
    split: Annotated[str, typer.Option(help="Which questions to ask.")] = "test",
    train: Annotated[str, typer.Option(help="Training split, for floors and leaks; '' for none.")] = "train",
    store: Annotated[Path | None, typer.Option(help="Feature store; by default ROOT/features.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the questions about this many videos, drawn by seed.")] = None,
    ways: Annotated[int, typer.Option(min=0, help="Rephrasings of each question.")] = 3,
    shift: Annotated[int, typer.Option(help="Seconds by which the sound is shifted.")] = 3,
    films: Annotated[int, typer.Option(min=1, help="Most clips that are decoded and mirrored.")] = 100,
    margin: Annotated[float, typer.Option(help="Percentage points within which a change counts as none.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Seed for the clips and questions that are swapped.")] = 0,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Accept predictions that differ only in spelling or form.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for audit.html, audit.json and audit.md.")] = None,
    format: Format = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove sound, picture, question or order and measure the change in accuracy: a model's robustness card.

    Every line is a paired change of accuracy with a 95 % interval clustered by video, and a verdict: used, not used,
    misleads, or cannot tell. What cannot be measured is listed with the reason. The exit code is 1 if clips could not
    be read; verdicts do not change it. For a file of predictions (see lookhear score), only floors, priors, leaks and
    head against tail are measured.

    Example: lookhear audit runs/av_master --dataset soundstage --root world --out card
    """
    from functools import partial

    from lookhear import catalog, datasets
    from lookhear.cli._served import late
    from lookhear.curate.robust import rephrase
    from lookhear.curate.robust import split as splits
    from lookhear.errors import DatasetError, RecipeError
    from lookhear.evaluate.audit import page as audit_page
    from lookhear.evaluate.audit.card import audit as look_over
    from lookhear.evaluate.audit.card import of_videos
    from lookhear.evaluate.tables import FORMATS
    from lookhear.model import load
    from lookhear.progress import bars
    from lookhear.store.features import FeatureStore

    if format not in FORMATS:
        raise RecipeError(catalog.unknown("table format", format, FORMATS))
    examples = datasets.load(dataset, root, split)
    try:
        learned = datasets.load(dataset, root, train) if train else []
    except DatasetError as error:
        learned = []
        print(f"note: floors and leaks are not done: {error}", file=sys.stderr)
    facts = {"dataset": dataset, "split": split, "train": train, "seed": seed, "limit": limit}
    if Path(model).is_file():
        from lookhear.evaluate.audit.card import audit_answers
        from lookhear.evaluate.predictions import scored

        report, matched = scored(model, dataset, root, split, lenient)
        for line in matched.lines():
            print(f"note: {line}", file=sys.stderr)
        name = Path(model).stem
        card = audit_answers(name, report.examples, report.answers, learned, splits.parts, margin, seed, facts)
        _show(card, audit_page.save(card, out) if out else None, format, as_json)
        return
    if limit is not None:
        examples = of_videos(examples, limit, seed)
    answering = load(model, FeatureStore(store or root / "features", cache=True), **late(model))
    with bars(quiet=not sys.stderr.isatty()) as shown:
        card = look_over(
            answering,
            examples,
            learned,
            rephrase=partial(rephrase.rephrase, count=ways, seed=seed) if ways else None,
            part=splits.parts,
            margin=margin,
            shift=shift,
            films=films,
            seed=seed,
            facts=facts,
            progress=lambda what, done, total: shown.show(f"auditing: {what}", done, total),
        )
    _show(card, audit_page.save(card, out) if out else None, format, as_json)
    for clip, reason in card.facts["unread"].items():
        print(f"not read: {clip}: {reason}", file=sys.stderr)
    if card.facts["unread"]:
        raise typer.Exit(1)


def _show(card: Card, where: Path | None, format: str, as_json: bool) -> None:
    from lookhear.evaluate.audit import page as audit_page

    if as_json:
        print(dumps(card.to_json(), indent=2))
    else:
        print(audit_page.text(card, format))
        for sentence in audit_page.sentences(card) if format == "text" else ():
            print(sentence)
        if where and format == "text":
            print(f"The card: {where}")
