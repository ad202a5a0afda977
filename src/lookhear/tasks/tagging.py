"""Tagging: every class that is heard, seen or both in a clip (VGGSounder). A reference has a segment for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lookhear.metrics.answers import normal
from lookhear.pooled import Pooled, mean, totals
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import closed, listings, prompts, reader, unwrap
from lookhear.tasks.reading.claims import softened
from lookhear.tasks.reading.languages import english
from lookhear.types import Answer, Example, Segment

VERSION = 1
MAIN = {"": "f1/heard"}
right = None  # answers are graded
STREAMS: Mapping[str, tuple[str, ...]] = {  # which classes a number is about, by the stream that shows them
    "heard": ("audio", "audio-visual"),
    "seen": ("visual", "audio-visual"),
    "both": ("audio-visual",),
    "heard_only": ("audio",),
    "seen_only": ("visual",),
}


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt with the list of classes."""
    return prompts.prompt("tags", vocabulary or example.meta.get("labels", ()))


def target(example: Example, explain: bool = True) -> str:
    """The training target: the classes between tags, separated by semicolons."""
    labels = dict.fromkeys(segment.label for segment in reader.reference(example).segments)
    return f"<answer>{'; '.join(labels)}</answer>"


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse every class that a reply names and does not deny, each as a segment of zero length."""
    known = tuple(vocabulary or example.meta.get("labels", ()))
    unwrapped = unwrap.unwrap(reply)
    classes: dict[str, None] = {}
    for text in unwrapped.texts or unwrapped.others:
        low = softened(listings.lower(english(text)))
        listed = {normal(part): None for part in low.replace("\n", ";").split(";")}
        classes |= {label: None for label in known if normal(label) in listed}
        classes |= {str(m.value): None for m in closed.affirmed(low, known)}
    if not classes:
        return Answer(raw=reply, notes=(UNREAD + (unwrapped.why or "the reply names no known class"),))
    return Answer(", ".join(classes), segments=tuple(Segment(label, 0.0, 0.0) for label in classes), raw=reply)


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """F1 and `hit` for classes that are heard, seen, both, only heard or only seen, and `unread`, in percent.

    `hit/…` is the share of clips (among those with such a class) whose first named class is one of them.
    """
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over clips."""
    predicted = [list(dict.fromkeys(s.label for s in answer.segments)) for answer in answers]
    scores: dict[str, Pooled] = {}
    for name, streams in STREAMS.items():
        true = [{s.label for s in reference.segments if s.stream in streams} for reference in references]
        other = [{s.label for s in reference.segments} - t for reference, t in zip(references, true, strict=True)]
        rows = np.array(
            [[len(t & set(a)), len(t), len(set(a) - o)] for a, t, o in zip(predicted, true, other, strict=True)],
            dtype=float,
        ).reshape(-1, 3)
        scores[f"f1/{name}"] = Pooled(rows, _f1)
        scores[f"hit/{name}"] = mean(
            [bool(a) and a[0] in t for a, t in zip(predicted, true, strict=True)], list(map(bool, true))
        )
    return scores | reader.share(answers)


def confused(
    alone: Sequence[Answer], other: Sequence[Answer], both: Sequence[Answer], references: Sequence[Answer]
) -> float:
    """VGGSounder's modality confusion mu in percent: correct with one stream (`alone` or `other`), wrong with both.

    An answer is correct if its first class is in the reference.
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
