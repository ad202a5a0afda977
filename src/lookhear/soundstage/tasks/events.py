"""Event localisation and audio-visual parsing: events heard and seen, in whole seconds.

A second belongs to an event that fills more than half of it. Scenes in which an event fills exactly half of some second
are not used. A player on stage is seen from beginning to end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.tasks.labels import company

SPEECH = "speech"  # event label of a narrator
Spans = Iterable[tuple[float, float]]


def tenths(spans: Spans, length: int) -> list[int]:
    """How many tenths of each of `length` seconds the spans fill, 0 to 10."""
    some = list(spans)
    sounds = [any(a < 0.05 + 0.1 * tenth < b for a, b in some) for tenth in range(10 * length)]
    return [sum(sounds[10 * k : 10 * k + 10]) for k in range(length)]


def seconds(spans: Spans, length: int = 10) -> list[tuple[int, int]]:
    """Spans of whole seconds that `spans` fill by at least half."""
    full = [count >= 5 for count in tenths(spans, length)]
    edges = [k for k in range(length + 1) if (k < length and full[k]) != (k > 0 and full[k - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


def clear(spans: Spans, length: int) -> bool:
    """Whether no second is filled by exactly half."""
    return 5 not in tenths(spans, length)


def event(facts: Facts) -> dict[str, Any] | None:
    """The one type of instrument that is both seen and heard, with its single sounding span; None for other scenes."""
    length, kinds = int(facts.scene.seconds), {p.instrument for p in facts.sounding}
    if len(kinds) != 1 or kinds & {p.instrument for p in facts.offstage}:
        return None
    kind = kinds.pop()
    spans = [span for p in facts.sounding for span in p.sounding]
    found = seconds(spans, length)
    if len(found) != 1 or not clear(spans, length):
        return None
    return {"answer": kind, "kind": company(facts), "segments": [[*found[0], kind, "audio-visual"]]}


def parsing(facts: Facts) -> dict[str, Any] | None:
    """All types that are seen (for the whole clip) and heard (second by second); a narrator has the label `speech`."""
    length = int(facts.scene.seconds)
    heard = _sounding_spans(facts)
    if not all(clear(spans, length) for spans in heard.values()) or not (heard or facts.visible):
        return None
    found: list[list[Any]] = [[0, length, kind, "visual"] for kind in facts.on_stage]
    found += [[a, b, kind, "audio"] for kind, spans in heard.items() for a, b in seconds(spans, length)]
    found.sort(key=lambda s: (s[0], s[1], s[2], s[3]))
    return {"answer": ", ".join(dict.fromkeys(s[2] for s in found)), "segments": found}


def _sounding_spans(facts: Facts) -> Mapping[str, Sequence[tuple[float, float]]]:
    spans: dict[str, list[tuple[float, float]]] = {}
    for player in facts.heard:
        spans.setdefault(player.instrument, []).extend(player.sounding)
    if facts.scene.voiceover:
        spans[SPEECH] = [facts.scene.voiceover]
    return spans
