"""Downloads of a timeline in the formats of annotation tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import Response

from lookhear.serve.refusals import bad
from lookhear.timeline import from_json
from lookhear.timeline.exports import FORMATS, written

TYPES = {".json": "application/json", ".vtt": "text/vtt", ".eaf": "text/xml"}  # suffix -> media type; else text/plain


def check_format(format: str) -> None:
    """Raises Refusal if there is no format of this name."""
    if format not in FORMATS:
        raise bad("unknown_format", f"No format {format[:40]!r}. There are: {', '.join(FORMATS)}.", "format")


def response(timeline: Mapping[str, Any], format: str) -> Response:
    """A response with the timeline as a file."""
    ending, _ = FORMATS[format]
    kind = TYPES.get(f".{ending.rpartition('.')[2]}", "text/plain")
    headers = {"Content-Disposition": f'attachment; filename="timeline{ending}"'}
    return Response(written(from_json(timeline), format), media_type=kind, headers=headers)
