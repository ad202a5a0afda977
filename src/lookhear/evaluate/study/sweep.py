"""A study over a swept value: find the swept setting, and arrange the rows as lines over it.

set: [net.hidden=64] · [net.hidden=128] · [net.hidden=256]  ─▶  name `net.hidden`, one line, three points
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lookhear.evaluate.draw.charts import Bar
from lookhear.evaluate.study.rows import Row, Study

Lines = dict[str, list[tuple[float, Bar]]]


def swept(study: Study) -> str:
    """The key with the most numeric values among rows that are otherwise equal; "" if none has two values."""
    sets = {row.name: _settings(row) for row in study.rows}
    counts = {key: _most(sets, key) for key in dict.fromkeys(k for given in sets.values() for k in given)}
    best = max(counts, key=lambda key: counts[key], default="")
    return best if best and counts[best] > 1 else ""


def lines(study: Study, facts: Mapping[str, Any], key: str) -> Lines:
    """Series -> (value of `key`, accuracy with its interval) for the summary of one split.

    Rows that differ only in `key` form a series. If there is one series, there is a line per group of questions.
    """
    points: Lines = {}
    rows = [row for row in study.rows if _number(_settings(row).get(key)) is not None and row.name in facts["rows"]]
    series = {row.name: _series_name(row, key) for row in rows}
    alone = len(set(series.values())) == 1
    for row in rows:
        columns = facts["rows"][row.name]["columns"]
        value = _number(_settings(row)[key])
        assert value is not None
        groups = [c for c in columns if "/" not in c and c in ("Overall", "Audio", "Visual", "Audio-Visual")]
        for column in groups if alone else ["Overall"]:
            cell = columns[column]
            name = column if alone else series[row.name]
            points.setdefault(name, []).append((value, (cell["accuracy"], *cell["interval"])))
    return points


def _settings(row: Row) -> dict[str, str]:
    return {key: value for key, _, value in (one.partition("=") for one in row.set)} | {"recipe": row.recipe}


def _series_name(row: Row, key: str) -> str:
    """The name of a row's series: its recipe and its overrides except `key`."""
    rest = [f"{k}={v}" for k, v in _settings(row).items() if k not in (key, "recipe")]
    return ", ".join([row.recipe.removesuffix(".yaml").rpartition("/")[2], *rest])


def _most(sets: Mapping[str, Mapping[str, str]], key: str) -> int:
    """The largest number of values of `key` among rows that agree in all other settings."""
    values: dict[tuple[tuple[str, str], ...], set[float]] = {}
    for given in sets.values():
        value = _number(given.get(key))
        if value is not None:
            values.setdefault(tuple(sorted((k, v) for k, v in given.items() if k != key)), set()).add(value)
    return max(map(len, values.values()), default=0)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
