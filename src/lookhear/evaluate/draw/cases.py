"""Answers of several models side by side on one HTML sheet: question, each answer, and whether it is right.

The cases are questions that only the first model answers correctly, that only others answer correctly, and that no
model answers correctly, spread over the question types (AV-Master's figure 9). If clips are given, frames and the
waveform are shown with each question.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lookhear import files, media
from lookhear.errors import DatasetError, DependencyError, MediaError
from lookhear.evaluate.draw import page
from lookhear.evaluate.report import Report, part_of
from lookhear.types import Clip, Example

FRAMES, HEIGHT, WIDTH = 6, 108, 192
KINDS = {
    "first": "The first model alone is right",
    "others": "Another model is right, the first is not",
    "none": "No model is right",
}
STYLE = "<style>td.right{color:#1b7837;font-weight:600}td.wrong{color:#b2182b}.strip{margin:.4rem 0 0}</style>"


def choose(reports: Mapping[str, Report], count: int = 4) -> dict[str, list[str]]:
    """Kind of case -> up to `count` question ids, types in turn. Raises DatasetError without common questions."""
    right = {
        name: dict(zip((e.id for e in one.examples), map(bool, one.right), strict=True))
        for name, one in reports.items()
    }
    first, *others = right
    shared = [e for e in reports[first].examples if all(e.id in some for some in right.values())]
    if not shared:
        raise DatasetError("The reports have no question in common. Compare reports on the same dataset and split.")
    cases: dict[str, dict[tuple[str, ...], list[str]]] = {kind: {} for kind in KINDS}
    for example in shared:
        mine, theirs = right[first][example.id], any(right[name][example.id] for name in others)
        kind = "first" if mine and not theirs else "others" if theirs and not mine else "" if mine else "none"
        if kind:
            cases[kind].setdefault((part_of(example), *example.kind), []).append(example.id)
    return {kind: _in_turn(list(groups.values()), count) for kind, groups in cases.items()}


def sheet(
    reports: Mapping[str, Report], path: Path | str, clips: Mapping[str, Clip] | None = None, count: int = 4
) -> int:
    """Write the sheet as one HTML file; returns the number of cases. `clips` maps question ids to clips to show."""
    chosen = choose(reports, count)
    rows = {
        name: {e.id: (e, a, bool(r)) for e, a, r in zip(one.examples, one.answers, one.right, strict=True)}
        for name, one in reports.items()
    }
    first = next(iter(rows.values()))
    parts = [STYLE, page.text(f"Models: {', '.join(reports)}. Answers in green are right, in red wrong.", soft=True)]
    for kind, ids in chosen.items():
        if ids:
            parts.append(page.heading(f"{KINDS[kind]} ({len(ids)} shown)"))
        for id in ids:
            example = first[id][0]
            cells = []
            for name, some in rows.items():
                _, answer, right = some[id]
                said = html.escape(answer.text or answer.raw[:80] or "no answer")
                sure = answer.scores.get(answer.text)
                more = "" if sure is None else f" ({sure:.0%})"
                mark = "right" if right else "wrong"
                cells.append(f'<tr><td>{html.escape(name)}</td><td class="{mark}">{said}{more}</td></tr>')
            parts += [_asked(example), _strip((clips or {}).get(id)), f"<table>{''.join(cells)}</table>"]
    files.write(path, page.page("Cases side by side", parts))
    return sum(map(len, chosen.values()))


def _in_turn(groups: Sequence[Sequence[str]], count: int) -> list[str]:
    """The first of each group, then the second of each, up to `count`."""
    longest = max(map(len, groups), default=0)
    return [group[i] for i in range(longest) for group in groups if i < len(group)][:count]


def _asked(example: Example) -> str:
    part = f", {part_of(example)}" if part_of(example) else ""
    where = html.escape(f"{'/'.join(example.kind)}{part}, {example.clip.id}")
    truth = html.escape(example.reference.text if example.reference else "")
    question = html.escape(example.question.rstrip("?？ "))
    return f'<p class="answer">{question}? <b>{truth}</b> <span class="soft">{where}</span></p>'


def _strip(clip: Clip | None) -> str:
    """A picture of frames side by side above the waveform; a line of text if the clip cannot be read."""
    if clip is None:
        return ""
    try:
        from PIL import Image
    except ImportError:
        raise DependencyError("Frames need Pillow: pip install 'lookhear[report]'") from None
    try:
        seen = media.decode(clip, media.Sampling("uniform", count=FRAMES, size=(HEIGHT, WIDTH)))
    except MediaError as error:
        return page.text(f"not shown: {error}", soft=True)
    rows = []
    if seen.frames is not None and len(seen.frames):
        rows.append(np.concatenate(list(seen.frames), axis=1))
    if seen.waveform is not None and len(seen.waveform):
        rows.append(_wave(seen.waveform, rows[0].shape[1] if rows else FRAMES * WIDTH))
    if not rows:
        return ""
    out = io.BytesIO()
    Image.fromarray(np.concatenate(rows, axis=0)).save(out, "JPEG", quality=80)
    data = base64.b64encode(out.getvalue()).decode()
    return f'<figure class="strip"><img src="data:image/jpeg;base64,{data}" alt="frames and wave"></figure>'


def _wave(waveform: np.ndarray, width: int, height: int = 40) -> np.ndarray:
    """(height, width, 3) picture of the waveform's envelope."""
    loud = np.array([np.abs(piece).max(initial=0.0) for piece in np.array_split(waveform, width)])
    half = (height / 2 * loud / max(float(loud.max()), 1e-6)).astype(int)
    rows = np.abs(np.arange(height)[:, None] - height / 2)
    return np.where((rows <= half)[..., None], np.uint8(90), np.uint8(245)).repeat(3, axis=2).astype(np.uint8)
