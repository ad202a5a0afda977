"""Voting sheets for people: one line per rephrasing, one copy per voter.

    <folder>/votes.csv      for a spreadsheet: write yes or no into the last column
    <folder>/votes.html     the same in a browser, which saves a CSV of the same form; works offline

Each voter returns one filled CSV (`read`). The `id` of a line is a hash of template and rephrasing, so a line with
edited text is refused.
"""

from __future__ import annotations

import csv
import hashlib
import html
import io
from collections.abc import Sequence
from pathlib import Path

from lookhear import files
from lookhear.curate.robust.ways import Rephrasing, lettered, of_templates
from lookhear.errors import DatasetError

COLUMNS = ("id", "question", "rephrasing", "same meaning")
YES, NO = ("yes", "y", "1", "true", "x"), ("no", "n", "0", "false")
ASKED = (
    "Does each rephrasing ask exactly what the question asks, so that it would always have the same answer? Letters in "
    "braces such as {A} stand for an instrument, a side or a place in an order. Vote on your own."
)


def write(ways: Sequence[Rephrasing], folder: Path | str) -> list[Path]:
    """Write votes.csv and votes.html about `ways` into `folder`; returns both paths."""
    folder = Path(folder)
    out = io.StringIO()
    csv.writer(out).writerows([COLUMNS, *([_id(way), lettered(way.template)[0], way.text, ""] for way in ways)])
    paths = [folder / "votes.csv", folder / "votes.html"]
    files.write(paths[0], "\ufeff" + out.getvalue())  # byte order mark: spreadsheets read the file as UTF-8
    files.write(paths[1], _page(ways))
    return paths


def read(path: Path | str, templates: Sequence[str]) -> dict[tuple[str, str], bool | None]:
    """(template, rephrasing) -> the vote on one voter's sheet, None for an empty cell.

    `templates` are all templates of the dataset. Raises DatasetError, with the line, for an invalid vote or text.
    """
    path = Path(path)
    known = {lettered(template)[0]: template for template in templates}
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not readable as a sheet of votes: {error}") from None
    sample = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if sample.count(";") > sample.count(",") else ",")
    head = [cell.strip().casefold() for cell in next(rows, [])]
    if any(name not in head for name in COLUMNS):
        raise DatasetError(f"{path}: its columns are {', '.join(head) or 'none'}; wanted are {', '.join(COLUMNS)}.")
    at = [head.index(name) for name in COLUMNS]
    votes: dict[tuple[str, str], bool | None] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(head):
            row = row + [""] * (len(head) - len(row))
        id, question, text, vote = (row[i] for i in at)
        where = f"{path}:{rows.line_num}"
        if question not in known:
            raise DatasetError(f"{where}: {question!r} is not asked in this dataset. Give the sheets made from it.")
        way = Rephrasing(known[question], text)
        if id != _id(way):
            raise DatasetError(f"{where}: id {id!r} is not that of {text!r}: was it edited? Only votes may be written.")
        answer = vote.strip().casefold()
        if answer and answer not in (*YES, *NO):
            raise DatasetError(f"{where}: vote {vote!r} is neither yes nor no.")
        if (way.template, text) in votes:
            raise DatasetError(f"{where}: {text!r} is voted on twice.")
        votes[way.template, text] = (answer in YES) if answer else None
    if not votes:
        raise DatasetError(f"{path}: holds no rephrasing. Is it a sheet of votes?")
    return votes


def of_people(paths: Sequence[Path], templates: Sequence[str]) -> list[Rephrasing]:
    """The ways on the sheets of several voters, with their votes. Raises DatasetError if the sheets differ."""
    if not paths:
        raise DatasetError("No sheet of votes was given.")
    sheets = {path: read(path, templates) for path in paths}
    first, *others = sheets
    for other in others:
        if odd := set(sheets[first]) ^ set(sheets[other]):
            raise DatasetError(
                f"{first} and {other} are not about the same rephrasings: {min(odd)[1]!r} is in one only."
            )
    return [
        Rephrasing(
            template, text, "", tuple(vote for sheet in sheets.values() if (vote := sheet[template, text]) is not None)
        )
        for template, text in sheets[first]
    ]


def _id(way: Rephrasing) -> str:
    return hashlib.sha256(f"{lettered(way.template)[0]}\n{way.text}".encode()).hexdigest()[:10]


def _page(ways: Sequence[Rephrasing]) -> str:
    parts = []
    for template, some in of_templates(ways).items():
        lines = "".join(_line(way) for way in some)
        parts.append(f"<fieldset><legend>{html.escape(lettered(template)[0])}</legend>{lines}</fieldset>")
    return PAGE.replace("{{asked}}", html.escape(ASKED)).replace("{{parts}}", "".join(parts))


def _line(way: Rephrasing) -> str:
    id, question = _id(way), html.escape(lettered(way.template)[0], quote=True)
    text = html.escape(way.text, quote=True)
    choices = "".join(
        f'<label><input type="radio" name="{id}" value="{said}"> {said}</label>' for said in ("yes", "no")
    )
    return f'<p data-id="{id}" data-question="{question}" data-text="{text}"><span>{text}</span> {choices}</p>'


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Votes on rephrasings</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root { color-scheme: light dark; } body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto;
padding: 0 1rem 5rem; } fieldset { border: 1px solid #8886; border-radius: 8px; margin: 1.2rem 0; } legend {
font-weight: 650; padding: 0 .4rem; } p { display: flex; gap: .8rem; margin: .35rem 0; } p span { flex: 1; }
footer { position: fixed; inset: auto 0 0 0; padding: .7rem 1rem; background: Canvas; border-top: 1px solid #8886; }
button { font: inherit; padding: .35rem 1rem; } </style></head><body>
<h1>Votes on rephrasings</h1><p>{{asked}}</p>
<form>{{parts}}</form>
<footer><button type="button" id="save">Save my votes as CSV</button> <output id="done"></output></footer>
<script>
const lines = [...document.querySelectorAll("p[data-id]")];
const vote = line => line.querySelector("input:checked")?.value ?? "";
const count = () => { const n = lines.filter(vote).length; document.getElementById("done").value =
  `${n} of ${lines.length} voted on`; };
const cell = text => `"${text.replaceAll('"', '""')}"`;
document.querySelector("form").addEventListener("change", event => {
  try { localStorage.setItem("vote " + event.target.name, event.target.value); } catch { /* kept on this page alone */ }
  count(); });
for (const line of lines) { let kept = null;
  try { kept = localStorage.getItem("vote " + line.dataset.id); } catch { /* nothing is kept between visits */ }
  const input = kept && line.querySelector(`input[value="${kept}"]`); if (input) input.checked = true; }
count();
document.getElementById("save").addEventListener("click", () => {
  const rows = [["id", "question", "rephrasing", "same meaning"],
    ...lines.map(line => [line.dataset.id, line.dataset.question, line.dataset.text, vote(line)])];
  const blob = new Blob(["\\ufeff" + rows.map(row => row.map(cell).join(",")).join("\\r\\n") + "\\r\\n"],
    { type: "text/csv" });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "votes.csv" });
  link.click(); URL.revokeObjectURL(link.href); });
</script></body></html>
"""
