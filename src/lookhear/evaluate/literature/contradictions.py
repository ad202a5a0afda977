"""Published numbers that contradict each other: wrong averages, and cells printed twice with different values.

Averages are recomputed from their types and the number of questions of each type; a number must agree within its
rounding. MUSIC-AVQA has two test files (9,129 and 9,185 questions): an average is contradicted only if it follows from
neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lookhear.evaluate.columns import ORDER
from lookhear.evaluate.literature.published import Number, counts, numbers


@dataclass(frozen=True)
class Contradiction:
    """One contradiction: `where` (tables), `what` (method, dataset, column), the `printed` and `expected` number."""

    kind: str
    where: str
    what: str
    printed: str
    expected: str


def contradictions() -> list[Contradiction]:
    """All contradictions, with tables in the order of the papers."""
    return [*_averages(), *_head_and_tail(), *_printed_twice()]


def pooled(values: Mapping[str, float], sizes: Mapping[str, int]) -> float:
    """The micro average of `values`, weighted by the number of questions `sizes`."""
    return sum(values[t] * sizes[t] for t in values) / sum(sizes[t] for t in values)


def files_behind(row: Mapping[str, Number]) -> list[str]:
    """The test files of MUSIC-AVQA that agree with every average of one table row."""
    return [name for name in ("music_avqa", "music_avqa@original") if not list(_wrong(row, counts()[name, "test"]))]


def table_rows() -> dict[tuple[str, str, str, str, str], dict[str, Number]]:
    """(source, method, variant, dataset, split) -> type -> accuracy: the rows of the tables."""
    found: dict[tuple[str, str, str, str, str], dict[str, Number]] = defaultdict(dict)
    for n in numbers():
        if n.metric == "accuracy":
            found[n.source, n.method, n.variant, n.dataset, n.split][n.type] = n
    return dict(found)


def _averages() -> Iterable[Contradiction]:
    for (source, method, variant, dataset, split), row in table_rows().items():
        files = [key for key in counts() if key[0].partition("@")[0] == dataset and key[1] == split]
        if dataset == "music_avqa_r" and split == "headtail":
            files = [("music_avqa_r", "head"), ("music_avqa_r", "tail")]
            sizes: list[Mapping[str, int]] = [{t: sum(counts()[key][t] for key in files) for t in counts()[files[0]]}]
        else:
            sizes = [counts()[key] for key in files]
        if not sizes:
            continue
        wrong = [dict(_wrong(row, each)) for each in sizes]
        for average in wrong[0]:
            if all(average in each for each in wrong):
                about = f"{method}{f', {variant}' if variant else ''}, {dataset} {split}, {average}"
                expected = " or ".join(f"{each[average]:.2f}" for each in wrong)
                yield Contradiction("average", source, about, f"{row[average].value:.2f}", expected)


def _wrong(row: Mapping[str, Number], sizes: Mapping[str, int]) -> Iterable[tuple[str, float]]:
    """(average, expected value) of the averages of `row` that do not follow from its types, or else its groups."""
    kinds = {group: [f"{group}/{kind}" for kind in kinds] for group, kinds in ORDER.items()}
    parts = {**kinds, "Overall": [kind for each in kinds.values() for kind in each]}
    for average, types in parts.items():
        if average not in row:
            continue
        if all(t in row for t in types):
            expected = pooled({t: row[t].value for t in types}, sizes)
        elif average == "Overall" and all(group in row for group in kinds):
            groups = {group: sum(sizes[t] for t in types) for group, types in kinds.items()}
            expected = pooled({group: row[group].value for group in kinds}, groups)
        else:
            continue
        if abs(expected - row[average].value) > 0.5 * 10 ** -row[average].digits + 0.006:
            yield average, expected


def _head_and_tail() -> Iterable[Contradiction]:
    """MUSIC-AVQA-R: accuracies over head and tail together that do not follow from the same paper's head and tail."""
    head, tail = counts()["music_avqa_r", "head"], counts()["music_avqa_r", "tail"]
    rows = table_rows()
    seen = set()
    for (source, method, variant, dataset, split), row in rows.items():
        if (dataset, split) != ("music_avqa_r", "head") or not all(t in row for t in head):
            continue
        other = rows[source, method, variant, dataset, "tail"]
        for (where, *rest), whole in rows.items():
            if rest != [method, variant, dataset, "headtail"] or _paper(where) != _paper(source):
                continue
            for name, n in whole.items():
                types = [t for t in head if name in ("Overall", t, t.split("/")[0])]
                rights = sum(row[t].value * head[t] + other[t].value * tail[t] for t in types)
                expected = rights / sum(head[t] + tail[t] for t in types)
                key = (_paper(where), method, name, n.value)
                if abs(expected - n.value) > 0.5 * 10**-n.digits + 0.006 and key not in seen:
                    seen.add(key)
                    about = f"{method}, {name}, from its head and tail"
                    places = "; ".join(dict.fromkeys((source, where)))
                    yield Contradiction("head and tail", places, about, f"{n.value:.2f}", f"{expected:.2f}")


