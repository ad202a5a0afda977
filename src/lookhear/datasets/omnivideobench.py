"""OmniVideoBench: 1,000 questions on 628 videos of 4 s to 33 min, with timed reasoning steps (Li et al., 2025).

Annotations: github.com/NJU-LINK/OmniVideoBench, data_example/data.json (CC BY-NC-SA 4.0).

    <root>/data.json
    <root>/videos/video_1.mp4                          any folder with video, media or clip in its name

`kind` is the kind of sound (Speech, Sound, Music) and the question's type (13). A reasoning step has a modality (vision
or audio, sometimes misspelt), evidence, mostly with a time, and an inference. Each time becomes a segment of the
reference answer, with the evidence as label and the modality as stream. A single point in time becomes a segment of one
second. A time after the end of the video is listed as odd and left out; a step without a time has no segment.
`meta["steps"]` holds all steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, json_rows
from lookhear.datasets.reading.choices import Fields, only_file
from lookhear.datasets.reading.choices import read as read_choices
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.replies import in_order
from lookhear.datasets.reading.times import CLOCKS, seconds
from lookhear.errors import quote
from lookhear.types import Example, Segment

FILES = ("data.json", "data_example/data.json", "omnivideobench/data.json")
FIELDS = Fields(answer=("correct_option",), video=("video",), kind=("audio_type", "question_type"))
SENSES = {"vision": "visual", "audio": "audio"}
KEYS = ("modality", "evidence", "inference")


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions; unreadable rows and odd options, steps and times are faults."""
    path = only_file("omnivideobench", root, split, FILES)
    odd: list[Fault] = []

    def make(record: Mapping[str, Any], made: Example) -> Example:
        shown = quote(f"{record['video']}: {made.question}")

        def fault(kind: str, why: str) -> None:
            odd.append(Fault(kind, path, made.meta["line"], why, shown, made.meta["record"]))

        given, options = (
            str(record.get("answer") or "").strip().lower(),
            [o.strip().lower() for o in made.meta["options"]],
        )
        place = made.meta.get("place")
        if given and (place is None or given not in options[place]):
            fault(
                "answer unlike its option", f"answer {record['answer']!r} is not in option {record['correct_option']}"
            )
            if given in options:
                fault("answer is another option", f"answer {record['answer']!r} is an option, but not the one named")
        steps, end = record.get("reasoning_steps") or [], made.meta.get("duration")
        segments = []
        for number, step in enumerate(steps):
            if set(step) != set(KEYS):
                fault("odd step", f"step {number} has the keys {', '.join(sorted(step))!r}")
            stream = sense(step)
            if stream is None or str(step.get("modality")) not in SENSES:
                fault("misspelt sense", f"step {number} is of {_value_of(step, 'modality')!r}")
            evidence = str(_value_of(step, "evidence") or "")
            for time in map(seconds, CLOCKS.findall(evidence)):
                if end is not None and time > end:
                    fault("time past the end", f"step {number} is at {time:g} s of {end:g} s")
                elif stream:
                    segments.append(Segment(evidence, time, time + 1, stream))  # durations are in whole seconds too
        reference = replace(made.reference, segments=in_order(segments)) if made.reference else None
        return replace(made, reference=reference, meta={**made.meta, "steps": len(steps), "form": "evidence"})

    found = read_choices(path, FIELDS, Recordings(Path(root)), rows=_questions(path), make=make)
    return found.with_faults(odd)


def splits(root: Path | str) -> list[str]:
    """`test`, if its file exists."""
    return ["test"] * any((Path(root) / file).is_file() for file in FILES)


def sense(step: Mapping[str, Any]) -> str | None:
    """The stream of a step, `visual` or `audio`, tolerating misspellings; None if it has none."""
    said = str(_value_of(step, "modality") or "").strip(" .,").lower()
    near = get_close_matches(said, SENSES, n=1, cutoff=0.7)
    return SENSES[near[0]] if near else None


def _value_of(step: Mapping[str, Any], key: str) -> Any:
    """The value of a step under `key` or the most similar key."""
    near = get_close_matches(key, [str(k).lower().strip() for k in step], n=1, cutoff=0.7)
    return next((value for name, value in step.items() if near and str(name).lower().strip() == near[0]), None)


def _questions(path: Path) -> Iterator[tuple[int, Any, str]]:
    """One row per question, with the fields of its video."""
    for line, record, text in json_rows(path):
        if isinstance(record, Fault):
            yield line, record, text
            continue
        video = {key: record.get(key) for key in ("video", "video_type", "duration")}
        for question in record.get("questions", ()):
            yield line, {**question, **video}, quote(f"{record.get('video')}: {question.get('question')}")
