"""Evidence metrics: is an answer correct, with the right seconds and the right modality?

    evidence_iou     temporal IoU of answer and reference per modality (percent, mean)
    sense            the modalities equal those of the reference (percent)
    grounded         correct answer, equal modalities, and temporal IoU of at least IOU (percent)
    …_shuffled       the same against the evidence of another question, as a chance level

References without evidence are left out. A single time counts as one second. An answer without evidence has IoU 0. A
network names no times: its evidence is the seconds with more than a uniform share of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookhear.metrics.answers import correct
from lookhear.pooled import Pooled, mean
from lookhear.types import Answer, Segment

IOU = 0.3  # smallest temporal IoU of a grounded answer
STREAMS = ("audio", "visual")
Spans = list[tuple[float, float]]


def pooled(answers: Sequence[Answer], references: Sequence[Answer], seed: int = 0) -> dict[str, Pooled]:
    """The evidence metrics as sums over questions; empty if no reference has evidence."""
    dated = [bool(reference.segments) for reference in references]
    if not any(dated):
        return {}
    other = list(references)
    circle = np.random.default_rng(seed).permutation([i for i, there in enumerate(dated) if there])
    for place, its in zip(circle, np.roll(circle, 1), strict=True):
        other[place] = references[its]
    said = [named(answer) for answer in answers]
    metrics: dict[str, Pooled] = {}
    for end, against in (("", references), ("_shuffled", other)):
        both = [iou(s, r.segments) for s, r in zip(said, against, strict=True)]
        through = [senses(s) == senses(r.segments) for s, r in zip(said, against, strict=True)]
        right = [correct(a, r) for a, r in zip(answers, references, strict=True)]
        whole = [r and s and i >= IOU for r, s, i in zip(right, through, both, strict=True)]
        metrics |= {f"evidence_iou{end}": mean(both, dated), f"sense{end}": mean(through, dated)}
        metrics[f"grounded{end}"] = mean(whole, dated)
    return metrics


def named(answer: Answer) -> tuple[Segment, ...]:
    """The answer's segments, else the seconds with more than a uniform share of its evidence weights, per modality."""
    if answer.segments or answer.evidence is None:
        return answer.segments
    tracks = (("audio", answer.evidence.heard), ("visual", answer.evidence.seen))
    return tuple(
        Segment("", float(second), second + 1.0, stream)
        for stream, weights in tracks
        for second, weight in enumerate(weights)
        if weight * len(weights) > 1
    )


def iou(told: Sequence[Segment], true: Sequence[Segment]) -> float:
    """Temporal IoU (0..1) of two lists of segments; intersections and unions are summed over both modalities."""
    inside = union = 0.0
    for stream in STREAMS:
        mine, theirs = (_merged([s for s in some if s.stream in (stream, "audio-visual")]) for some in (told, true))
        shared = sum(max(0.0, min(b, d) - max(a, c)) for a, b in mine for c, d in theirs)
        inside += shared
        union += _length(mine) + _length(theirs) - shared
    return inside / union if union else 0.0


def senses(segments: Sequence[Segment]) -> frozenset[str]:
    """The streams that occur in `segments`; `audio-visual` counts as both."""
    return frozenset(s for segment in segments for s in STREAMS if segment.stream in (s, "audio-visual"))


def _merged(segments: Sequence[Segment]) -> Spans:
    """Sorted time spans with touching ones merged; a single time becomes one second long."""
    spans: Spans = []
    for start, end in sorted((s.start, max(s.end, s.start + 1)) for s in segments):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans


def _length(spans: Spans) -> float:
    return sum(end - start for start, end in spans)
