"""lookhear evaluate: a model and a dataset in, the field's table out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[str, typer.Argument(help="A run folder or a shipped model.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset, with its version: music_avqa@update.")],
    root: Annotated[Path, typer.Option(help="Folder of its annotations and media.")],
    split: Annotated[str, typer.Option(help="Which questions to ask.")] = "test",
    store: Annotated[Path | None, typer.Option(help="Feature store; by default ROOT/features.")] = None,
    probe: Annotated[str, typer.Option(help="Ask with something taken away; see lookhear list probes.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for report.json, answers.jsonl and table.md.")] = None,
    format: Annotated[str, typer.Option(help="text, markdown, latex or csv.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask a model a dataset's questions and score the answers by type, with 95 % intervals clustered by video.

    Features that the store lacks are made. Clips that cannot be read count as wrong and are listed; the exit code is
    then 1.

    Example: lookhear evaluate runs/av_master --dataset soundstage --root world --out report
    """
    from lookhear import catalog, datasets
    from lookhear.errors import RecipeError
    from lookhear.evaluate import report as reports
    from lookhear.evaluate import statistics
    from lookhear.evaluate.probes import PROBES
    from lookhear.evaluate.run import run, unanswered
    from lookhear.model import load
    from lookhear.store.features import FeatureStore
    from lookhear.train.log import bar

    if probe and probe not in PROBES:
        raise RecipeError(catalog.unknown("probe", probe, PROBES))
    answering = load(model, FeatureStore(store or root / "features", cache=True))
    examples = datasets.load(dataset, root, split)
    if probe:
        examples = PROBES[probe](examples)
    with bar(sys.stderr.isatty()) as shown:
        answers = run(answering, examples, progress=lambda done, total: shown.show("asking", done, total))
    card = {
        "model": answering.name,
        "dataset": dataset,
        "split": split,
        "videos": len({reports.video_of(e) for e in examples}),
        "interval": f"95 %, bootstrap over videos, {statistics.RESAMPLES} resamples",
        **({"probe": probe} if probe else {}),
    }
    lost = unanswered(examples, answers)
    if lost:
        card["unread"] = lost
    scored = reports.report(examples, answers, card)
    if out:
        scored.save(out)
    print(json.dumps(scored.to_json(), indent=2, ensure_ascii=False) if as_json else scored.table(format))
    for clip, reason in lost.items():
        print(f"not read: {clip}: {reason}", file=sys.stderr)
    if lost:
        raise typer.Exit(1)
