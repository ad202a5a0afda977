"""Evidence metrics: is an answer correct, with the right seconds and the right modality?

    evidence_iou     temporal IoU of answer and reference per modality (percent, mean)
    sense            the modalities equal those of the reference (percent)
    grounded         correct answer, equal modalities, and temporal IoU of at least IOU (percent)
    …_shuffled       the same against the evidence of another question, as a chance level

References without evidence are left out. A single time counts as one second. An answer without evidence has IoU 0.
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
    metrics: dict[str, Pooled] = {}
    for end, against in (("", references), ("_shuffled", other)):
        both = [iou(a.segments, r.segments) for a, r in zip(answers, against, strict=True)]
        named = [senses(a.segments) == senses(r.segments) for a, r in zip(answers, against, strict=True)]
        right = [correct(a, r) for a, r in zip(answers, references, strict=True)]
        whole = [r and s and i >= IOU for r, s, i in zip(right, named, both, strict=True)]
        metrics |= {f"evidence_iou{end}": mean(both, dated), f"sense{end}": mean(named, dated)}
        metrics[f"grounded{end}"] = mean(whole, dated)
    return metrics


def iou(named: Sequence[Segment], true: Sequence[Segment]) -> float:
    """Temporal IoU (0..1) of two lists of segments; intersections and unions are summed over both modalities."""
    inside = union = 0.0
    for stream in STREAMS:
        mine, theirs = (_merged([s for s in some if s.stream in (stream, "audio-visual")]) for some in (named, true))
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
