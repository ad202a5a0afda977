"""Published rows to print beside a measured one, each with its table and the test file that it follows from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.evaluate.columns import PRINTED
from lookhear.evaluate.literature.contradictions import files_behind
from lookhear.evaluate.literature.published import Number, numbers

SPLIT = {"music_avqa_r": "headtail", "avqa": "val"}  # what the papers' numbers are about; elsewhere it is `test`


def rows(dataset: str, wanted: Sequence[str], split: str = "") -> dict[str, dict[str, float]]:
    """Published rows to print beside a measured one: "TSPM (AV-Master Table II)" -> type -> accuracy.

    Of several tables with the same method the most detailed is taken; of those, one scored on the asked version's test
    file. A row that was scored on the other of MUSIC-AVQA's two test files says so.
    """
    name, _, version = dataset.partition("@")
    by_set = name == "music_avqa_v2"  # two test sets and two training sets: all four are the table
    split = split or (f"test_{version or 'balance'}" if by_set else SPLIT.get(name, "test"))
    tables: dict[str, dict[str, dict[str, Number]]] = {}
    for n in numbers():
        about = (n.dataset, n.split, n.metric) == (name, split, "accuracy") and n.method in wanted
        if about and (by_set or not n.variant):
            label = f"{n.method}, {n.variant}" if n.variant else n.method
            tables.setdefault(label, {}).setdefault(n.source, {})[n.type] = n
    chosen = {}
    for label in sorted(tables, key=lambda label: wanted.index(label.partition(", ")[0])):
        others = {source: _other_file(row, version) for source, row in tables[label].items()}
        source, row = max(tables[label].items(), key=lambda table: (len(table[1]), not others[table[0]]))
        values = {column: row[column].value for column in PRINTED if column in row}
        chosen[f"{label} ({source}{others[source]})"] = values
    return chosen


def _other_file(row: Mapping[str, Number], version: str) -> str:
    """What to say of a row of MUSIC-AVQA that only the test file of another version than `version` explains."""
    if "Audio/Counting" not in row or row["Audio/Counting"].dataset != "music_avqa":
        return ""
    other = ["music_avqa"] if version == "original" else ["music_avqa@original"]
    return f", {'update' if version == 'original' else 'original'} test file" if files_behind(row) == other else ""
