"""Praat TextGrid in the long text format: interval tiers that cover the whole duration, and point tiers for cuts."""

from __future__ import annotations

from lookhear.timeline.exports.rows import apart, tiers
from lookhear.timeline.value import Timeline


def write(timeline: Timeline) -> str:
    """The text of a .TextGrid file. Overlapping events of one modality go to additional tiers: heard, heard 2, …"""
    end = max([timeline.duration, *(b for rows in tiers(timeline).values() for _, b, _ in rows)])
    blocks = []
    for tier, rows in tiers(timeline).items():
        for number, line in enumerate(apart(rows), 1):
            blocks.append(_intervals(tier if number == 1 else f"{tier} {number}", line, end))
    if timeline.cuts:
        blocks.append(_points("cuts", timeline.cuts, end))
    head = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end:g}",
        "tiers? <exists>",
    ]
    lines = [*head, f"size = {len(blocks)}", "item []:"]
    for number, block in enumerate(blocks, 1):
        lines += [f"    item [{number}]:", *(f"        {line}" for line in block)]
    return "\n".join(lines) + "\n"


def _intervals(name: str, rows: list[tuple[float, float, str]], end: float) -> list[str]:
    filled, at = [], 0.0
    for start, stop, text in rows:
        filled += [(at, start, "")] if start > at else []
        filled.append((start, stop, text))
        at = stop
    filled += [(at, end, "")] if at < end or not filled else []
    lines = [
        'class = "IntervalTier"',
        f"name = {_quoted(name)}",
        "xmin = 0",
        f"xmax = {end:g}",
        f"intervals: size = {len(filled)}",
    ]
    for number, (start, stop, text) in enumerate(filled, 1):
        lines += [
            f"intervals [{number}]:",
            f"    xmin = {start:g}",
            f"    xmax = {stop:g}",
            f"    text = {_quoted(text)}",
        ]
    return lines


def _points(name: str, times: tuple[float, ...], end: float) -> list[str]:
    lines = [
        'class = "TextTier"',
        f"name = {_quoted(name)}",
        "xmin = 0",
        f"xmax = {end:g}",
        f"points: size = {len(times)}",
    ]
    for number, time in enumerate(times, 1):
        lines += [f"points [{number}]:", f"    number = {time:g}", '    mark = "cut"']
    return lines


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()).replace('"', '""') + '"'
