"""One self-contained HTML page out of headings, text, tables, pictures and clips: nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

STYLE = """
:root { color-scheme: light dark; --ink: #1d1b26; --paper: #fbfaf7; --soft: #8a8794; --line: #e3e0da; --mark: #b4552d; }
@media (prefers-color-scheme: dark) { :root { --ink: #ece9f1; --paper: #17151d; --soft: #97939f; --line: #322f3a; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
       margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; } h2 { margin: 2.6rem 0 .6rem; font-size: 1.25rem; }
p { max-width: 46rem; } .soft { color: var(--soft); }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; } tr.strong td { font-weight: 650; }
.wide { overflow-x: auto; } img { max-width: 100%; height: auto; border-radius: 6px; } video { border-radius: 6px; }
figure { margin: 1.2rem 0; } figcaption { color: var(--soft); font-size: .9rem; margin-top: .3rem; }
.answer { font-size: 1.1rem; } .answer b { color: var(--mark); } code { font-size: .92em; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole document. `parts` are pieces of HTML, as the functions below make them."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{html.escape(text)}</h2>"


def text(words: str, soft: bool = False) -> str:
    """A paragraph; `soft` sets it back."""
    return f"<p{_class('soft', soft)}>{html.escape(words)}</p>"


def question(asked: str, answered: str, confidence: float) -> str:
    """A question with its answer and the probability the model gives it."""
    sure = f'<span class="soft">{confidence:.0%}</span>'
    return f'<p class="answer">{html.escape(asked)} <b>{html.escape(answered)}</b> {sure}</p>'


def table(header: Sequence[str], rows: Sequence[Sequence[object]], strong: Sequence[int] = ()) -> str:
    """A table; rows whose index is in `strong` stand out."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    cells = ["".join(f"<td>{html.escape(str(c))}</td>" for c in row) for row in rows]
    lines = "".join(f"<tr{_class('strong', i in strong)}>{row}</tr>" for i, row in enumerate(cells))
    return f'<div class="wide"><table><tr>{head}</tr>{lines}</table></div>'


def _class(name: str, wanted: bool) -> str:
    return f' class="{name}"' if wanted else ""


def picture(path: Path, caption: str = "") -> str:
    """A PNG or JPEG, embedded."""
    kind = "jpeg" if path.suffix.lower() in (".jpg", ".jpeg") else "png"
    return _figure(f'<img src="{_embedded(path, f"image/{kind}")}" alt="{html.escape(caption, quote=True)}">', caption)


def clip(path: Path, caption: str = "") -> str:
    """An mp4 that plays in the page."""
    return _figure(f'<video controls width="384" src="{_embedded(path, "video/mp4")}"></video>', caption)


def _figure(inner: str, caption: str) -> str:
    return f"<figure>{inner}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _embedded(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
