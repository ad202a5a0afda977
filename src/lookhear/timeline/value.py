"""The Timeline type: events, speech and signal properties of a clip, with a JSON form.

events      label, start, end, probability, heard or seen, and a box if the location is known
sentences   transcribed speech, with the times of its words
loudness    dB full scale per second           cuts, black, silence      times and stretches of the recording
heard, seen the rows of scores from which the events were detected (`Track`), for questions about other classes

`to_json` writes everything except the rows of scores; `from_json` reads it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from lookhear.errors import DatasetError
from lookhear.types import Sentence, Word

STREAMS = ("heard", "seen")
VERSION = 1  # version of the JSON form


@dataclass(frozen=True)
class Event:
    """One class, heard or seen from `start` to `end` seconds. `score` is the probability that it is present at all."""

    label: str
    start: float
    end: float
    score: float
    stream: str  # "heard" or "seen"
    box: tuple[float, float, float, float] | None = None  # left, top, right, bottom in 0..1; of the best second


@dataclass(frozen=True)
class Track:
    """Scores of every class over time: row i covers `starts[i]` to `starts[i] + width` seconds."""

    names: tuple[str, ...]
    starts: Float[np.ndarray, " time"]
    width: float
    scores: Float[np.ndarray, "time class"]


@dataclass(frozen=True)
class Timeline:
    """What is heard, seen and said in one clip of `duration` seconds.

    `loudness` is empty without a sound track, `frames` is 0 without a picture. `ranked` holds, for each stream, the
    classes with the highest probability in the whole clip, as (label, probability), most probable first.
    """

    source: str
    duration: float
    events: tuple[Event, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    loudness: tuple[float, ...] = ()
    cuts: tuple[float, ...] = ()
    black: tuple[tuple[float, float], ...] = ()
    silence: tuple[tuple[float, float], ...] = ()
    frames: int = 0
    ranked: Mapping[str, tuple[tuple[str, float], ...]] | None = None
    listened: bool = True  # whether speech was transcribed, so that no sentences means no speech
    notes: tuple[str, ...] = ()
    heard: Track | None = None
    seen: Track | None = None

    def of(self, stream: str) -> tuple[Event, ...]:
        """The events of one stream, in order of time."""
        return tuple(event for event in self.events if event.stream == stream)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON, without the rows of scores."""
        plain = {name: value for name, value in self.__dict__.items() if name not in STREAMS}
        return {
            "version": VERSION,
            **plain,
            "events": [asdict(event) for event in self.events],
            "sentences": [asdict(sentence) for sentence in self.sentences],
            "ranked": {stream: [list(pair) for pair in pairs] for stream, pairs in (self.ranked or {}).items()},
        }


def from_json(plain: Mapping[str, Any]) -> Timeline:
    """A timeline from its JSON form. Raises DatasetError if the version differs or a part is missing."""
    if plain.get("version") != VERSION:
        raise DatasetError(f"Not a timeline of version {VERSION}: version {plain.get('version')!r}. Watch it again.")
    try:
        fields = {name: plain[name] for name in ("source", "duration", "frames", "listened")}
        return Timeline(
            **fields,
            events=tuple(Event(**{**e, "box": tuple(e["box"]) if e["box"] else None}) for e in plain["events"]),
            sentences=tuple(
                Sentence(**{**s, "words": tuple(Word(**w) for w in s["words"])}) for s in plain["sentences"]
            ),
            loudness=tuple(plain["loudness"]),
            cuts=tuple(plain["cuts"]),
            black=tuple((a, b) for a, b in plain["black"]),
            silence=tuple((a, b) for a, b in plain["silence"]),
            ranked={stream: tuple((n, p) for n, p in pairs) for stream, pairs in plain["ranked"].items()},
            notes=tuple(plain["notes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"The timeline of {plain.get('source')!r} is damaged ({error!r}). Watch it again.") from None
