"""Label Studio predictions and FiftyOne temporal detections: events as suggestions to be corrected by annotators."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath

from lookhear.timeline.value import Timeline

MODEL = "lookhear real"


def label_studio(timeline: Timeline) -> str:
    """A list with one task, whose prediction holds the events as time regions.

    Labelling interface: `<Video name="video" value="$video"/>`, `<TimelineLabels name="events" toName="video">`, and
    `<TextArea name="said" toName="video">` for sentences. Frames are counted at 25 per second.
    """
    rate = 25
    results = []
    for number, event in enumerate(timeline.events):
        first = max(1, round(event.start * rate) + 1)
        value = {
            "ranges": [{"start": first, "end": max(first, round(event.end * rate))}],
            "timelinelabels": [f"{event.stream}: {event.label}"],
        }
        region = {"id": _id(timeline, f"e{number}"), "from_name": "events", "to_name": "video"}
        results.append(
            region | {"type": "timelinelabels", "origin": "prediction", "score": event.score, "value": value}
        )
    if timeline.sentences:
        text = [f"{s.start:.2f}-{s.end:.2f} {s.text}" for s in timeline.sentences]
        results.append(
            {
                "id": _id(timeline, "said"),
                "type": "textarea",
                "from_name": "said",
                "to_name": "video",
                "value": {"text": text},
            }
        )
    score = max((e.score for e in timeline.events), default=0.0)
    task = {
        "data": {"video": timeline.source, "duration": timeline.duration},
        "predictions": [{"model_version": MODEL, "score": score, "result": results}],
    }
    return json.dumps([task], indent=1, ensure_ascii=False) + "\n"


def fiftyone(timeline: Timeline) -> str:
    """labels.json of a FiftyOneTemporalDetectionDataset: the video by the stem of its name, supports in seconds."""
    classes = sorted({f"{e.stream}: {e.label}" for e in timeline.events})
    labels = [
        {
            "label": classes.index(f"{e.stream}: {e.label}"),
            "timestamps": [e.start, e.end],
            "confidence": e.score,
        }
        for e in timeline.events
    ]
    return json.dumps({"classes": classes, "labels": {PurePath(timeline.source).stem: labels}}, indent=1) + "\n"


def _id(timeline: Timeline, part: str) -> str:
    return hashlib.sha1(f"{timeline.source} {part}".encode(), usedforsecurity=False).hexdigest()[:10]
