"""Scores as text, Markdown, LaTeX or CSV, in the layout of published tables.

Audio: Counting, Comparative, Avg · Visual: Counting, Location, Avg · Audio-Visual: Existential, Counting, Location,
Comparative, Temporal, Avg · Overall. Every average is a micro average.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Mapping, Sequence

from lookhear import tasks
from lookhear.catalog import unknown
from lookhear.errors import RecipeError
from lookhear.evaluate import beside
from lookhear.evaluate.columns import PRINTED
from lookhear.evaluate.scores import Score, Scored

FORMATS = ("text", "markdown", "latex", "csv")
SHORT = {
    "Counting": "Count",
    "Comparative": "Comp",
    "Location": "Local",
    "Existential": "Exist",
    "Temporal": "Temp",
}


def report_text(report: Scored, format: str = "text") -> str:
    """One report as a list: a line for each type, group and overall; then each task's metrics and classes.

    A task metric that repeats the list is left out; the share of unread replies is always shown.
    """
    check(format)
    besides = _notes(report, format)
    if report.overall is None:
        return "\n\n".join([*_of_tasks(report, format), *besides])
    if report.parts:
        return "\n\n".join([_head_and_tail(report, format), *_of_tasks(report, format), *besides])
    scores = columns(report)
    if format == "latex":
        return "\n\n".join([grid({str(report.card.get("model", "measured")): scores}, "latex"), *besides])
    head = ["", "accuracy", "95 % interval", "correct", "of"]
    if format == "csv":
        head[0] = "type"
        head[2:3] = ["low", "high"]
    rows = [[_title(name, report), *_cells(score, format)] for name, score in scores.items() if score is not None]
    return "\n\n".join([lay_out(head, rows, format), *_of_tasks(report, format), *besides])


def _notes(report: Scored, format: str) -> list[str]:
    """The lines of `evaluate.beside` as one paragraph, a list in Markdown, comments in LaTeX; none in CSV."""
    said = beside.lines(report.card, report.answers, report.metrics) if format != "csv" else []
    if format == "latex":
        said = [f"% {line}" for line in said]
    if format == "markdown":
        said = [f"- {line}" if not line.startswith(" ") else f"  - {line.strip()}" for line in said]
    return ["\n".join(said)] if said else []


def senses(card: Mapping[str, object], format: str = "text") -> str:
    """A line about the certificate in a report's card, or that it is missing; "" for models that need none.

    In LaTeX the line is a comment; in CSV it is left out.
    """
    if "certificate" not in card or format == "csv":
        return ""
    held = card["certificate"]
    model = f"lookhear doctor {card.get('from', 'MODEL')}"
    line = held["line"] if isinstance(held, Mapping) else f"no certificate that this model sees and hears: {model}"
    return f"% {line}" if format == "latex" else line


def _of_tasks(report: Scored, format: str) -> list[str]:
    """For each kind of task, a table of its metrics and, if it has classes, one of its classes."""
    parts = []
    for kind, metrics in report.metrics.items():
        repeats = {"accuracy", "war"} if report.overall is not None and len(report.metrics) == 1 else set()
        shown = {name: m for name, m in metrics.items() if name not in repeats}
        floor = ["mute"] * any(m.mute > 0 for m in shown.values())  # column with the score of empty replies
        head = [kind, "value", *(["low", "high"] if format == "csv" else ["95 % interval"]), *floor, "of"]
        rows = []
        for name, m in shown.items():
            edges = [_plain(edge) for edge in m.interval]
            shown_edges = edges if format == "csv" else [" to ".join(edges)]
            rows.append([name, _plain(m.value), *shown_edges, *([_plain(m.mute)] if floor else []), str(m.total)])
        if tasks.judged(kind) and format == "csv" and set(shown) == {"unread"}:
            continue  # so that a CSV is a single table
        parts.append(lay_out(head, rows, format))
        if classes := report.classes.get(kind):
            columns = list(dict.fromkeys(name for row in classes.values() for name in row))
            cells = [[_number(row.get(name)) for name in columns] for row in classes.values()]
            lines = [[label, *some] for label, some in zip(classes, cells, strict=True)]
            parts.append(lay_out(["class", *columns], lines, format))
    return parts


def _plain(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _head_and_tail(report: Scored, format: str) -> str:
    """The table of a test set with head and tail: each type for head, tail and all, with intervals and counts.

    All may be more than head and tail together, because questions of a group that is not split are neither.
    """
    if format == "latex":
        return by_part({str(report.card.get("model", "measured")): of_parts(report)}, format)
    reports = {**report.parts, "both" if _all_split(report) else "all": report}
    scores = {name: columns(each) for name, each in reports.items()}
    rows, edges = [], ("low", "high") if format == "csv" else ("95 % interval",)
    for column in columns(report):
        cells = [scores[name].get(column) for name in reports]
        texts = [[_number(c), *_edges(c, format)] for c in cells]
        counts = [str(c.total) if c else "0" for c in cells]
        rows.append([_title(column, report), *(text for some in texts for text in some), *counts])
    head = [*(h for name in reports for h in (name, *edges)), *(f"of {name}" for name in reports)]
    return lay_out(["type" if format == "csv" else "", *head], rows, format)


def _all_split(report: Scored) -> bool:
    assert report.overall is not None
    return sum(part.overall.total for part in report.parts.values() if part.overall) == report.overall.total


def _edges(score: Score | None, format: str) -> list[str]:
    low, high = (_plain(edge) for edge in score.interval) if score else ("-", "-")
    return [low, high] if format == "csv" else [f"{low} to {high}" if score else "-"]


def of_parts(report: Scored) -> dict[str, dict[str, Score]]:
    """Part (`head`, `tail`, and `headtail` for all) -> column -> score."""
    return {name: columns(part) for name, part in report.parts.items()} | {"headtail": columns(report)}


def by_part(
    rows: Mapping[str, Mapping[str, Mapping[str, Score | float]]], format: str = "text", groups: bool = False
) -> str:
    """Rows in MUSIC-AVQA-R's layout: head (H) and tail (T) of every type, of all types, then all questions.

    `rows`: row -> part -> column -> number. With `groups`, also all questions of each group.
    """
    given = dict.fromkeys(c for parts in rows.values() for scores in parts.values() for c in scores)
    named = [c for c in PRINTED if c in given] + [c for c in given if c not in PRINTED]
    names: dict[str, tuple[str, str]] = {}  # printed name -> (part, column)
    for column in (n for n in named if "/" in n):
        group, _, kind = column.partition("/")
        short = SHORT.get(kind, kind)
        names |= {f"{group}/{short}-H": ("head", column), f"{group}/{short}-T": ("tail", column)}
    for column in (n for n in named if groups and "/" not in n and n != "Overall"):
        names[f"{column}/all"] = ("headtail", column)
    names |= {
        "Overall/H": ("head", "Overall"),
        "Overall/T": ("tail", "Overall"),
        "Overall/all": ("headtail", "Overall"),
    }
    texts = {
        row: {name: _number(parts.get(part, {}).get(column)) for name, (part, column) in names.items()}
        for row, parts in rows.items()
    }
    kept = [name for name in names if any(cells[name] != "-" for cells in texts.values())]
    return lines(texts, kept, format)


def columns(report: Scored) -> dict[str, Score]:
    """Column -> score in the papers' order: the types of a group, then the group; `Overall` last."""
    ordered: dict[str, Score] = {}
    for group, average in report.groups.items():
        ordered |= {name: score for name, score in report.types.items() if name.split("/")[0] == group}
        ordered[group] = average
    return ordered | ({"Overall": report.overall} if report.overall else {})