def _paper(source: str) -> str:
    return source.partition(" Table")[0]


def _printed_twice() -> Iterable[Contradiction]:
    cells: dict[tuple[str, ...], list[Number]] = defaultdict(list)
    for n in numbers():
        cells[n.cell].append(n)
    for cell, same in cells.items():
        first = same[0]
        apart = [n for n in same[1:] if not _agree(first, n)]
        if apart:
            method, variant, dataset, split, kind, metric = cell
            about = ", ".join(filter(None, (method, variant, f"{dataset} {split}", kind, metric)))
            where = "; ".join(dict.fromkeys(n.source for n in (first, *apart)))
            values = ", ".join(f"{n.value:.{n.digits}f}" for n in apart)
            yield Contradiction("printed twice", where, about, f"{first.value:.{first.digits}f}", values)


def _agree(a: Number, b: Number) -> bool:
    """Whether two numbers agree to the fewer decimals of the two; 0.42 and 42.00 percent may be the same number."""
    for x, y in ((a.value, b.value), (100 * a.value, b.value), (a.value, 100 * b.value)):
        scale = 100 if (x, y) != (a.value, b.value) else 1
        if scale == 100 and min(a.value, b.value) > 1:
            continue
        if abs(x - y) <= 0.5 * scale * 10 ** -min(a.digits, b.digits) + 1e-9:
            return True
    return False


def page() -> str:
    """The page of all contradictions in Markdown."""
    rows = contradictions()
    titles = {
        "average": ("Averages that do not follow from their types", "recomputed (update or original test file)"),
        "head and tail": ("MUSIC-AVQA-R: head and tail that do not give the whole", "recomputed"),
        "printed twice": ("One number, printed differently", "elsewhere, in the order of the tables"),
    }
    lines = [HEADER, *_files_table(), NOTES]
    for kind, (title, last) in titles.items():
        lines += [f"\n## {title}\n", f"| table | what | printed | {last} |", "| --- | --- | ---: | ---: |"]
        lines += [f"| {c.where} | {c.what} | {c.printed} | {c.expected} |" for c in rows if c.kind == kind]
    return "\n".join(lines) + "\n"


def _files_table() -> Iterable[str]:
    names = {"music_avqa": "update", "music_avqa@original": "original"}
    yield "| table | update file (9,129) | original file (9,185) | either | neither |"
    yield "| --- | --- | --- | --- | --- |"
    tables: dict[str, dict[str, list[str]]] = {}
    for (source, method, _, dataset, _), row in table_rows().items():
        if dataset == "music_avqa" and all(f"{g}/{k}" in row for g, kinds in ORDER.items() for k in kinds):
            behind = [names[name] for name in files_behind(row)]
            verdict = "neither" if not behind else "either" if len(behind) == 2 else behind[0]
            tables.setdefault(source, {}).setdefault(verdict, []).append(method)
    for source, verdicts in tables.items():
        cells = [", ".join(verdicts.get(v, ["-"])) for v in ("update", "original", "either", "neither")]
        yield f"| {source} | {' | '.join(cells)} |"


HEADER = """# Published numbers that cannot all be right

Recomputed from the tables in `src/lookhear/evaluate/published` by `lookhear survey --contradictions`. Nothing here is
corrected there: the tables are kept as printed.

## Rows scored on different test files stand in one table

MUSIC-AVQA's annotations were updated after publication: 9,185 test questions became 9,129. A row's averages tell which
file it was scored on, for they follow from its nine types with the sizes of one file and not of the other.
"""
NOTES = """
## What could not be read with certainty

- AV-Master Table V: five method names are missing from the text the table was read from; they are kept as "unnamed".
- AV-Master Table XI: the cells naming encoders are displaced there; they follow the paper's prose.
- Crab Tables 5 and 8: the rows of AVSBench are displaced there, so its Ref-AVS cells are not to be trusted.
- Crab+ Table 2: SimToken's four numbers are displaced by two cells and were put under Ref-AVS; OMCAT's 89.30 on
  Kinetics-Sounds may belong to the row below it.
- The survey gives CONVLSTM and FCNLSTM the year, paper and code of a later method (EMNLP 2023); AV-Master's table says
  TASLP 2020.
- MCCD Table 4 prints "3,3049" questions of visual location; the sum needs 33,049."""
