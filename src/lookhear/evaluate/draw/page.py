"""One self-contained HTML page of headings, text, tables, pictures and clips; no external files are loaded."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --ink: #1d1b26; --paper: #fbfaf7; --soft: #6b6875; --line: #dedad2; --fill: #f0ede6;
        --mark: #a8471f; --seen: #2f6f8f; --heard: #c2622f; --grey: #c9c4ba; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9f1; --paper: #17151d; --soft: #a5a1ae; --line: #3a3743;
        --fill: #2a2732; --mark: #f0905f; --seen: #5fa8cc; --heard: #e58a57; --grey: #57535f; } }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 75rem;
       margin: 0 auto; padding: 2.5rem 1.25rem 5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; } h2 { margin: 2.6rem 0 .6rem; font-size: 1.25rem; }
p, li { max-width: 46rem; } .soft { color: var(--soft); }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; max-width: 100%; }
th, td { padding: .3rem 0 .3rem 1rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: bottom;
         overflow-wrap: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { font-weight: 600; } tr.strong td { font-weight: 650; }
img, video { max-width: 100%; height: auto; border-radius: 6px; }
figure > svg { max-width: 100%; height: auto; display: block; }
figure { margin: 1.2rem 0; } figcaption { color: var(--soft); font-size: .9rem; margin-top: .3rem; max-width: 46rem; }
.answer { font-size: 1.1rem; } .answer b { color: var(--mark); } code { font-size: .92em; }
pre { background: var(--fill); padding: .6rem .8rem; border-radius: 6px; white-space: pre-wrap; max-width: 60rem; }
figure > .narrow { display: none; }
@media (max-width: 44rem) {
  body { padding: 1.5rem 1rem 3rem; }
  figure.two > .broad { display: none; } figure > .narrow { display: block; }
  .cards tr:first-child { position: absolute; clip-path: inset(50%); }
  .cards table, .cards tbody { display: block; }
  .cards tr { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1.2rem; border-bottom: 1px solid var(--line);
              padding: .45rem 0; }
  .cards td { display: flex; justify-content: space-between; gap: .6rem; border: 0; padding: .08rem 0; }
  .cards td:first-child { grid-column: 1 / -1; font-weight: 650; display: block; } .cards td:empty { display: none; }
  .cards td[data-of]::before { content: attr(data-of); color: var(--soft); font-weight: 400; text-align: left; }
}
"""
# colours of `ink` -> CSS variables of the page, which depend on the light or dark scheme
COLOURS = {"#1d1b26": "ink", "#8a8794": "soft", "#dedad2": "line", "#fbfaf7": "paper", "#f0ede6": "fill",
           "#2f6f8f": "seen", "#c2622f": "heard", "#c9c4ba": "grey"}  # fmt: skip
WIDE = 4  # a table with more columns is laid out as cards on a phone


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document. `parts` are pieces of HTML from the functions below."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{html.escape(text)}</h2>"


def text(words: str, soft: bool = False) -> str:
    """A paragraph; `soft` uses a lighter colour."""
    return f"<p{_class('soft', soft)}>{html.escape(words)}</p>"


def question(asked: str, answered: str, confidence: float) -> str:
    """A question with the model's answer and its probability."""
    sure = f'<span class="soft">{confidence:.0%}</span>'
    return f'<p class="answer">{html.escape(asked)} <b>{html.escape(answered)}</b> {sure}</p>'


def table(header: Sequence[str], rows: Sequence[Sequence[object]], strong: Sequence[int] = ()) -> str:
    """A table; rows whose index is in `strong` are bold. On a phone, each row of a wide table becomes a card."""
    head = "".join(f'<th scope="col">{html.escape(h)}</th>' for h in header)
    named = [f' data-of="{html.escape(h, quote=True)}"' if h else "" for h in header]
    lines = []
    for i, row in enumerate(rows):
        cells = "".join(f"<td{n}>{html.escape(str(c))}</td>" for n, c in zip(named, row, strict=True))
        lines.append(f"<tr{_class('strong', i in strong)}>{cells}</tr>")
    return f"<div{_class('cards', len(header) > WIDE)}><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def commands(lines: Sequence[tuple[str, str]]) -> str:
    """A list of commands, each below its description; `lines` are (description, command)."""
    items = [f"<li>{html.escape(what)}<pre><code>{html.escape(line)}</code></pre></li>" for what, line in lines]
    return f"<ul>{''.join(items)}</ul>"


def drawing(path: Path, caption: str = "", narrow: Path | None = None) -> str:
    """An SVG of `evaluate.draw`, inlined so that it has the page's colours; `narrow` replaces it on a phone."""
    inner = _svg(path, caption, "broad") + (_svg(narrow, caption, "narrow") if narrow else "")
    told = f"<figcaption>{html.escape(caption)}</figcaption>"
    return f"<figure{_class('two', narrow is not None)}>{inner}{told}</figure>"


def _svg(path: Path, caption: str, name: str) -> str:
    drawn = path.read_text("utf-8")
    drawn = drawn[drawn.index("<svg") :]
    for colour, variable in COLOURS.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    told = html.escape(caption, quote=True)
    return drawn.replace("<svg", f'<svg class="{name}" role="img" aria-label="{told}"', 1)


def _class(name: str, wanted: bool) -> str:
    return f' class="{name}"' if wanted else ""


def picture(path: Path, caption: str = "") -> str:
    """A figure with an embedded PNG or JPEG."""
    kind = "jpeg" if path.suffix.lower() in (".jpg", ".jpeg") else "png"
    return _figure(f'<img src="{_embedded(path, f"image/{kind}")}" alt="{html.escape(caption, quote=True)}">', caption)


def clip(path: Path, caption: str = "") -> str:
    """A figure with an embedded mp4 and player controls."""
    return _figure(
        f'<video controls preload="metadata" width="384" src="{_embedded(path, "video/mp4")}"></video>', caption
    )


def _figure(inner: str, caption: str) -> str:
    return f"<figure>{inner}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _embedded(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
