"""Export timelines to formats of annotation tools: one file per format, selected by the suffix of the output file.

.json             this package's own format           .vtt        WebVTT: cues for players
.txt              Audacity label track                .eaf        ELAN
.TextGrid         Praat                               .labelstudio.json   Label Studio predictions
.fiftyone.json    FiftyOne temporal detections (labels.json of a FiftyOneTemporalDetectionDataset)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lookhear.catalog import unknown
from lookhear.errors import RecipeError
from lookhear.timeline.exports import annotators, audacity, elan, own, textgrid, webvtt
from lookhear.timeline.value import Timeline

FORMATS: dict[str, tuple[str, Callable[[Timeline], str]]] = {  # name -> suffix, writer
    "json": (".json", own.write),
    "webvtt": (".vtt", webvtt.write),
    "audacity": (".txt", audacity.write),
    "elan": (".eaf", elan.write),
    "textgrid": (".TextGrid", textgrid.write),
    "label_studio": (".labelstudio.json", annotators.label_studio),
    "fiftyone": (".fiftyone.json", annotators.fiftyone),
}


def format_of(path: Path, named: str = "") -> str:
    """The format called `named`, or the one of the path's suffix. Raises RecipeError."""
    if named:
        if named not in FORMATS:
            raise RecipeError(unknown("timeline format", named, FORMATS))
        return named
    fit = [name for name, (ending, _) in FORMATS.items() if path.name.lower().endswith(ending.lower())]
    if not fit:
        endings = ", ".join(ending for ending, _ in FORMATS.values())
        raise RecipeError(f"No format of timelines ends as {path.name!r} does. There are: {endings}; or give --format.")
    return max(fit, key=lambda name: len(FORMATS[name][0]))


def written(timeline: Timeline, format: str) -> str:
    """A timeline as the text of a file in `format`."""
    return FORMATS[format][1](timeline)
