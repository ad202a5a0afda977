"""Results of a study as a JSON object and as tables: accuracies of each row, then differences between rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear.evaluate import tables
from lookhear.evaluate.report import PARTS
from lookhear.evaluate.study.rows import Asked, Study, digest, folder_of, pack
from lookhear.evaluate.study.summary import of_part, summary
from lookhear.model import costs


def result(study: Study, found: Mapping[str, Asked]) -> dict[str, Any]:
    """Split -> its summary, with `right`: row -> per seed one bit per question, in the order of the split's file."""
    first = study.rows[0].name
    against = {row.name: row.against or first for row in study.rows}
    splits = {}
    for split, asked in found.items():
        if asked.right:
            splits[split] = summary(asked, against) | {
                "digest": digest(asked.examples),
                "right": {name: [pack(seed) for seed in seeds] for name, seeds in asked.right.items()},
            }
    return {"splits": splits}


def costs_of(study: Study, out: Path) -> dict[str, Any]:
    """Row -> the costs.json of its first finished run."""
    by_row = {}
    for row in study.rows:
        told = [costs.read(out / folder_of(row.name) / str(seed)) for seed in row.seeds or study.seeds]
        if any(told):
            by_row[row.name] = next(filter(None, told))
    return by_row


def text(result: Mapping[str, Any], format: str = "text") -> str:
    """For each split: accuracies by type with the overall interval, and the paired tests; then the costs."""
    parts = []
    for split, facts in result["splits"].items():
        parts += [f"{split}: {facts['questions']} questions about {facts['videos']} videos", "", scores(facts, format)]
        if any("against" in row for row in facts["rows"].values()):
            parts += ["", differences(facts, format)]
        for part in (p for p in PARTS if of_part("Overall", p) in next(iter(facts["rows"].values()))["columns"]):
            parts += ["", f"{part} of {split}", "", scores(facts, format, part=part)]
            if any("against" in row for row in facts["rows"].values()):
                parts += ["", differences(facts, format, of_part("Overall", part))]
        parts.append("")
    if told := result.get("costs"):
        rows = [[name, *costs.cells(one)] for name, one in told.items()]
        parts.append(tables.lay_out(["", *costs.HEAD], rows, format))
    return "\n".join(parts).rstrip()


def bars(facts: Mapping[str, Any]) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Row -> type or `Overall` -> (accuracy, low, high), the input of `draw.charts.scores`."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    for name, row in facts["rows"].items():
        cells = {c: cell for c, cell in row["columns"].items() if c == "Overall" or _is_type(c)}
        found[name] = {c: (cell["accuracy"], *cell["interval"]) for c, cell in cells.items()}
    return found


def scores(facts: Mapping[str, Any], format: str = "text", columns: tuple[str, ...] = (), part: str = "") -> str:
    """A table of each row's accuracy by type, in percent, mean over seeds; `columns` replace the types.

    With `part`, only the questions of `head` or `tail` count, and the range over seeds is left out.
    """
    rows = facts["rows"]
    known = next(iter(rows.values()))["columns"]
    shown = columns or tuple(c for c in known if _is_type(c) and (not part or of_part(c, part) in known))

    def named(column: str) -> str:
        return of_part(column, part) if part else column

    lines = []
    for name, row in rows.items():
        cells, seeds = row["columns"], row["seeds"]
        numbers = [f"{cells[named(c)]['accuracy']:.1f}" for c in shown]
        whole = cells[named("Overall")]
        spread = f"{min(seeds):.1f} to {max(seeds):.1f}" if len(seeds) > 1 and not part else "-"
        interval = "{:.1f} to {:.1f}".format(*whole["interval"])
        lines.append([name, *numbers, f"{whole['accuracy']:.2f}", interval, str(len(seeds)), spread])
    head = ["", *(_short(c) for c in shown), "All", "95 % interval", "seeds", "lowest to highest"]
    return tables.lay_out(head, lines, format)


def differences(facts: Mapping[str, Any], format: str = "text", column: str = "Overall") -> str:
    """A table of the differences between tested rows, in points, with interval and p; significant ones are marked."""
    lines = []
    for name, row in facts["rows"].items():
        cell = row["columns"][column]
        if "against" in row:
            gap = f"{cell['difference']:+.2f}"
            gap = tables.bold(gap, format) if cell["holm"] < 0.05 else gap
            interval = "{:+.2f} to {:+.2f}".format(*cell["difference_interval"])
            lines.append([f"{name} less {row['against']}", gap, interval, f"{cell['p']:.2g}", f"{cell['holm']:.2g}"])
    return tables.lay_out(["", "difference", "95 % interval", "p", "Holm p"], lines, format)


def by_part(facts: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Row -> `head`, `tail`, `headtail` -> column -> accuracy, the input of `tables.by_part`."""
    by_row: dict[str, dict[str, dict[str, float]]] = {}
    for name, row in facts["rows"].items():
        cells = {c: cell["accuracy"] for c, cell in row["columns"].items() if _is_column(c)}
        by_row[name] = {"headtail": {c: v for c, v in cells.items() if not c.endswith(")")}}
        for part in PARTS:
            end = of_part("", part)
            by_row[name][part] = {c.removesuffix(end): v for c, v in cells.items() if c.endswith(end)}
    return by_row


def _is_column(column: str) -> bool:
    return not column.endswith(("?", "？")) and "<" not in column


def _is_type(column: str) -> bool:
    return column.count("/") == 1 and not column.endswith(")") and _is_column(column)


def _short(column: str) -> str:
    group, _, kind = column.partition("/")
    return f"{''.join(w[0] for w in group.split('-'))} {tables.SHORT.get(kind, kind)}"
