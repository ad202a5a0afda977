"""A paper's table as it is printed, by name: `av_master/VI`, `mccd/2`, `crab/9`, `crab_plus/2`; ours beside it.

    table("av_master/VI") ─▶ Table(rows, columns) ── lay_out ──▶ text, Markdown, LaTeX, CSV

Rows and columns are in the paper's order. What a table says beside numbers (encoders, zero-shot, data, parameters;
sizes of data sets) is in `published/facts.csv`, as printed. Cells that a paper leaves empty are dashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.catalog import unknown
from lookhear.errors import FileError, RecipeError
from lookhear.evaluate import report, tables
from lookhear.evaluate.literature.published import Number, facts, numbers

PAPERS = {"av_master": "AV-Master", "mccd": "MCCD", "crab": "Crab", "crab_plus": "Crab+"}
ROMAN = {"I": 1, "V": 5, "X": 10}
UNITS = {"accuracy": ""}  # metrics that need no word in a column's title
Cell = tuple[str, str, str, str]  # dataset, split, type, metric


@dataclass(frozen=True)
class Table:
    """`rows`: label -> column -> text; `cells` says which number each column of numbers is."""

    name: str
    source: str
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]
    cells: Mapping[str, Cell] = field(default_factory=dict)

    def lay_out(self, format: str = "text") -> str:
        """The table in one of `tables.FORMATS`."""
        body = [[label, *(cells.get(c, "-") for c in self.columns)] for label, cells in self.rows.items()]
        return tables.lay_out([self.source, *self.columns], body, format)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"name": self.name, "source": self.source, "columns": list(self.columns), "rows": dict(self.rows)}


def names() -> tuple[str, ...]:
    """Every table there is, paper by paper, in order."""
    sources = dict.fromkeys([*(n.source for n in numbers()), *(f["source"] for f in facts())])
    found = [f"{key}/{s.partition(' Table ')[2]}" for key, p in PAPERS.items() for s in sources if _paper(s) == p]
    return tuple(sorted(found, key=lambda name: (list(PAPERS).index(name.partition("/")[0]), _number(name))))


def listed() -> dict[str, str]:
    """Table -> what it is about and how many rows it has: what `lookhear list tables` prints."""
    found = {}
    for name in names():
        one = table(name)
        about = ", ".join(dict.fromkeys(cell[0] for cell in one.cells.values())) or ", ".join(one.columns)
        found[name] = f"{one.source}: {len(one.rows)} rows; {about}"
    return found


def table(name: str) -> Table:
    """The table called `name`; roman and arabic numbers are one. Raises RecipeError for one that is not there."""
    known = {(n.partition("/")[0], _number(n)): n for n in names()}
    paper, _, number = name.strip().partition("/")
    key = (paper.lower().replace("-", "_").replace("+", "_plus"), _number(name))
    if not number or key not in known:
        raise RecipeError(unknown("published table", name, names()))
    found = known[key]
    source = f"{PAPERS[found.partition('/')[0]]} Table {found.partition('/')[2]}"
    some = [n for n in numbers() if n.source == source]
    said = [f for f in facts() if f["source"] == source]
    cells = _titles(_columns(some))
    title = {cell: column for column, cell in cells.items()}
    rows: dict[str, dict[str, str]] = {}
    for fact in said:
        rows.setdefault(fact["row"], {})[fact["column"]] = fact["value"]
    printed = {n.printed for n in some}
    if some and not set(rows) <= printed:
        raise RecipeError(f"facts.csv names rows that {source} does not have: {sorted(set(rows) - printed)}")
    told, rows = rows, {} if some else rows
    for n in some:
        row = rows.setdefault(_label(n), dict(told.get(n.printed, {})))
        row[title[_cell(n)]] = f"{n.value:.{n.digits}f}"
    extra = dict.fromkeys(fact["column"] for fact in said)
    return Table(found, source, (*extra, *cells), rows, cells)


def with_ours(printed: Table, places: Sequence[Path | str]) -> Table:
    """`printed` with a row for each report folder, and for each row of each `study.json`, of `places`.

    A row says what it was measured on where that is not what the table's columns are about. Raises RecipeError.
    """
    rows = dict(printed.rows)
    for place in map(Path, places):
        for label, (about, values) in _measured(place).items():
            datasets = {cell[0] for cell in printed.cells.values()}
            row = {
                c: f"{values[cell[2]]:.2f}" for c, cell in printed.cells.items() if cell[2] in values and _fits(cell)
            }
            where = "" if about.partition("@")[0].partition(" ")[0] in datasets else f" on {about or 'another set'}"
            if not row:
                raise RecipeError(f"{place}: {label!r} has no number that a column of {printed.source} is about.")
            rows[f"{label} (ours{where})"] = row
    return Table(printed.name, printed.source, printed.columns, rows, printed.cells)


def _fits(cell: Cell) -> bool:
    return cell[3] == "accuracy" and cell[1] not in ("head", "tail")


def _measured(place: Path) -> dict[str, tuple[str, Mapping[str, float]]]:
    """Label -> what it was measured on, and column -> accuracy."""
    if place.is_dir():
        found = report.load(place)
        scores = {name: score.accuracy for name, score in tables.columns(found).items()}
        return {str(found.card.get("model", place.name)): (str(found.card.get("dataset", "")), scores)}
    try:
        result = files.read_json(place, dict)
        splits = result["splits"]
        return {
            name if len(splits) == 1 else f"{name}, {split}": (
                str(result.get("dataset", split)),
                {column: float(cell["accuracy"]) for column, cell in row["columns"].items()},
            )
            for split, one in splits.items()
            for name, row in one["rows"].items()
        }
    except (FileError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(f"{place} is neither a report's folder nor a study.json: {error}") from None


def _columns(some: Sequence[Number]) -> list[Cell]:
    """Cells in the order in which the paper's fullest row has them, then those that only other rows have."""
    by_row: dict[str, list[Cell]] = {}
    for n in some:
        by_row.setdefault(_label(n), []).append(_cell(n))
    fullest = max(by_row.values(), key=len, default=[])
    return list(dict.fromkeys([*fullest, *(_cell(n) for n in some)]))


def _titles(cells: Sequence[Cell]) -> dict[str, Cell]:
    """Column titles that tell the cells apart with as few words as that takes."""
    sets, splits = {c[0] for c in cells}, {c[:2] for c in cells}
    found: dict[str, Cell] = {}
    for cell in cells:
        dataset, split, kind, metric = cell
        words = [dataset] * (len(sets) > 1)
        words += [split.removeprefix("test_")] * (len([s for s in splits if s[0] == dataset]) > 1)
        words += [tables.heading(kind)] * (kind != "Overall" or not words)
        words += [UNITS.get(metric, metric)]
        found[" ".join(filter(None, words))] = cell
    return found


def _label(n: Number) -> str:
    alone = not n.variant or n.printed.startswith(("w/o", "drop", "three", "four", "five", "Single", "LoRA"))
    return n.printed if alone else f"{n.printed}, {n.variant}"


def _cell(n: Number) -> Cell:
    return n.dataset, n.split, n.type, n.metric


def _paper(source: str) -> str:
    return source.partition(" Table")[0]


def _number(name: str) -> int:
    """The number of a table, written in either way; 0 for none."""
    text = name.partition("/")[2].strip().upper()
    if text.isdecimal() and len(text) < 5:
        return int(text)
    values = [ROMAN.get(letter, 0) for letter in text]
    if not values or 0 in values:
        return 0
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))
