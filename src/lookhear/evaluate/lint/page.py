"""Result of `lookhear lint` as JSON, as text, and as an HTML page."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lookhear.evaluate.lint import blind, faults, floors
from lookhear.evaluate.scores import kinds
from lookhear.evaluate.tables import lay_out
from lookhear.evaluate.videos import video_of
from lookhear.types import Example


@dataclass(frozen=True)
class Linted:
    """One file of questions: its size, distribution of answers, blind floors and faults."""

    name: str
    questions: int
    videos: int
    balance: Mapping[str, Mapping[str, int]]
    floors: Mapping[str, Mapping[str, floors.Floor]]  # part of the file -> floor -> score
    findings: Sequence[faults.Finding]

    def to_json(self) -> dict[str, Any]:
        """JSON values, with all records of every finding."""
        return {
            "name": self.name,
            "questions": self.questions,
            "videos": self.videos,
            "balance": {name: dict(table) for name, table in self.balance.items()},
            "floors": {part: {n: f.to_json() for n, f in some.items()} for part, some in self.floors.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }

    def text(self) -> str:
        """The result as text."""
        lines = [f"{self.name}: {self.questions} questions about {self.videos} videos"]
        lines += [
            f"  {name}: {', '.join(f'{k} {n}' for k, n in table.items())}" for name, table in self.balance.items()
        ]
        for part, some in self.floors.items():
            lines += ["", lay_out(_head(part, some), _rows(some), "text")]
        for finding in self.findings:
            lines += [
                "",
                f"{finding.kind}: {len(finding.records)} ({finding.says})",
                *(f"    {c}" for c in finding.cases),
            ]
        return "\n".join(lines if self.findings else [*lines, "", "no fault found"])

    def html(self) -> str:
        """The result as one HTML page without scripts or links."""
        parts = [f"<h1>{_escaped(self.name)}</h1><p>{self.questions} questions about {self.videos} videos</p>"]
        for part, some in self.floors.items():
            parts.append(f"<h2>What is reached blind: {_escaped(part)}</h2>" + _table(_head(part, some), _rows(some)))
        for name, table in self.balance.items():
            parts.append(
                f"<h2>{_escaped(name)}</h2>" + _table(["", "questions"], [[k, str(n)] for k, n in table.items()])
            )
        parts.append("<h2>Faults</h2>" + ("" if self.findings else "<p>None found.</p>"))
        for finding in self.findings:
            cases = "".join(f"<li>{_escaped(case)}</li>" for case in finding.cases)
            heading = f"<h3>{_escaped(finding.kind)}: {len(finding.records)}</h3><p>{_escaped(finding.says)}</p>"
            parts.append(f"{heading}<ul>{cases}</ul>")
        style = "body{font:16px/1.4 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
        style += "td,th{padding:.2em .8em;text-align:right}"
        style += "td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f4f4f4}"
        title = f"<title>{_escaped(self.name)}: lint</title>"
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8>{title}<style>{style}</style>{''.join(parts)}</html>\n"
        )


def lint(
    name: str, annotations: Any, against: Mapping[str, Sequence[Example]] | None = None, resamples: int = 1000
) -> Linted:
    """Compute floors and faults of one file of questions, and its leaks into the files `against`."""
    examples = annotations.examples
    known = [e for e in examples if e.reference is not None]
    closed = [e for e in known if blind.form_of(e) == blind.OPTIONS]
    asked = [e for e in known if blind.form_of(e) == blind.YES_NO]
    openly = [e for e in known if blind.form_of(e) == blind.OPEN]
    parts: dict[str, list[Example]] = {}
    for e in asked:
        parts.setdefault("/".join(e.kind) or "yes or no", []).append(e)
    if len(parts) > 1:
        parts["all yes or no"] = asked
    floors_by_part = {"options": (closed, floors.choices(closed, resamples))}
    floors_by_part |= {part: (some, floors.yes_no(some, resamples)) for part, some in parts.items()}
    for kind, places in kinds(openly).items():
        some = [openly[i] for i in places]
        floors_by_part[kind] = some, blind.open_answers(kind, some, resamples)
    scores = {
        part: {"empty_reply": blind.empty(some, resamples), **their}
        for part, (some, their) in floors_by_part.items()
        if their
    }
    findings = faults.find(annotations)
    for other, theirs in (against or {}).items():
        findings += faults.leak(examples, theirs, other)
    videos = len({video_of(e) for e in examples})
    return Linted(name, len(examples), videos, faults.balance(examples), scores, findings)


def _head(part: str, some: Mapping[str, floors.Floor]) -> list[str]:
    return [part, next(iter(some.values())).metric, "95 % interval", *_published_names(some)]


def _rows(some: Mapping[str, floors.Floor]) -> list[list[str]]:
    names = _published_names(some)
    return [
        [
            name,
            f"{f.value:.2f}",
            "-" if math.isnan(f.interval[0]) else f"{f.interval[0]:.2f} to {f.interval[1]:.2f}",
            *(f"{f.beside.get(n, 0):.2f}" for n in names),
        ]
        for name, f in some.items()
    ]


def _published_names(some: Mapping[str, floors.Floor]) -> list[str]:
    return list(dict.fromkeys(name for floor in some.values() for name in floor.beside))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{_escaped(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{_escaped(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _escaped(text: str) -> str:
    return html.escape(str(text))
