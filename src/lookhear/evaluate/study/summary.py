"""Statistics of a study: accuracies, intervals over videos, and paired tests between rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.evaluate.floors import template_of
from lookhear.evaluate.report import clusters_of, columns_of, membership, places_of_parts
from lookhear.evaluate.study.rows import Asked


def summary(results: Asked, against: Mapping[str, str], resamples: int = statistics.RESAMPLES) -> dict[str, Any]:
    """Row -> column -> mean over seeds, interval, and difference to another row with corrected p; also its seeds.

    `against` maps a row to the row it is tested against; a row without one, or against itself, is not tested. Columns
    are `Overall`, groups, types (`Audio/Counting`) and the texts of templates.
    """
    examples = list(results.examples)
    names = columns_of(examples)
    templates = sorted({template_of(e) for e in examples})
    place = {t: i for i, t in enumerate(templates)}
    which = np.array([place[template_of(e)] for e in examples])
    parts = places_of_parts(examples)
    whole = membership(examples, names)
    apart = [whole & np.isin(np.arange(len(examples)), some)[:, None] for some in parts.values()]
    inside = np.concatenate([whole, *apart, which[:, None] == np.arange(len(templates))], axis=1)
    kinds = {n: "overall" if n == "Overall" else "types" if "/" in n else "groups" for n in names}
    families = kinds | {of_part(n, part): f"{kind} of {part}" for part in parts for n, kind in kinds.items()}
    clusters, columns = clusters_of(examples), [*families, *templates]
    rows: dict[str, Any] = {}
    for name, seeds in results.right.items():
        values = seeds.mean(0)
        edges = 100 * statistics.bootstrap(_bits(seeds), clusters, inside, resamples)
        cells = {c: _cell(values[inside[:, i]], edges[i]) for i, c in enumerate(columns) if inside[:, i].any()}
        rows[name] = {"seeds": [round(100 * float(s.mean()), 2) for s in seeds], "columns": cells}
        other = against.get(name)
        if other is not None and other in results.right and other != name:
            _compare(cells, values - results.right[other].mean(0), clusters, inside, columns, families, resamples)
            rows[name]["against"] = other
    tested = [n for n, row in rows.items() if "against" in row]
    adjusted = statistics.holm([rows[n]["columns"]["Overall"]["p"] for n in tested])
    for name, value in zip(tested, adjusted, strict=True):
        rows[name]["columns"]["Overall"]["holm"] = _short(value)
    return {"videos": len(set(clusters.tolist())), "questions": len(examples), "rows": rows}


def of_part(column: str, part: str) -> str:
    """The name of a column for only the questions of `head` or `tail`."""
    return f"{column} ({part})"


def _bits(seeds: np.ndarray) -> np.ndarray:
    """Mean over seeds; a single run stays bool, because the bootstrap treats equal bools by an exact bound."""
    return seeds[0] if len(seeds) == 1 else seeds.mean(0)


def _cell(values: np.ndarray, edges: np.ndarray) -> dict[str, Any]:
    low, high = (round(float(e), 2) for e in edges)
    return {"questions": len(values), "accuracy": round(100 * float(values.mean()), 2), "interval": [low, high]}


def _compare(
    cells: dict[str, dict[str, Any]],
    gap: np.ndarray,
    clusters: np.ndarray,
    inside: np.ndarray,
    columns: Sequence[str],
    families: Mapping[str, str],
    resamples: int,
) -> None:
    """Add difference, its interval, p and Holm's p within each family to `cells`."""
    edges = 100 * statistics.bootstrap(gap, clusters, inside, resamples)
    pvalues = statistics.permutation(gap, np.zeros_like(gap), clusters, inside)
    together: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        if column in cells:
            together.setdefault(families.get(column, "templates"), []).append(i)
    for family in together.values():
        for i, adjusted in zip(family, statistics.holm([float(pvalues[i]) for i in family]), strict=True):
            cells[columns[i]] |= {
                "difference": round(100 * float(gap[inside[:, i]].mean()), 2),
                "difference_interval": [round(float(e), 2) for e in edges[i]],
                "p": _short(float(pvalues[i])),
                "holm": _short(adjusted),
            }


def _short(p: float) -> float:
    return float(f"{p:.2g}")
