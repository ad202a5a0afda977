"""The model card of a run folder: what it is, what it reads, what it costs and how it scores, in the hub's format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear import config, files
from lookhear.errors import not_installed
from lookhear.model import costs


def page(run: Path, repo: str = "", reports: Mapping[str, Any] | None = None) -> str:
    """The card as Markdown under the hub's head. `reports` are those of `lookhear evaluate --out`, by name.

    Raises DependencyError without huggingface_hub.
    """
    try:
        from huggingface_hub import EvalResult, ModelCardData
    except ImportError as error:
        raise not_installed(error, "A model card") from None
    recipe = config.load(run / "recipe.yaml")
    cards = files.read_json(run / "features.json", dict)
    net = recipe.net.get("name", "net")
    name = repo.rpartition("/")[2] or run.resolve().name
    results = [
        EvalResult(
            task_type="visual-question-answering",
            dataset_type=str(report["card"].get("dataset", label)),
            dataset_name=str(report["card"].get("dataset", label)),
            dataset_split=str(report["card"].get("split", "test")),
            metric_type="accuracy",
            metric_value=report["overall"]["accuracy"],
        )
        for label, report in (reports or {}).items()
        if "overall" in report
    ]
    head = ModelCardData(
        library_name="lookhear",
        tags=["audio-visual", "question-answering", net],
        datasets=[recipe.data.name.partition("@")[0]],
        model_name=name if results else None,
        eval_results=results or None,
    )
    lines = ["---", head.to_yaml(), "---", f"# {name}", "", _about(recipe, net), ""]
    lines += ["## Use", "", "```python", "from lookhear import from_pretrained", ""]
    lines += [
        f'model = from_pretrained("{repo or "FOLDER"}")',
        'model.ask("clip.mp4", "Who plays first?")',
    ]
    lines += ["```", "", "## Reads", "", "| stream | encoder | weights (sha256) |", "| --- | --- | --- |"]
    for stream, served in recipe.features.items():
        told = str(cards.get(served.partition(":")[0], {}).get("weights", "-"))
        lines.append(f"| {stream} | `{served}` | {told[:16]} |")
    if spent := costs.read(run):
        lines += ["", "## Costs", "", _row(("", *costs.HEAD)), _row(["---"] * (1 + len(costs.HEAD)))]
        lines.append(_row([net, *costs.cells(spent)]))
    for label, report in (reports or {}).items():
        if "overall" in report:
            lines += ["", f"## Scores: {label}", "", *_scores(report)]
    return "\n".join([*lines, ""])


def _about(recipe: config.Recipe, net: str) -> str:
    settings = ", ".join(f"{k} {v}" for k, v in recipe.net.items() if k != "name")
    train = recipe.train
    return (
        f"The network `{net}`{f' ({settings})' if settings else ''} of lookhear, trained on {recipe.data.name} "
        f"({recipe.data.train}): {train.epochs} epochs, batch {train.batch}, {train.optimizer}, learning rate "
        f"{train.lr:g}, seed {recipe.seed}. It answers questions about a clip from features of its picture and sound."
    )


def _scores(report: Mapping[str, Any]) -> list[str]:
    scores = {**report.get("types", {}), **report.get("groups", {}), "Overall": report["overall"]}
    lines = [_row(("type", "accuracy", "95 % interval", "questions")), _row(["---"] * 4)]
    for name, one in scores.items():
        low, high = one["interval"]
        lines.append(_row((name, f"{one['accuracy']:.2f}", f"{low:.2f} to {high:.2f}", str(one["total"]))))
    return lines


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