def grid(
    rows: Mapping[str, Mapping[str, Score | float | None]],
    format: str = "text",
    mark: Collection[tuple[str, str]] = (),
) -> str:
    """A table of rows: name -> column -> score or published number; the (row, column) pairs in `mark` are bold.

    A missing number is printed as a dash.
    """
    check(format)
    names = list(dict.fromkeys(name for scores in rows.values() for name in scores))
    names = [n for n in names if n != "Overall"] + (["Overall"] if "Overall" in names else [])
    lines = []
    for row, scores in rows.items():
        cells = [_number(scores.get(name)) for name in names]
        marks = [bold(cell, format) if (row, name) in mark else cell for cell, name in zip(cells, names, strict=True)]
        lines.append([_tex(row) if format == "latex" else row, *marks])
    if format == "csv":
        return lay_out(["method", *names], lines, format)
    if format == "latex":
        return _latex(names, lines)
    return lay_out(["", *(heading(name) for name in names)], lines, format)


def lines(rows: Mapping[str, Mapping[str, str]], names: Sequence[str], format: str = "text") -> str:
    """A table of texts with the columns `names`; in LaTeX, the part of a name before a slash is a spanning header."""
    check(format)
    cells = [[row, *(texts.get(name, "-") for name in names)] for row, texts in rows.items()]
    if format == "latex":
        return _latex(names, [[_tex(cell) for cell in line] for line in cells])
    head = names if format == "csv" else [name.replace("/", " ", 1) for name in names]
    return lay_out(["method" if format == "csv" else "", *head], cells, format)


