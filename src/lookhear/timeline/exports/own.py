"""The package's own format: JSON of everything except the rows of scores."""

from __future__ import annotations

import json

from lookhear.timeline.value import Timeline


def write(timeline: Timeline) -> str:
    """One JSON object."""
    return json.dumps(timeline.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
