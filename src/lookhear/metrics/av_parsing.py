"""Metrics of event localisation: LLP parsing F1 (segments and events) and AVE accuracy, per second.

    Segment(label, start, end, stream) ── grid ──▶ bool (class, second) ── video_f1 ──▶ F1 of a video ──▶ percent

LLP (Tian et al., ECCV 2020) scores each video separately and averages over videos. F1 of a stream is the mean over the
labels that are predicted or true in it; without any such label F1 is 1. `segment` counts seconds. `event` counts runs
of seconds: a predicted run is correct if any true run has an IoU of at least 0.5 with it (one true run may match
several). Each level has five numbers: `audio`, `visual`, `audio-visual` (labels that are both seen and heard in a
second), `type`, the mean of these three, and `event`, which adds the counts of audio and visual before taking F1.

AVE (Tian et al., ECCV 2018) labels each of 10 seconds with one of 28 events or background: `event_accuracy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lookhear.metrics.answers import normal
from lookhear.pooled import Pooled, mean, ratio, totals
from lookhear.types import Answer, Segment

SECONDS = 10  # length of LLP's and AVE's clips
STREAMS = ("audio", "visual")
OVERLAP = 0.5  # IoU threshold of a correct event
KINDS = ("audio", "visual", "audio-visual", "event")
BACKGROUND = ""


def grid(segments: Iterable[Segment], stream: str, labels: Sequence[str], seconds: int = SECONDS) -> np.ndarray:
    """bool (label, second): whether a segment of a label covers the middle of a second in `stream`.

    A segment of stream `audio-visual` counts in both streams. Segments with other labels are ignored; a segment of zero
    length covers nothing, as in the official code.
    """
    rows = {normal(label): row for row, label in enumerate(labels)}
    middle = np.arange(seconds) + 0.5
    covered = np.zeros((len(labels), seconds), dtype=bool)
    for segment in segments:
        row = rows.get(normal(segment.label))
        if row is not None and segment.stream in (stream, "audio-visual"):
            covered[row] |= (segment.start <= middle) & (middle < segment.end)
    return covered


def video_f1(
    predicted: Mapping[str, np.ndarray], true: Mapping[str, np.ndarray], level: str = "segment"
) -> dict[str, float]:
    """F1 (0..1) of one video by KINDS, at `level` `segment` or `event`.

    `predicted` and `true` map a stream to bool (class, second).
    """
    count = {"segment": segment_counts, "event": event_counts}[level]
    both = [grids["audio"] & grids["visual"] for grids in (predicted, true)]
    counts = {stream: count(predicted[stream], true[stream]) for stream in STREAMS}
    counts |= {"audio-visual": count(*both), "event": counts["audio"] + counts["visual"]}
    return {kind: _mean_f1(counts[kind]) for kind in KINDS}


def parsing(answers: Sequence[Answer], references: Sequence[Answer], seconds: int = SECONDS) -> dict[str, float]:
    """LLP's ten numbers in percent: `segment/audio` … `segment/event`, `event/audio` … `event/event`.

    Predicted labels that are not in the reference count as wrong events, so no vocabulary is needed.
    """
    return totals(pooled(answers, references, seconds))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], seconds: int = SECONDS) -> dict[str, Pooled]:
    """`parsing`'s ten numbers as means over videos."""
    f1: dict[str, list[float]] = {f"{level}/{kind}": [] for level in ("segment", "event") for kind in KINDS}
    for answer, reference in zip(answers, references, strict=True):
        predicted, true = _grids(answer, reference, seconds)
        for level in ("segment", "event"):
            for kind, value in video_f1(predicted, true, level).items():
                f1[f"{level}/{kind}"].append(value)
    for level in ("segment", "event"):
        streams = zip(*(f1[f"{level}/{kind}"] for kind in KINDS[:3]), strict=True)
        f1[f"{level}/type"] = [sum(values) / 3 for values in streams]
    return {name: mean(values) for name, values in f1.items()}


