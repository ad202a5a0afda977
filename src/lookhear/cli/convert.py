"""lookhear convert: a published checkpoint becomes a run folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def convert(
    net: Annotated[
        str, typer.Argument(help="Whose checkpoint it is: tspm, apl, lavish …; any other name lists them all.")
    ],
    checkpoint: Annotated[Path, typer.Argument(help="The published .pt, .pth, .bin or .safetensors file.")],
    out: Annotated[Path, typer.Option(help="Run folder to write.")],
    features: Annotated[
        list[str] | None,
        typer.Option(help="Adopted features or an encoder: NAME for every stream, or STREAM=NAME (again for more)."),
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Feature store they are in.")] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="Recipe that says how it reads features and answers.  [default: music_avqa/NET, or soundstage/NET]"
        ),
    ] = "",
    vocabulary: Annotated[
        Path | None, typer.Option(help="JSON list of its answers, in the order of its classes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a run folder from published weights; evaluate, audit, compare and ask then take it like any run.

    Prefixes that parallel training and torch.compile leave, and what wraps the weights, are taken off; a checkpoint
    with NaN or of another net is refused. No code in the file is run.

    Example: lookhear convert tspm TSPM.pt --features feats --store store --out runs/tspm
    """
    from lookhear import config
    from lookhear.train import convert as conversion

    overrides = [f"out={out}", *([f"data.store={store}"] if store else [])]
    options = config.load(recipe, overrides) if recipe else conversion.recipe_of(net, overrides)
    run = conversion.convert(net, checkpoint, options, _list(vocabulary) if vocabulary else (), features or ())
    sizes = config.load(run / "recipe.yaml").net
    if as_json:
        print(json.dumps({"run": str(run), "net": sizes}))
        return
    print(f"{run}: {net}, " + ", ".join(f"{name} {size}" for name, size in sizes.items() if name != "name"))
    print(
        f"next: lookhear evaluate {run} --dataset {options.data.name} --root DIR"
        + (f" --store {store}" if store else "")
    )


def _list(path: Path) -> list[str]:
    from lookhear.errors import ModelError

    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable as a JSON list of answers ({error}).") from None
    found = sorted(found, key=found.get) if isinstance(found, dict) else found  # {"two": 0, …}
    if not isinstance(found, list) or not all(isinstance(a, str) for a in found):
        raise ModelError(f"{path}: expected a JSON list of answers, or answers with their numbers.")
    return found
