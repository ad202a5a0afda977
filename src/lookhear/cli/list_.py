"""lookhear list: list the names of models, nets, datasets, encoders, tasks and more."""

from __future__ import annotations

from typing import Annotated

import typer

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.files import dumps

KINDS = {"models": ("nets", "llms"), "nets": ("nets",), "llms": ("llms",), "debias": ("debias",)} | {
    k: (k,) for k in ("datasets", "encoders", "tasks", "metrics", "dialects")
}
OTHERS = ("recipes", "probes", "methods", "tables", "columns")  # kinds that are not files on a shelf


def list_(
    kind: Annotated[str, typer.Argument(help=f"One of: {', '.join((*KINDS, *OTHERS))}.")] = "models",
    costs: Annotated[
        bool, typer.Option("--costs", help="For nets: parameters, operations, time and memory of a step (a minute).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, name to description.")] = False,
) -> None:
    """List models, nets, datasets, encoders, tasks, recipes and more, by name.

    With --costs: nets at their published sizes, for a clip of 60 s with one row of features per second (10 frames for
    nets with their own towers) and a question of 14 words. A training step has 8 questions about 2 clips and is timed
    on this machine.

    Example: lookhear list encoders

    Example: lookhear list nets --costs
    """
    if kind not in (*KINDS, *OTHERS):
        raise RecipeError(catalog.unknown("kind of thing", kind, (*KINDS, *OTHERS)))
    if costs:
        _costs(kind, as_json)
        return
    described = _others(kind) or {n: line for shelf in KINDS[kind] for n, line in catalog.names(shelf).items()}
    if as_json:
        print(dumps(described, indent=2))
        return
    width = max(20, *map(len, described))
    for name, line in described.items():
        print(f"{name:{width}s} {line}")


def _costs(kind: str, as_json: bool) -> None:
    from lookhear.evaluate import tables
    from lookhear.model.costs import HEAD, cells
    from lookhear.progress import bars
    from lookhear.train import typical

    if kind != "nets":
        raise RecipeError(f"--costs is for nets, not for {kind}: lookhear list nets --costs")
    counted, names = {}, list(catalog.names("nets"))
    with bars(quiet=as_json) as shown:
        for number, name in enumerate(names, 1):
            counted[name] = typical.apart(name)
            shown.show("counting", number, len(names), name)
    rows = [[name, *cells(told)] for name, told in counted.items()]
    print(dumps(counted, indent=2) if as_json else tables.lay_out(["", *HEAD], rows, "text"))


def _others(kind: str) -> dict[str, str]:
    if kind == "recipes":
        from lookhear import config

        return config.recipes()
    if kind == "methods":
        from lookhear.evaluate.literature import published

        return published.names()
    if kind == "tables":
        from lookhear.evaluate.literature import printed

        return printed.listed()
    if kind == "columns":
        from lookhear.evaluate import many

        return many.names()
    if kind == "probes":
        from lookhear.evaluate.probes import PROBES

        return {name: (probe.__doc__ or "").split("\n")[0] for name, probe in PROBES.items()}
    return {}
