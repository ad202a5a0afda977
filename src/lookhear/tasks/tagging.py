"""Tagging: every class that is heard, seen or both in a clip (VGGSounder). A reference has a segment for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lookhear.metrics.answers import normal
from lookhear.pooled import Pooled, mean, totals
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import closed, options, prompts, reader, unwrap
from lookhear.tasks.reading.claims import softened
from lookhear.tasks.reading.languages import english
from lookhear.types import Answer, Example, Segment

VERSION = 1
MAIN = {"": "f1/heard"}
right = None  # an answer is good by degrees
STREAMS: Mapping[str, tuple[str, ...]] = {  # which classes a number is about, by the stream that shows them
    "heard": ("audio", "audio-visual"),
    "seen": ("visual", "audio-visual"),
    "both": ("audio-visual",),
    "heard_only": ("audio",),
    "seen_only": ("visual",),
}


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The words a model is asked with, and the classes there can be."""
    return prompts.prompt("tags", vocabulary or example.meta.get("labels", ()))


def target(example: Example, explain: bool = True) -> str:
    """The reply to learn: the classes between tags, a semicolon between them."""
    labels = dict.fromkeys(segment.label for segment in reader.reference(example).segments)
    return f"<answer>{'; '.join(labels)}</answer>"


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Every class of the list that a reply names and does not deny, each as a segment of no length."""
    known = tuple(vocabulary or example.meta.get("labels", ()))
    said = unwrap.unwrap(reply)
    found: dict[str, None] = {}
    for text in said.texts or said.others:
        low = softened(options.lower(english(text)))
        listed = {normal(part): None for part in low.replace("\n", ";").split(";")}
        found |= {label: None for label in known if normal(label) in listed}
        found |= {str(m.value): None for m in closed.affirmed(low, known)}
    if not found:
        return Answer(raw=reply, notes=(UNREAD + (said.why or "the reply names no known class"),))
    return Answer(", ".join(found), segments=tuple(Segment(label, 0.0, 0.0) for label in found), raw=reply)


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """For the classes heard, seen, both, and heard or seen only: F1 of all clips, and `hit`, in percent; and `unread`.

    `hit/…`: the first class that is named is one of them, over the clips that have any.
    """
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    said = [list(dict.fromkeys(s.label for s in answer.segments)) for answer in answers]
    scores: dict[str, Pooled] = {}
    for name, streams in STREAMS.items():
        true = [{s.label for s in reference.segments if s.stream in streams} for reference in references]
        other = [{s.label for s in reference.segments} - t for reference, t in zip(references, true, strict=True)]
        rows = np.array(
            [[len(t & set(a)), len(t), len(set(a) - o)] for a, t, o in zip(said, true, other, strict=True)], dtype=float
        ).reshape(-1, 3)
        scores[f"f1/{name}"] = Pooled(rows, _f1)
        scores[f"hit/{name}"] = mean(
            [bool(a) and a[0] in t for a, t in zip(said, true, strict=True)], list(map(bool, true))
        )
    return scores | reader.share(answers)


def confused(
    alone: Sequence[Answer], other: Sequence[Answer], both: Sequence[Answer], references: Sequence[Answer]
) -> float:
    """VGGSounder's mu in percent: right with one stream alone (`alone` or `other`), wrong with both together.

    Right means that the first class named is one of the reference's.
    """

    def right(answer: Answer, reference: Answer) -> bool:
        first = next((segment.label for segment in answer.segments), None)
        return first in {segment.label for segment in reference.segments}

    rows = list(zip(alone, other, both, references, strict=True))
    lost = sum((right(a, r) or right(o, r)) and not right(b, r) for a, o, b, r in rows)
    return 100 * lost / len(rows) if rows else float("nan")


def _f1(sums: np.ndarray) -> np.ndarray:
    hits, true, named = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(true + named > 0, 200 * hits / (true + named), np.nan)
