"""lookhear list: names of models, nets, datasets, encoders, tasks and more."""

from __future__ import annotations

from typing import Annotated

import typer

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.files import dumps

KINDS = {"models": ("nets", "llms"), "nets": ("nets",), "llms": ("llms",), "debias": ("debias",)} | {
    k: (k,) for k in ("datasets", "encoders", "tasks", "metrics", "dialects")
}
OTHERS = ("recipes", "probes", "methods", "columns")  # kinds that are not files on a shelf


def list_(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join((*KINDS, *OTHERS))}.")] = "models",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, name to description.")] = False,
) -> None:
    """List models, nets, datasets, encoders, tasks, recipes and more, by name.

    Example: lookhear list encoders
    """
    if kind not in (*KINDS, *OTHERS):
        raise RecipeError(catalog.unknown("kind of thing", kind, (*KINDS, *OTHERS)))
    found = _others(kind) or {n: line for shelf in KINDS[kind] for n, line in catalog.names(shelf).items()}
    if as_json:
        print(dumps(found, indent=2))
        return
    width = max(20, *map(len, found))
    for name, line in found.items():
        print(f"{name:{width}s} {line}")


def _others(kind: str) -> dict[str, str]:
    if kind == "recipes":
        from lookhear import config

        return config.recipes()
    if kind == "methods":
        from lookhear.evaluate.literature import published

        return published.names()
    if kind == "columns":
        from lookhear.evaluate import many

        return many.names()
    if kind == "probes":
        from lookhear.evaluate.probes import PROBES

        return {name: (probe.__doc__ or "").split("\n")[0] for name, probe in PROBES.items()}
    return {}