def lay_out(head: Sequence[str], rows: Sequence[Sequence[str]], format: str) -> str:
    """A table of cells with a header, first column left-aligned, the others right-aligned; LaTeX as one tabular."""
    check(format)
    if format == "latex":
        lines = [" & ".join(_tex(cell) if "\\" not in cell else cell for cell in row) + r" \\" for row in [head, *rows]]
        columns = f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}"
        return "\n".join([columns, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"])
    if format == "csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([head, *rows])
        return out.getvalue().rstrip("\n")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    padded = [[_pad(cell, width, i) for i, (cell, width) in enumerate(zip(row, widths, strict=True))] for row in rows]
    title = [_pad(cell, width, i) for i, (cell, width) in enumerate(zip(head, widths, strict=True))]
    if format == "markdown":
        rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
        return "\n".join("| " + " | ".join(line) + " |" for line in [title, rule, *padded])
    return "\n".join("  ".join(line).rstrip() for line in [title, *padded])


def _latex(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    groups: dict[str, int] = {}
    for name in names:
        groups[name.split("/")[0]] = groups.get(name.split("/")[0], 0) + 1
    spans, rules, at = ["Method"], [], 2
    for group, width in groups.items():
        spans.append(f"\\multicolumn{{{width}}}{{c}}{{{_tex(group)}}}" if width > 1 else _tex(group))
        rules += [f"\\cmidrule(lr){{{at}-{at + width - 1}}}"] if width > 1 else []
        at += width
    single = [group for group, width in groups.items() if width == 1]
    second = ["", *("" if name in single else _tex(heading(name).split(" ")[-1]) for name in names)]
    body = [" & ".join(row) + r" \\" for row in rows]
    return "\n".join(
        [
            f"\\begin{{tabular}}{{l{'c' * len(names)}}}",
            r"\toprule",
            " & ".join(spans) + r" \\",
            "".join(rules),
            " & ".join(second) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _cells(score: Score, format: str) -> list[str]:
    return [f"{score.accuracy:.2f}", *_edges(score, format), str(score.correct), str(score.total)]


def _title(column: str, report: Scored) -> str:
    averages = {name.split("/")[0] for name in report.types}
    return f"{column} Avg" if column in averages else column


def heading(column: str) -> str:
    """A column's short title: `AV Count` for `Audio-Visual/Counting`, `AV Avg` for its group, `All` for `Overall`."""
    if column == "Overall":
        return "All"
    group, _, kind = column.partition("/")
    initials = "".join(word[0] for word in group.split("-")) if group in ("Audio", "Visual", "Audio-Visual") else group
    return f"{initials} {SHORT.get(kind, kind) or 'Avg'}"


def _number(value: Score | float | None) -> str:
    number = value.accuracy if isinstance(value, Score) else value
    return "-" if number is None or math.isnan(number) else f"{number:.2f}"


def bold(cell: str, format: str) -> str:
    """`cell` emphasised: bold in Markdown and LaTeX, with a star in plain text, unchanged in CSV."""
    return {"markdown": f"**{cell}**", "latex": f"\\textbf{{{cell}}}", "text": f"{cell}*"}.get(format, cell)


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def _tex(text: str) -> str:
    return "".join("\\" + c if c in "&%$#_{}" else c for c in text)


def check(format: str) -> None:
    """Raise RecipeError where no table is laid out as `format`."""
    if format not in FORMATS:
        raise RecipeError(unknown("table format", format, FORMATS))
