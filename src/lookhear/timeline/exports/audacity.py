"""Audacity label track: one line per event with start, end and text, separated by tabs."""

from __future__ import annotations

from lookhear.timeline.exports.rows import tiers
from lookhear.timeline.value import Timeline


def write(timeline: Timeline) -> str:
    """The text of a label file (File > Import > Labels)."""
    rows = sorted((a, b, tier, text) for tier, rows in tiers(timeline).items() for a, b, text in rows)
    return "".join(f"{a:.6f}\t{b:.6f}\t{tier}: {' '.join(text.split())}\n" for a, b, tier, text in rows)
