"""The robustness card on the terminal and as a page: a table of lines, a drawing of the intervals, the sentences."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from lookhear import files
from lookhear.evaluate import tables
from lookhear.evaluate.audit.card import Card
from lookhear.evaluate.audit.lines import NOT_DONE, Line
from lookhear.evaluate.audit.pairs import MUTED, sentence
from lookhear.evaluate.draw import page
from lookhear.files import dumps

SECTIONS = {
    "hearing": "Does it hear?",
    "seeing": "Does it see?",
    "reading": "Does it read?",
    "time": "Does it know when and where?",
    "pairs": "Does it follow what changes, and that alone?",
    "floors": "Is it better than guessing?",
    "answers": "Can its answers be relied on?",
}
HEAD = ("", "questions", "before", "after", "change", "95 % interval", "verdict")
WIDE, ROW, LEFT = 720, 24, 190  # pixels: width of the drawing, height of a row, left end of the scale


def text(card: Card, format: str = "text") -> str:
    """The lines as a table in `text`, `markdown`, `latex` or `csv`."""
    return tables.lay_out(HEAD, [_cells(line) for line in card.lines], format)


def sentences(card: Card) -> list[str]:
    """One sentence for each of the three findings, then the measurements that were not possible."""
    decisive = [("swap_audio", "silence"), ("swap_video", "blindfold"), ("shuffle_questions",)]
    by = {line.name: line for line in card.lines}
    known = [[by[n] for n in names if n in by] for names in decisive]  # empty without a model
    found = [next((one for one in lines if one.verdict != NOT_DONE), lines[0]) for lines in known if lines]
    found = found or [line for line in card.lines if line.verdict != NOT_DONE and line.name != MUTED]
    muted = [line for line in card.lines if line.name == MUTED]
    return [line.sentence for line in [*found, *muted, *(one for one in card.lines if one.verdict == NOT_DONE)]]


def save(card: Card, folder: Path | str) -> Path:
    """Write audit.json, audit.md and the page audit.html into `folder`; returns the page's path."""
    folder = Path(folder)
    texts = {
        "audit.json": dumps(card.to_json(), indent=2) + "\n",
        "audit.md": text(card, "markdown") + "\n",
        "audit.html": document(card),
    }
    for name, content in texts.items():
        files.write(folder / name, content)
    return folder / "audit.html"


def document(card: Card) -> str:
    """The whole card as one self-contained page."""
    return page.page(f"Robustness card: {card.facts['model']}", _parts(card))


def _parts(card: Card) -> Iterator[str]:
    facts, score = card.facts, card.overall
    about = " · ".join(str(facts[k]) for k in ("dataset", "split") if k in facts)
    low, high = score.interval
    yield page.text(f"{about} · {facts['questions']} questions about {facts['videos']} videos".lstrip(" ·"), soft=True)
    yield page.text(f"Accuracy {score.accuracy:.2f} % ({low:.2f} to {high:.2f}).")
    yield page.table(["", "verdict"], [[f"the {what}", verdict] for what, verdict in card.findings.items()])
    if said := sentence(card.lines):
        yield page.text(said)
    if facts["unread"]:
        yield page.text(f"{len(facts['unread'])} clips could not be read; their questions are in no line.")
    for section, title in SECTIONS.items():
        lines = [line for line in card.lines if line.section == section]
        done = [line for line in lines if line.verdict != NOT_DONE]
        yield page.heading(title)
        if done:
            yield page.table(HEAD, [_cells(line) for line in done])
            yield _drawing([line for line in done if line.change is not None])
        for line in lines:
            yield page.text(line.sentence, soft=line.verdict == NOT_DONE)
        groups = list(dict.fromkeys(group for line in done for group in line.groups))
        if len(groups) > 1:
            yield page.text("The same change by group of questions:", soft=True)
            rows = [[line.title, *(_group(line, group) for group in groups)] for line in done if line.groups]
            yield page.table(["", *groups], rows)
    yield page.heading("How the verdicts are made")
    yield page.text(str(facts["rule"]))
    yield page.text(
        f"Intervals: {facts['interval']}. Changes are in percentage points, question by question.", soft=True
    )


def _cells(line: Line) -> list[str]:
    low, high = line.interval or (0.0, 0.0)
    signed = "+" if line.change is not None else ""
    return [
        line.title,
        str(line.questions) if line.questions else "-",
        "-" if line.before is None else f"{line.before:.2f}",
        "-" if line.after is None else f"{line.after:.2f}",
        "-" if line.change is None else f"{line.change:+.2f}",
        "-" if line.interval is None else f"{low:{signed}.2f} to {high:{signed}.2f}",
        line.verdict,
    ]


def _group(line: Line, group: str) -> str:
    if group not in line.groups:
        return "-"
    change, low, high = line.groups[group]
    return f"{change:+.1f} ({low:+.1f} to {high:+.1f})"


def _drawing(lines: Sequence[Line]) -> str:
    """An SVG of changes as dots and intervals as bars on a common scale, zero as a vertical line; "" for one line."""
    if len(lines) < 2:
        return ""
    edges = [edge for line in lines for edge in (line.interval or ())]
    low, high = min([*edges, -5.0]), max([*edges, 5.0])

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDE - LEFT - 20)

    height = ROW * len(lines) + 26
    marks = [f'<line x1="{x(0):.1f}" y1="4" x2="{x(0):.1f}" y2="{height - 22}" stroke="var(--soft)"/>']
    for number, line in enumerate(lines):
        y, (a, b) = ROW * number + 16, line.interval or (0.0, 0.0)
        marks += [
            f'<text x="0" y="{y + 5}" fill="var(--ink)" font-size="14">{html.escape(line.title)}</text>',
            f'<line x1="{x(a):.1f}" y1="{y}" x2="{x(b):.1f}" y2="{y}" stroke="var(--mark)" stroke-width="3"/>',
            f'<circle cx="{x(line.change or 0):.1f}" cy="{y}" r="5" fill="var(--mark)"/>',
        ]
    for value in (low, 0.0, high):
        marks.append(
            f'<text x="{x(value):.1f}" y="{height - 4}" fill="var(--soft)" font-size="12" text-anchor="middle">'
            f"{format(value, '+.0f') if value else 0}</text>"
        )
    label = "Change of accuracy in points, with 95 % intervals"
    inner = f'<svg viewBox="0 0 {WIDE} {height}" width="100%" role="img" aria-label="{label}">{"".join(marks)}</svg>'
    return f"<figure>{inner}<figcaption>{label}</figcaption></figure>"
