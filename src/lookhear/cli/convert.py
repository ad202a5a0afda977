"""lookhear convert: turn a published checkpoint into a run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps


def convert(
    net: Annotated[str, typer.Argument(help="Net of the checkpoint: tspm, apl, lavish …; any other name lists them.")],
    checkpoint: Annotated[Path, typer.Argument(help="The published .pt, .pth, .bin or .safetensors file.")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    features: Annotated[
        list[str] | None,
        typer.Option(help="Adopted features or an encoder: NAME for every stream, or STREAM=NAME (repeatable)."),
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Feature store with these features.")] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="Recipe that defines its features and answers.  [default: music_avqa/NET, or soundstage/NET]"
        ),
    ] = "",
    vocabulary: Annotated[Path | None, typer.Option(help="JSON list of the net's answers, in class order.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a run folder from published weights, for use with evaluate, audit, compare and ask.

    Prefixes left by parallel training and torch.compile are removed, and nested state dicts are unwrapped. A checkpoint
    with NaN values or of another net is refused. The file is read without running any code it holds.

    Example: lookhear convert tspm TSPM.pt --features feats --store store --out runs/tspm
    """
    from lookhear import config
    from lookhear.train import convert as conversion

    overrides = [f"out={out}", *([f"data.store={store}"] if store else [])]
    options = config.load(recipe, overrides) if recipe else conversion.recipe_of(net, overrides)
    run = conversion.convert(net, checkpoint, options, _list(vocabulary) if vocabulary else (), features or ())
    sizes = config.load(run / "recipe.yaml").net
    if as_json:
        print(dumps({"run": str(run), "net": sizes}))
        return
    print(f"{run}: {net}, " + ", ".join(f"{name} {size}" for name, size in sizes.items() if name != "name"))
    print(
        f"next: lookhear evaluate {run} --dataset {options.data.name} --root DIR"
        + (f" --store {store}" if store else "")
    )


def _list(path: Path) -> list[str]:
    from lookhear.errors import ModelError

    try:
        answers = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable as a JSON list of answers ({error}).") from None
    answers = (
        sorted(answers, key=lambda answer: answers[answer]) if isinstance(answers, dict) else answers
    )  # {"two": 0, …}
    if not isinstance(answers, list) or not all(isinstance(a, str) for a in answers):
        raise ModelError(f"{path}: expected a JSON list of answers, or answers with their numbers.")
    return answers
