"""Published rows to print beside a measured one, each with its table and, if it differs, its test file."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from lookhear.catalog import unknown
from lookhear.errors import RecipeError
from lookhear.evaluate import tables
from lookhear.evaluate.columns import PRINTED
from lookhear.evaluate.literature.contradictions import files_behind
from lookhear.evaluate.literature.published import Number, numbers
from lookhear.evaluate.scores import Scored

SPLIT = {"music_avqa_r": "headtail", "avqa": "val"}  # split of the papers' numbers; default `test`
WHOLE = {"music_avqa_r": ("test",)}  # other names of that split
PARTS = ("head", "tail")
FEW = 20  # with fewer methods requested, those without a number are logged
log = logging.getLogger("lookhear")
HAVF = "with HAVF"  # variant of six rows of AVQA's table, which has no row of these methods without HAVF


def without_numbers(dataset: str, wanted: Sequence[str]) -> list[str]:
    """The methods in `wanted` without a published number on any split of `dataset`."""
    name = dataset.partition("@")[0]
    have = {n.method for n in numbers() if n.dataset == name}
    return [method for method in wanted if method not in have]


def rows(dataset: str, wanted: Sequence[str], split: str = "") -> dict[str, dict[str, float]]:
    """Published rows to print beside a measured one: "TSPM (AV-Master Table II)" -> type -> accuracy.

    A method's row that one paper prints in several tables is merged if the tables agree. Of several papers, the row
    with the most numbers is taken, and among equals one scored on the requested version's test file. A row scored on
    the other of MUSIC-AVQA's two test files is labelled so.
    """
    chosen = {}
    for label, (where, row) in _chosen(dataset, wanted, split).items():
        chosen[f"{label} ({where})"] = {column: row[column].value for column in PRINTED if column in row}
    return chosen


def parts(dataset: str, wanted: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Published rows of a test set with head and tail: method -> `head`, `tail`, `headtail` -> type -> accuracy."""
    by_label: dict[str, dict[str, dict[str, float]]] = {}
    places: dict[str, dict[str, None]] = {}
    for part in (*PARTS, "headtail"):
        for label, (where, row) in _chosen(dataset, wanted, part).items():
            by_label.setdefault(label, {})[part] = {column: row[column].value for column in PRINTED if column in row}
            places.setdefault(label, {})[where] = None
    return {f"{label} ({'; '.join(places[label])})": by_label[label] for label in by_label}


def beside(reports: Mapping[str, Scored], dataset: str, split: str, wanted: Sequence[str], format: str = "text") -> str:
    """One table of measured rows and the published rows of `wanted`; with head and tail if a report has them."""
    if missing := without_numbers(dataset, wanted) if len(wanted) < FEW else []:
        log.warning("no published number on %s of %s", dataset, ", ".join(missing))
    if any(report.parts for report in reports.values()):
        ours = {label: tables.of_parts(report) for label, report in reports.items()}
        return tables.by_part({**ours, **parts(dataset, wanted)}, format, groups=True)
    others = rows(dataset, wanted, split if split in PARTS else "")
    return tables.grid({**{label: tables.columns(report) for label, report in reports.items()}, **others}, format)


def alone(dataset: str, split: str, wanted: Sequence[str]) -> dict[str, dict[str, float]]:
    """Published rows of `wanted` without a measured one. Raises RecipeError if there are none."""
    name = dataset.partition("@")[0]
    sets = {n.dataset: None for n in numbers()}
    if name not in sets:
        raise RecipeError(unknown("dataset with published numbers", name, sets))
    splits = {n.split: None for n in numbers() if n.dataset == name and n.metric == "accuracy"}
    if split and split not in (*splits, *WHOLE.get(name, ())):
        raise RecipeError(unknown(f"split of {name} with published numbers", split, splits))
    if missing := without_numbers(dataset, wanted) if len(wanted) < FEW else []:
        log.warning("no published number on %s of %s", dataset, ", ".join(missing))
    found = rows(dataset, wanted, split)
    if not found:
        raise RecipeError(f"None of {', '.join(wanted)} has a published number on {name} {split}".rstrip() + ".")
    return found


def _chosen(dataset: str, wanted: Sequence[str], split: str) -> dict[str, tuple[str, dict[str, Number]]]:
    """Method (with its variant) -> (source table, row)."""
    name, _, version = dataset.partition("@")
    by_set = name == "music_avqa_v2"  # variants are the two training sets, so they are shown
    split = split or (f"test_{version or 'balance'}" if by_set else SPLIT.get(name, "test"))
    if split in WHOLE.get(name, ()):
        split = SPLIT[name]
    tables: dict[str, dict[str, dict[str, Number]]] = {}
    for n in numbers():
        about = (n.dataset, n.split, n.metric) == (name, split, "accuracy") and n.method in wanted
        if about and (by_set or not n.variant or (name == "avqa" and n.variant == HAVF)):
            label = f"{n.method}, {n.variant}" if n.variant else n.method
            tables.setdefault(label, {}).setdefault(n.source, {})[n.type] = n
    chosen = {}
    for label in sorted(tables, key=lambda label: wanted.index(label.partition(", ")[0])):
        whole = [_together(some) for some in _by_paper(tables[label])]
        others = {where: _other_file(row, version) for where, row in whole}
        where, row = max(whole, key=lambda one: (len(one[1]), not others[one[0]]))
        chosen[label] = (where + others[where], row)
    return chosen


def _by_paper(tables: Mapping[str, dict[str, Number]]) -> list[dict[str, dict[str, Number]]]:
    papers: dict[str, dict[str, dict[str, Number]]] = {}
    for source, row in tables.items():
        papers.setdefault(source.partition(" Table")[0], {})[source] = row
    return list(papers.values())


def _together(tables: Mapping[str, dict[str, Number]]) -> tuple[str, dict[str, Number]]:
    """(source, row) from a paper's tables: the row with the most types, extended by rows that agree with it."""
    first, *rest = sorted(tables, key=lambda source: -len(tables[source]))
    row, used = dict(tables[first]), [first]
    for source in rest:
        more = {kind: n for kind, n in tables[source].items() if kind not in row}
        if more and all(row[kind].value == n.value for kind, n in tables[source].items() if kind in row):
            row |= more
            used.append(source)
    paper, _, number = first.partition(" Table ")
    every = ", ".join([number, *(source.partition(" Table ")[2] for source in used[1:])])
    return (first if len(used) == 1 else f"{paper} Tables {every}"), row


def _other_file(row: Mapping[str, Number], version: str) -> str:
    """A label for a MUSIC-AVQA row that agrees only with the test file of the other version; else ""."""
    if "Audio/Counting" not in row or row["Audio/Counting"].dataset != "music_avqa":
        return ""
    other = ["music_avqa"] if version == "original" else ["music_avqa@original"]
    return f", {'update' if version == 'original' else 'original'} test file" if files_behind(row) == other else ""
