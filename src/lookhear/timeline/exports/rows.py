"""Tiers of (start, end, text) by modality, the common content of all exports."""

from __future__ import annotations

from lookhear.timeline.value import Timeline

Row = tuple[float, float, str]


def tiers(timeline: Timeline) -> dict[str, list[Row]]:
    """Tier -> its rows in order of time: heard, seen, said, and recording (cuts, black, silence)."""
    tier_rows: dict[str, list[Row]] = {"heard": [], "seen": [], "said": [], "recording": []}
    for event in timeline.events:
        tier_rows[event.stream].append((event.start, event.end, f"{event.label} {event.score:.2f}"))
    tier_rows["said"] = [(s.start, s.end, s.text) for s in timeline.sentences]
    for name in ("silence", "black"):
        tier_rows["recording"] += [(a, b, name) for a, b in getattr(timeline, name)]
    tier_rows["recording"] += [(cut, cut, "cut") for cut in timeline.cuts]
    return {tier: sorted(rows) for tier, rows in tier_rows.items()}


def apart(rows: list[Row]) -> list[list[Row]]:
    """Split rows into the fewest lists without overlaps; rows of length 0 are dropped."""
    lines: list[list[Row]] = []
    for row in sorted(r for r in rows if r[1] > r[0]):
        free = next((line for line in lines if line[-1][1] <= row[0]), None)
        if free is None:
            lines.append([row])
        else:
            free.append(row)
    return lines
