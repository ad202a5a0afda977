"""Evaluate one model on several test sets and print one table: Crab+'s Table 2 with published rows.

    listed("all" | "ave,llp" | sets.yaml, root) ─▶ [Asked] ── ask each ─▶ reports ── rows ─▶ table in Crab+'s columns

`published/columns.csv` maps each column of the paper to a test set and a metric. For LLP, the papers print one number
for segments and one for events without naming the metric; we take both as Type@AV, the mean of three streams.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lookhear import datasets
from lookhear.config import read_yaml
from lookhear.errors import DatasetError, MediaError, RecipeError
from lookhear.evaluate import beside, scores
from lookhear.evaluate.literature import published
from lookhear.evaluate.report import Report
from lookhear.evaluate.tables import lines
from lookhear.statistics import drawn
from lookhear.types import Example

PRINTED = "Crab+ Table 2"
MUTE = "  a reply of nothing"  # name of the row with the scores of empty replies
BLIND = "  blind floor"  # name of the row with what is reached without picture and sound
PIXELS = (224, 224)  # masks are compared at this size, as in both papers


@dataclass(frozen=True)
class Asked:
    """A dataset (`avsbench@s4`), one of its splits, and its folder."""

    dataset: str
    split: str
    root: Path


@dataclass(frozen=True)
class Column:
    """A column of the table: the metric measured here, and the published metric it is compared with."""

    column: str
    dataset: str
    split: str
    kind: str
    metric: str
    published: str = ""
    published_split: str = ""
    published_metric: str = ""


@cache
def columns() -> tuple[Column, ...]:
    """The columns of Crab+'s Table 2, in its order."""
    with (published.FOLDER / "columns.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Column(**row) for row in csv.DictReader(file))


def names() -> dict[str, str]:
    """Column -> its description, as printed by `lookhear list columns`."""
    return {c.column: f"{c.dataset} {c.split}: {c.metric} of {c.kind}" for c in columns()}


def test_sets(wanted: str, root: Path | str) -> list[Asked]:
    """The test sets of "all" (Table 2), of a YAML list of {dataset, split, root}, or of comma-separated names.

    The folder of a set is ROOT/<dataset>, or ROOT itself; roots in a YAML are relative to ROOT. The default split is
    that of the table, else `test`. Raises RecipeError.
    """
    usual = {c.dataset: c.split for c in columns()}
    if wanted == "all":
        pairs = [(name, split, "") for name, split in dict.fromkeys((c.dataset, c.split) for c in columns())]
    elif wanted.endswith((".yaml", ".yml")):
        pairs = [_entry(one, wanted, usual) for one in _read(Path(wanted))]
    else:
        pairs = [(name.strip(), usual.get(name.strip(), "test"), "") for name in wanted.split(",") if name.strip()]
    if not pairs:
        raise RecipeError(f"No dataset in {wanted!r}. Give 'all', names with commas between, or a YAML list.")
    sets = []
    for name, split, folder in pairs:
        datasets.find(name)
        at = Path(root) / folder if folder else next((p for p in _folders(Path(root), name) if p.is_dir()), Path(root))
        sets.append(Asked(name, split, at))
    return sets


def examples_of(asked: Asked, limit: int | None = None) -> list[Example]:
    """The examples of a test set, with their allowed answers and, for segmentation, masks at 224 x 224.

    `limit` is the largest number of examples, drawn with a fixed seed from all over the file. Raises DatasetError if
    the set is missing.
    """
    dataset = datasets.of(asked.dataset)
    examples = datasets.load(asked.dataset, asked.root, asked.split)
    if limit:
        examples = [examples[i] for i in drawn(len(examples), limit)]
    words = dataset.answers(asked.root)
    return [_with_mask(dataset, dataset.with_answers(example, words)) for example in examples]


def rows(reports: Mapping[Asked, Report], model: str) -> dict[str, dict[str, str]]:
    """Our row, its intervals, the share of unread replies, and two floors: row -> column -> text.

    The floors are the scores of empty replies and what is reached without picture and sound.

    A set that is not in Table 2 has one column per kind of task, with the task's main metric.
    """
    ours: dict[str, dict[str, str]] = {model: {}, "  95 % interval": {}, "  not read, %": {}, MUTE: {}, BLIND: {}}
    for asked, report in reports.items():
        for column in of_set(asked, report):
            measured = report.metrics[column.kind][column.metric]
            low, high = measured.interval
            ours[model][column.column] = f"{measured.value:.2f}"
            ours["  95 % interval"][column.column] = f"{low:.1f} to {high:.1f}"
            ours[MUTE][column.column] = "-" if math.isnan(measured.mute) else f"{measured.mute:.2f}"
            floor = beside.floor(report.card, column.kind, column.metric)
            ours[BLIND][column.column] = "-" if floor is None else f"{floor:.2f}"
            ours["  not read, %"][column.column] = f"{report.metrics[column.kind]['unread'].value:.2f}"
    return ours


def of_set(asked: Asked, report: Report) -> list[Column]:
    """The columns for the report of a test set."""
    mine = [c for c in columns() if (c.dataset, c.split) == (asked.dataset, asked.split) and c.kind in report.metrics]
    if mine:
        return mine
    added = []
    for kind in report.metrics:
        metric = scores.main_of(kind, report.metrics[kind])
        name = asked.dataset if len(report.metrics) == 1 else f"{asked.dataset} {kind.rpartition('/')[2]}"
        added.append(Column(f"{name}/{metric}", asked.dataset, asked.split, kind, metric))
    return added


def printed() -> dict[str, dict[str, str]]:
    """The rows of the paper's Table 2: method -> column -> the number as printed."""
    places = {(c.published, c.published_split, c.published_metric): c.column for c in columns()}
    by_method: dict[str, dict[str, str]] = {}
    for n in published.numbers():
        column = places.get((n.dataset, n.split, n.metric))
        if n.source == PRINTED and column:
            by_method.setdefault(n.method, {})[column] = f"{n.value:.{n.digits}f}"
    return by_method


def table(ours: Mapping[str, Mapping[str, str]], format: str = "text", others: bool = True) -> str:
    """Published rows, then ours, with the columns in the order of Table 2; columns that only we have come last."""
    shown = {**(printed() if others else {}), **ours}
    mine = [name for row in ours.values() for name in row]
    order = [c.column for c in columns() if others or c.column in mine]
    return lines(shown, list(dict.fromkeys([*order, *mine])), format)


def ask_all(
    wanted: Sequence[Asked], ask: Callable[[Asked, list[Example]], Report], limit: int | None = None
) -> tuple[dict[Asked, Report], dict[Asked, str]]:
    """(set -> report, set -> error): sets without annotations or without any readable clip have an error.

    Raises DatasetError if no set can be evaluated.
    """
    reports, missing = {}, {}
    for asked in wanted:
        try:
            examples = examples_of(asked, limit)
        except DatasetError as error:
            missing[asked] = str(error)
            continue
        try:
            reports[asked] = ask(asked, examples)
        except MediaError as error:  # none of its clips can be read
            missing[asked] = str(error)
    if not reports:
        raise DatasetError(f"None of the {len(wanted)} test sets is there. The first: {next(iter(missing.values()))}")
    return reports, missing


def _read(path: Path) -> list[Any]:
    try:
        entries = read_yaml(path)
    except FileNotFoundError:
        raise RecipeError(f"No list of datasets at {str(path)!r}. Give a YAML list, names, or 'all'.") from None
    if not isinstance(entries, list):
        raise RecipeError(f"{path}: not a list of datasets. Write '- ave' or '- {{dataset: ave, root: AVE}}' a line.")
    return entries


def _entry(one: Any, where: str, usual: Mapping[str, str]) -> tuple[str, str, str]:
    given = {"dataset": one} if isinstance(one, str) else one
    if not isinstance(given, Mapping) or "dataset" not in given or set(given) - {"dataset", "split", "root"}:
        raise RecipeError(f"{where}: {one!r} is not a dataset's name or {{dataset, split, root}}.")
    name = str(given["dataset"])
    return name, str(given.get("split") or usual.get(name, "test")), str(given.get("root") or "")


def _folders(root: Path, name: str) -> list[Path]:
    return [root / name, root / name.partition("@")[0]]


def _with_mask(dataset: datasets.Dataset, example: Example) -> Example:
    if not dataset.marks or example.meta.get("mask") is None or example.reference is None:
        return example
    import numpy as np

    from lookhear.metrics.segmentation import fitted

    read = dataset.with_mask(example).truth.regions
    small = [r if r.mask is None else replace(r, mask=fitted(np.asarray(r.mask) > 0, PIXELS)) for r in read]
    return replace(example, reference=replace(example.reference, regions=tuple(small)))
