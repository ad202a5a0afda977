"""Zero-shot answers to dataset tasks from a timeline: labels are mapped to sound and picture classes.

`tables/labels.txt` maps label sets to the two ontologies and lists labels without counterpart; other labels are parsed
as words. The match score of a sound and a picture is the sum over things of P(heard) x P(seen).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from lookhear.timeline import decide
from lookhear.timeline.concepts import Concept, meaning, table
from lookhear.timeline.finding import CANNOT
from lookhear.timeline.ontology import TABLES
from lookhear.timeline.scene import Scene
from lookhear.types import Answer, Example, Segment

ON = 0.5  # probability from which a label counts as present in multi-label tasks
STREAMS = {"heard": "audio", "seen": "visual"}


@lru_cache(maxsize=1)
def labels() -> dict[str, Concept]:
    """Label -> (sound concept, picture concept); both empty if it has no counterpart."""
    concepts = {}
    for line in (TABLES / "labels.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            label, heard, seen = (part.strip() for part in line.split("|"))
            sounds, sights = (tuple(p.strip() for p in side.split(";") if p.strip()) for side in (heard, seen))
            concepts[label] = Concept(label, sounds, sights, nameless=not sounds and not sights)
    return concepts


def concept(label: str) -> Concept | None:
    """The concept of a dataset's label; None if it has none."""
    word = label.lower().replace("_", " ")
    known = labels().get(word) or meaning(label).concept
    return None if known is None or known.nameless else known


def missing(label_set: Sequence[str]) -> list[str]:
    """The labels of a set without counterpart."""
    return [label for label in label_set if concept(label) is None]


def classified(scene: Scene, options: Sequence[str]) -> Answer:
    """The label with the highest probability."""
    scores = _likely(scene, options)
    if not scores:
        return _nothing(options)
    ranked = dict(sorted(scores.items(), key=lambda pair: -pair[1]))
    total = max(sum(ranked.values()), 1e-9)
    best = next(iter(ranked))
    return Answer(best, {label: p / total for label, p in ranked.items()}, _segments(scene, best), raw="classify")


def localised(scene: Scene, example: Example) -> Answer:
    """Events of the label set with their times, in the form that the example asks for (`ave`, `unav`, `llp`)."""
    form, options = str(example.meta.get("form")), example.meta.get("labels", ())
    if form == "ave":
        answer = classified(scene, options)
        spans = sorted(answer.segments, key=lambda s: s.start - s.end)[:1]
        return replace(answer, segments=tuple(Segment(s.label, round(s.start), max(round(s.end), 1)) for s in spans))
    events: list[Segment] = []
    for label in options:
        known = concept(label)
        for stream, name in STREAMS.items():
            if known is not None and scene.probability(known, stream) >= ON:
                sense = name if form == "llp" else "audio-visual"
                events += [Segment(label, stretch.start, stretch.end, sense) for stretch in scene.when(known, stream)]
    if form == "unav":
        events = _joined(events)
    events.sort(key=lambda s: (s.start, s.label, s.stream))
    return Answer(", ".join(dict.fromkeys(s.label for s in events)), segments=tuple(events), raw="localise")


def tagged(scene: Scene, options: Sequence[str]) -> Answer:
    """Every label that is heard or seen, the most probable first. No question names a label, so none is raised."""
    likely: dict[str, dict[str, float]] = {}
    for label in options:
        known = concept(label)
        found = {s: scene.probability(known, s, asked=False) for s in STREAMS} if known else {}
        likely[label] = {stream: p for stream, p in found.items() if p >= ON}
    named = sorted((label for label in options if likely[label]), key=lambda label: -max(likely[label].values()))
    both = {label: "audio-visual" if len(likely[label]) == 2 else STREAMS[min(likely[label])] for label in named}
    segments = tuple(Segment(label, 0.0, scene.timeline.duration, stream) for label, stream in both.items())
    scores = {label: max(likely[label].values()) for label in named}
    return Answer(", ".join(named), scores, segments, raw="tag")


def matched(first: Scene, second: Scene, by: Scene, way: str) -> Answer:
    """Which of two videos belongs to a sound (`a2v`), or which of two sounds belongs to a video (`v2a`)."""
    both = [_match(by, scene) if way == "a2v" else _match(scene, by) for scene in (first, second)]
    total = max(sum(both), 1e-9)
    scores = {"one": both[0] / total, "two": both[1] / total}
    best = max(scores, key=lambda word: scores[word])
    return Answer(best, scores, raw="match")


def _match(sound: Scene, picture: Scene) -> float:
    """Match score of a sound and a picture: sum over things of P(heard) x P(seen)."""
    things = {c.name: c for c in table().values() if c.heard and c.seen and not c.nameless}
    return sum(sound.probability(c, "heard", False) * picture.probability(c, "seen", False) for c in things.values())


def _likely(scene: Scene, options: Sequence[str]) -> dict[str, float]:
    """Label -> probability: the mean over modalities that know it, in which sound has double weight."""
    probabilities = {}
    for label in options:
        known = concept(label)
        if known is None:
            continue
        heard = scene.probability(known, "heard", False) if scene.has("heard") and known.heard else None
        seen = scene.probability(known, "seen", False) if scene.has("seen") and known.seen else None
        parts = [p for p, times in ((heard, 2), (seen, 1)) for _ in range(times) if p is not None]
        if parts:
            probabilities[label] = max(sum(parts) / len(parts), max(heard or 0.0, seen or 0.0) * 0.8)
    return probabilities


def _segments(scene: Scene, label: str) -> tuple[Segment, ...]:
    known = concept(label)
    stream = "heard" if known and known.heard and scene.has("heard") else "seen"
    return tuple(Segment(label, s.start, s.end) for s in scene.when(known, stream)) if known else ()


def _joined(found: Sequence[Segment]) -> list[Segment]:
    """Merge overlapping segments of one label from both modalities."""
    out: list[Segment] = []
    for one in sorted(found, key=lambda s: (s.label, s.start)):
        if out and out[-1].label == one.label and one.start <= out[-1].end + decide.SEEN.pause:
            out[-1] = replace(out[-1], end=max(out[-1].end, one.end))
        else:
            out.append(one)
    return out


def _nothing(options: Sequence[str]) -> Answer:
    return Answer(CANNOT, notes=(f"None of the {len(options)} labels has a class that is heard or seen.",))
