"""Parse events and times without tags: from JSON, or from sentences that name a known event.

[{"event": "Dog barking", "start": 2, "end": 5}]        A dog barking is heard from 0:02 to 0:05.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lookhear.datasets.reading.replies import ParsedEvents, in_order
from lookhear.datasets.reading.times import seconds, stretches
from lookhear.tasks.reading.closed import mentions_of
from lookhear.tasks.reading.listings import lower
from lookhear.types import Segment

NAMES = ("event", "label", "name", "category", "class")
STARTS, ENDS = ("start", "start_time", "begin", "onset", "from"), ("end", "end_time", "stop", "offset", "to")
RANGES = ("range", "time", "times", "interval", "segment", "timestamp", "timestamps")
STREAMS = {
    "audio": "audio",
    "heard": "audio",
    "audible": "audio",
    "visual": "visual",
    "visible": "visual",
    "seen": "visual",
}
SENTENCE = re.compile(r"[.!?;](?=\s|$)|\n")
PRONOUN = re.compile(r"^\W*(?:it|this(?: event| sound)?|the (?:event|sound)|that|start|time|range|from|between)\b")
LONGEST = 20_000  # most characters that are parsed
OBJECT = re.compile(r"[\[{]")


def parse(reply: str, known: Sequence[str], streams: bool = False) -> ParsedEvents | None:
    """The events in JSON or in sentences; None if there are none. With `streams` each must be marked as seen or heard.

    A sentence counts if it names one known event, has no negation, and gives a start and an end. One that begins with
    "it" is about the event of the sentence before.
    """
    text = reply if len(reply) <= LONGEST else reply[: LONGEST // 2] + "\n" + reply[-LONGEST // 2 :]
    objects = _objects(text)
    segments = [s for one in objects for s in _of_object(one, streams)]
    if not segments:
        begin, named, seen = 0, list[str](), dict[str, list[str]]()
        for end in [*(m.end() for m in SENTENCE.finditer(text)), len(text)]:
            sentence = lower(text[begin:end])
            if sentence not in seen:  # a loop of repetitions is read once
                seen[sentence] = list(dict.fromkeys(str(m.value) for m in mentions_of(sentence, known)))
            labels = seen[sentence]
            named = named if not labels and PRONOUN.match(sentence) else labels
            segments += _of_sentence(sentence, named, streams)
            begin = end
    ordered = in_order(dict.fromkeys(segments))
    return ParsedEvents(ordered, labels=tuple(dict.fromkeys(s.label for s in ordered))) if ordered else None


def _of_sentence(sentence: str, labels: Sequence[str], streams: bool) -> list[Segment]:
    times = [(a, b) for a, b in stretches(sentence) if a <= b]
    if not times or re.search(r"\b(?:no|not|never|without)\b|n't\b", sentence):
        return []
    stream = _stream(sentence)
    if len(labels) != 1 or (streams and stream == "audio-visual" and "both" not in sentence):
        return []
    return [Segment(labels[0], a, b, stream if streams else "audio-visual") for a, b in times]


def _stream(sentence: str) -> str:
    there = {stream for word, stream in STREAMS.items() if re.search(rf"\b{word}\b", sentence)}
    return there.pop() if len(there) == 1 else "audio-visual"


def _objects(text: str) -> list[Mapping[str, Any]]:
    """The objects of the first JSON list or object in a text; nested lists are flattened once."""
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    for start in [m.start() for _, m in zip(range(4), OBJECT.finditer(text), strict=False)]:
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        some = found if isinstance(found, list) else [found]
        nested = [v for one in some if isinstance(one, Mapping) for v in one.values() if isinstance(v, list)]
        some += [one for part in nested for one in part]
        objects = [one for one in some if isinstance(one, Mapping)]
        if objects:
            return objects
    return []


def _of_object(one: Mapping[str, Any], streams: bool) -> list[Segment]:
    keys = {str(key).lower(): value for key, value in one.items()}
    label = next((keys[name] for name in NAMES if isinstance(keys.get(name), str)), "").strip()
    start, end = (next((keys[k] for k in some if k in keys), None) for some in (STARTS, ENDS))
    span = next((keys[k] for k in RANGES if k in keys), None)
    if start is None and isinstance(span, list) and len(span) == 2:
        start, end = span
    elif start is None and isinstance(span, str) and (found := stretches(f"{span} s")):
        start, end = map(str, found[0])
    first, last = _time(start), _time(end)
    stream = next((STREAMS[w] for k in ("stream", "modality") if (w := str(keys.get(k, "")).lower()) in STREAMS), "")
    if not label or first is None or last is None or first > last or (streams and not stream):
        return []
    return [Segment(label, first, last, stream if streams else "audio-visual")]


def _time(value: Any) -> float | None:
    """Seconds of a time in JSON: 2, "2.5", "0:02", "3s"."""
    said = str(value).strip().lower().removesuffix("seconds").removesuffix("s").strip()
    return seconds(said) if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?|\d{1,3}(?::\d{2}){1,2}(?:\.\d{1,3})?", said) else None
