"""Tables of papers by name, as printed: `av_master/VI`, `mccd/2`, `crab/9`, `crab_plus/2`; our rows can be added.

    table("av_master/VI") ─▶ Table(rows, columns) ── lay_out ──▶ text, Markdown, LaTeX, CSV

Rows and columns are in the paper's order. Cells without results (encoders, zero-shot, data, parameters, sizes of
datasets) are in `published/facts.csv`, as printed. Empty cells are dashes.
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
UNITS = {"accuracy": ""}  # metrics without a word in the column title
Cell = tuple[str, str, str, str]  # dataset, split, type, metric


@dataclass(frozen=True)
class Table:
    """A table. `rows`: label -> column -> text; `cells`: column -> which number it holds."""

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
    """The names of all tables, in the order of the papers."""
    sources = dict.fromkeys([*(n.source for n in numbers()), *(f["source"] for f in facts())])
    found = [f"{key}/{s.partition(' Table ')[2]}" for key, p in PAPERS.items() for s in sources if _paper(s) == p]
    return tuple(sorted(found, key=lambda name: (list(PAPERS).index(name.partition("/")[0]), _number(name))))


def listed() -> dict[str, str]:
    """Table -> its source, number of rows and datasets, as printed by `lookhear list tables`."""
    lines = {}
    for name in names():
        printed = table(name)
        about = ", ".join(dict.fromkeys(cell[0] for cell in printed.cells.values())) or ", ".join(printed.columns)
        lines[name] = f"{printed.source}: {len(printed.rows)} rows; {about}"
    return lines


def table(name: str) -> Table:
    """The table called `name`, with a roman or arabic number. Raises RecipeError for an unknown table."""
    known = {(n.partition("/")[0], _number(n)): n for n in names()}
    paper, _, number = name.strip().partition("/")
    key = (paper.lower().replace("-", "_").replace("+", "_plus"), _number(name))
    if not number or key not in known:
        own = [n for (paper, _), n in known.items() if paper == key[0]]
        if own and not number:
            raise RecipeError(f"{name!r} has several tables: {', '.join(own)}.")
        raise RecipeError(unknown("published table", name, own or names()))
    canonical = known[key]
    source = f"{PAPERS[canonical.partition('/')[0]]} Table {canonical.partition('/')[2]}"
    results = [n for n in numbers() if n.source == source]
    texts = [f for f in facts() if f["source"] == source]
    cells = _titles(_columns(results))
    title = {cell: column for column, cell in cells.items()}
    rows: dict[str, dict[str, str]] = {}
    for fact in texts:
        rows.setdefault(fact["row"], {})[fact["column"]] = fact["value"]
    printed = {n.printed for n in results}
    if results and not set(rows) <= printed:
        raise RecipeError(f"facts.csv names rows that {source} does not have: {sorted(set(rows) - printed)}")
    text_rows, rows = rows, {} if results else rows
    for n in results:
        row = rows.setdefault(_label(n), dict(text_rows.get(n.printed, {})))
        row[title[_cell(n)]] = f"{n.value:.{n.digits}f}"
    extra = dict.fromkeys(fact["column"] for fact in texts)
    return Table(canonical, source, (*extra, *cells), rows, cells)


def with_ours(printed: Table, places: Sequence[Path | str]) -> Table:
    """`printed` with one row per report folder, and one per row of a `study.json`, in `places`.

    A row fills the columns of its dataset. One measured on a dataset that the table does not have fills those of the
    table's first dataset and names its own. Raises RecipeError.
    """
    rows = dict(printed.rows)
    for place in map(Path, places):
        for label, (about, values) in _measured(place).items():
            datasets = list(dict.fromkeys(cell[0] for cell in printed.cells.values()))
            own = about.partition("@")[0].partition(" ")[0]
            target = own if own in datasets else next(iter(datasets), "")
            row = {
                c: f"{values[_place(cell)]:.2f}"
                for c, cell in printed.cells.items()
                if cell[0] == target and cell[3] == "accuracy" and _place(cell) in values
            }
            where = "" if own in datasets else f" on {about or 'another set'}"
            if not row:
                raise RecipeError(f"{place}: {label!r} has no number that a column of {printed.source} is about.")
            rows[f"{label} (ours{where})"] = row
    return Table(printed.name, printed.source, printed.columns, rows, printed.cells)


def _place(cell: Cell) -> str:
    """The name of a cell's column in a report or a study."""
    return f"{cell[2]} ({cell[1]})" if cell[1] in report.PARTS else cell[2]


def _measured(place: Path) -> dict[str, tuple[str, Mapping[str, float]]]:
    """Label -> (dataset, column -> accuracy). Raises RecipeError."""
    if (place / "study.json").is_file():
        place = place / "study.json"
    if place.is_dir():
        found = report.load(place)
        scores = {name: score.accuracy for name, score in tables.columns(found).items()}
        for part, part_report in found.parts.items():
            scores |= {f"{name} ({part})": score.accuracy for name, score in tables.columns(part_report).items()}
        return {str(found.card.get("model", place.name)): (str(found.card.get("dataset", "")), scores)}
    try:
        result = files.read_json(place, dict)
        splits = result["splits"]
        return {
            name if len(splits) == 1 else f"{name}, {split}": (
                str(result.get("dataset", split)),
                {column: float(cell["accuracy"]) for column, cell in row["columns"].items()},
            )
            for split, part_report in splits.items()
            for name, row in part_report["rows"].items()
        }
    except (FileError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(f"{place} is neither a report's folder nor a study.json: {error}") from None


def _columns(some: Sequence[Number]) -> list[Cell]:
    """The distinct cells, in the order of the row with the most cells, then those of other rows."""
    by_row: dict[str, list[Cell]] = {}
    for n in some:
        by_row.setdefault(_label(n), []).append(_cell(n))
    fullest = max(by_row.values(), key=len, default=[])
    return list(dict.fromkeys([*fullest, *(_cell(n) for n in some)]))


def _titles(cells: Sequence[Cell]) -> dict[str, Cell]:
    """Column title -> cell; a title has only the words needed to distinguish the cells."""
    sets, splits = {c[0] for c in cells}, {c[:2] for c in cells}
    titles: dict[str, Cell] = {}
    for cell in cells:
        dataset, split, kind, metric = cell
        words = [dataset] * (len(sets) > 1)
        words += [split.removeprefix("test_")] * (len([s for s in splits if s[0] == dataset]) > 1)
        words += [tables.heading(kind)] * (kind != "Overall" or not words)
        words += [UNITS.get(metric, metric)]
        titles[" ".join(filter(None, words))] = cell
    return titles


def _label(n: Number) -> str:
    alone = not n.variant or n.printed.startswith(("w/o", "drop", "three", "four", "five", "Single", "LoRA"))
    return n.printed if alone else f"{n.printed}, {n.variant}"


def _cell(n: Number) -> Cell:
    return n.dataset, n.split, n.type, n.metric


def _paper(source: str) -> str:
    return source.partition(" Table")[0]


def _number(name: str) -> int:
    """The number of a table, from roman or arabic digits; 0 if it has none."""
    text = name.partition("/")[2].strip().upper()
    if text.isdecimal() and len(text) < 5:
        return int(text)
    values = [ROMAN.get(letter, 0) for letter in text]
    if not values or 0 in values:
        return 0
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))
