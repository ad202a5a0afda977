"""Published numbers with their tables, and the survey's methods and datasets.

    published/av_master.csv mccd.csv crab.csv crab_plus.csv     every result table of the four papers, a number per row
    published/methods.csv datasets.csv                          the survey's 39 methods and 3 datasets, and later ones
    published/facts.csv                                         other cells of tables: encoders, parameters, data
    published/counts.csv                                        questions of each type in each test set

Nothing is corrected: if two papers disagree, both numbers are kept, and `contradictions` reports them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lookhear.catalog import unknown
from lookhear.errors import RecipeError

FOLDER = Path(__file__).parent / "published"
PAPERS = ("av_master", "mccd", "crab", "crab_plus")


@dataclass(frozen=True)
class Number:
    """One published number. `printed` is the method's name in that table, `method` its name in lookhear."""

    method: str
    venue: str
    variant: str  # difference to the method itself: an ablation, an encoder, a training set
    dataset: str
    split: str
    type: str  # "Overall", "Audio", "Audio/Counting"
    metric: str
    value: float
    digits: int  # decimals it is printed with
    source: str  # "AV-Master Table II"
    printed: str

    @property
    def cell(self) -> tuple[str, ...]:
        """Method, variant, dataset, split, type and metric: numbers with equal cells should be equal."""
        return (self.method, self.variant, self.dataset, self.split, self.type, self.metric)


@dataclass(frozen=True)
class Method:
    """A published method.

    `spatial_temporal`: its code (or, without code, its paper) has a module that selects regions or moments.
    `code_state`: the state of the linked code: runs, model only (its training loop fails), does not run, other network
    (the survey links another paper's code), data only, readme, none, or not tried. `parameters` are millions, as
    published, towers included. `here`: how lookhear has it: as a net, wrapper or llm, by endpoint, or as table rows.
    """

    name: str
    also: tuple[str, ...]
    title: str
    year: int
    venue: str
    paper: str
    code: str
    code_state: str
    parameters: float | None
    family: str
    spatial_temporal: bool
    here: str
    listed: str  # "survey", or "papers" for a method that only occurs in result tables


@cache
def numbers() -> tuple[Number, ...]:
    """All published numbers, in the order of the papers."""
    all_numbers = []
    for paper in PAPERS:
        for row in _rows(f"{paper}.csv"):
            value = row["value"]
            texts = {name: text for name, text in row.items() if name != "value"}
            all_numbers.append(Number(**texts, value=float(value), digits=len(value.partition(".")[2])))
    return tuple(all_numbers)


@cache
def methods() -> tuple[Method, ...]:
    """The methods of the survey, oldest first, then those that only occur in result tables."""
    return tuple(_method(row) for row in _rows("methods.csv"))


def _method(row: Mapping[str, str]) -> Method:
    texts = {name: text for name, text in row.items() if name not in ("also", "year", "parameters", "spatial_temporal")}
    return Method(
        **texts,
        also=tuple(filter(None, row["also"].split(";"))),
        year=int(row["year"]),
        parameters=float(row["parameters"]) if row["parameters"] else None,
        spatial_temporal=row["spatial_temporal"] == "yes",
    )


@cache
def facts() -> tuple[dict[str, str], ...]:
    """Other cells of tables: source, row, column and value, as printed."""
    return tuple(_rows("facts.csv"))


def datasets() -> list[dict[str, str]]:
    """The survey's three datasets: name, title, year, links and sizes, as printed there."""
    return _rows("datasets.csv")


@cache
def counts() -> Mapping[tuple[str, str], Mapping[str, int]]:
    """(dataset, split) -> type -> number of questions, for the test sets of the published numbers."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in _rows("counts.csv"):
        found.setdefault((row["dataset"], row["split"]), {})[row["type"]] = int(row["questions"])
    return found


def names() -> dict[str, str]:
    """Method -> one line about it, as printed by `lookhear list methods`; those without an entry come last."""
    printed: dict[str, dict[str, None]] = {}
    for n in numbers():
        printed.setdefault(n.method, {})[n.source] = None
    known = {m.name for m in methods()}
    return {
        m.name: ", ".join(
            filter(
                None,
                (
                    *(f"{m.here:<12s} code {m.code_state}", str(m.year), m.venue, m.family),
                    "spatial-temporal" if m.spatial_temporal else "",
                    "" if m.name in printed else "no number in the tables here",
                    m.title,
                ),
            )
        )
        for m in methods()
    } | {name: f"{'rows':<12s} {', '.join(places)}" for name, places in printed.items() if name not in known}


def names_in(text: str) -> list[str]:
    """The methods named in `text`, separated by commas; "all" gives all. Aliases are accepted. Raises RecipeError."""
    known = {n.method.casefold(): n.method for n in numbers()}
    known |= {alias.casefold(): m.name for m in methods() for alias in (m.name, *m.also)}
    if text.strip() == "all":
        return list(dict.fromkeys(known.values()))
    for name in (wanted := [part.strip() for part in text.split(",") if part.strip()]):
        if name.casefold() not in known:
            raise RecipeError(unknown("published method", name, list(names())))
    return [known[name.casefold()] for name in wanted]


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
