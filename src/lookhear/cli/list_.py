"""lookhear list: what there is, by name."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from lookhear import catalog
from lookhear.errors import RecipeError

KINDS = {"models": ("nets", "llms"), "nets": ("nets",), "llms": ("llms",), "debias": ("debias",)} | {
    k: (k,) for k in ("datasets", "encoders", "tasks", "metrics")
}


def list_(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join(KINDS)}.")] = "models",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, name to description.")] = False,
) -> None:
    """List what lookhear knows by name.

    Example: lookhear list encoders
    """
    if kind not in KINDS:
        raise RecipeError(catalog.unknown("kind of thing", kind, KINDS))
    found = {name: line for shelf in KINDS[kind] for name, line in catalog.names(shelf).items()}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, line in found.items():
        print(f"{name:20s} {line}")