def parsing_by_label(
    answers: Sequence[Answer], references: Sequence[Answer], seconds: int = SECONDS
) -> dict[str, dict[str, float]]:
    """label -> F1 in percent of its seconds, pooled over all videos, in each stream where it occurs."""
    pooled: dict[str, dict[str, np.ndarray]] = {}
    for answer, reference in zip(answers, references, strict=True):
        labels = _labels(answer, reference)
        predicted, true = _grids(answer, reference, seconds)
        for stream in STREAMS:
            for label, counts in zip(labels, segment_counts(predicted[stream], true[stream]), strict=True):
                if counts.any():
                    streams = pooled.setdefault(label, {})
                    streams[stream] = streams.get(stream, np.zeros(3)) + counts
    return {
        label: {stream: 100 * _mean_f1(counts[None]) for stream, counts in streams.items()}
        for label, streams in sorted(pooled.items())
    }


def event_accuracy(answers: Sequence[Answer], references: Sequence[Answer], seconds: int = SECONDS) -> float:
    """AVE: percent of seconds with the correct event or background. Of overlapping segments the first counts."""
    return pooled_accuracy(answers, references, seconds)["accuracy"].total


def pooled_accuracy(
    answers: Sequence[Answer], references: Sequence[Answer], seconds: int = SECONDS
) -> dict[str, Pooled]:
    """`accuracy` as the ratio of correct seconds to all seconds."""
    right = [
        sum(a == b for a, b in zip(_by_second(answer, seconds), _by_second(reference, seconds), strict=True))
        for answer, reference in zip(answers, references, strict=True)
    ]
    return {"accuracy": ratio(right, np.full(len(right), seconds))}


def event_accuracy_by_label(
    answers: Sequence[Answer], references: Sequence[Answer], seconds: int = SECONDS
) -> dict[str, float]:
    """label -> percent of its true seconds that are predicted correctly; "background" is a label too."""
    hits: dict[str, list[bool]] = {}
    for answer, reference in zip(answers, references, strict=True):
        for said, true in zip(_by_second(answer, seconds), _by_second(reference, seconds), strict=True):
            hits.setdefault(true or "background", []).append(said == true)
    return {label: 100 * sum(flags) / len(flags) for label, flags in sorted(hits.items())}


def segment_counts(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(class, 3) true positives, false positives and false negatives in seconds, of bool (class, second)."""
    return np.stack([(predicted & true).sum(1), (predicted & ~true).sum(1), (~predicted & true).sum(1)], axis=1).astype(
        float
    )


def event_counts(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(class, 3) true positives, false positives and false negatives in events, of bool (class, second)."""
    counts = np.zeros((len(predicted), 3))
    for row, (said, real) in enumerate(zip(predicted, true, strict=True)):
        runs, truths = _runs(said), _runs(real)
        matches = np.array([[_iou(run, truth) >= OVERLAP for truth in truths] for run in runs])
        matches = matches.reshape(len(runs), len(truths))
        found = int(matches.any(axis=1).sum())
        counts[row] = found, len(runs) - found, int((~matches.any(axis=0)).sum())
    return counts


def _mean_f1(counts: np.ndarray) -> float:
    """Mean F1 over the classes that occur, 1 if none does; `counts` is (class, 3) from `segment_counts`."""
    hits, false, missed = counts[counts.any(axis=1)].T
    return float(np.mean(2 * hits / (2 * hits + false + missed))) if len(hits) else 1.0


def _runs(seconds: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seconds, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _iou(a: tuple[int, int], b: tuple[int, int]) -> float:
    shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / (a[1] - a[0] + b[1] - b[0] - shared)


def _labels(answer: Answer, reference: Answer) -> list[str]:
    return sorted({normal(s.label) for s in (*answer.segments, *reference.segments)})


def _grids(answer: Answer, reference: Answer, seconds: int) -> list[dict[str, np.ndarray]]:
    labels = _labels(answer, reference)
    return [{stream: grid(a.segments, stream, labels, seconds) for stream in STREAMS} for a in (answer, reference)]


def _by_second(answer: Answer, seconds: int) -> list[str]:
    names = [BACKGROUND] * seconds
    for segment in reversed(answer.segments):
        for second in range(seconds):
            if segment.start <= second + 0.5 < segment.end:
                names[second] = normal(segment.label)
    return names
