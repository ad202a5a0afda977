"""Exports of a timeline as files of other programs' formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi.responses import Response

from lookhear.serve.refusals import bad

Events = list[tuple[float, float, str]]


def known(format: str) -> None:
    """Raises Refusal where there is no such format."""
    if format not in FORMATS:
        raise bad("unknown_format", f"No format {format[:40]!r}. There are: {', '.join(FORMATS)}.", "format")


def response(timeline: Mapping[str, Any], format: str) -> Response:
    """The timeline as a file to be saved."""
    kind, ending, write = FORMATS[format]
    headers = {"Content-Disposition": f'attachment; filename="timeline.{ending}"'}
    return Response(write(_events(timeline)), media_type=kind, headers=headers)


def _events(timeline: Mapping[str, Any]) -> Events:
    """(start, end, label) of everything that has a time, in order."""
    found = [(e["start"], e["end"], f"{e['stream']}: {e['label']}") for e in timeline["events"]]
    found += [(s["start"], s["end"], f"said: {s['text']}") for s in timeline["sentences"]]
    found += [(a, b, name) for name in ("black", "silence") for a, b in timeline[name]]
    return sorted(found)


def _vtt(events: Events) -> str:
    def time(seconds: float) -> str:
        whole, thousandths = divmod(round(seconds * 1000), 1000)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{thousandths:03d}"

    def text(label: str) -> str:
        return label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")

    cues = [f"{time(a)} --> {time(max(b, a + 0.001))}\n{text(label)}\n" for a, b, label in events]
    return "\n".join(["WEBVTT\n", *cues])


def _audacity(events: Events) -> str:
    return "".join(f"{a:.3f}\t{b:.3f}\t{' '.join(label.split())}\n" for a, b, label in events)


FORMATS: dict[str, tuple[str, str, Callable[[Events], str]]] = {
    "json": ("application/json", "json", lambda events: ""),
    "vtt": ("text/vtt", "vtt", _vtt),
    "audacity": ("text/plain", "txt", _audacity),
}
