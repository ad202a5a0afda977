"""The evidence league: is an answer right, for the right seconds, through the right sense?

    evidence_iou     seconds that answer and reference name, both over either, sense by sense (percent, mean)
    sense            the senses named are the reference's
    grounded         right, in the right sense, and at least IOU of the seconds
    …_shuffled       the same against the evidence of another question: what naming seconds blindly is worth

References without dated evidence are left out. A moment lasts a second; an answer without evidence has IoU 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookhear.metrics.answers import correct
from lookhear.pooled import Pooled, mean
from lookhear.types import Answer, Segment

IOU = 0.3  # of the seconds, that an answer must name to be grounded
STREAMS = ("audio", "visual")
Spans = list[tuple[float, float]]


def pooled(answers: Sequence[Answer], references: Sequence[Answer], seed: int = 0) -> dict[str, Pooled]:
    """The league's metrics as sums over questions; empty where no reference has evidence."""
    dated = [bool(reference.segments) for reference in references]
    if not any(dated):
        return {}
    other = list(references)
    circle = np.random.default_rng(seed).permutation([i for i, there in enumerate(dated) if there])
    for place, its in zip(circle, np.roll(circle, 1), strict=True):
        other[place] = references[its]
    found: dict[str, Pooled] = {}
    for end, against in (("", references), ("_shuffled", other)):
        both = [iou(a.segments, r.segments) for a, r in zip(answers, against, strict=True)]
        named = [senses(a.segments) == senses(r.segments) for a, r in zip(answers, against, strict=True)]
        right = [correct(a, r) for a, r in zip(answers, references, strict=True)]
        whole = [r and s and i >= IOU for r, s, i in zip(right, named, both, strict=True)]
        found |= {f"evidence_iou{end}": mean(both, dated), f"sense{end}": mean(named, dated)}
        found[f"grounded{end}"] = mean(whole, dated)
    return found


def iou(named: Sequence[Segment], true: Sequence[Segment]) -> float:
    """Intersection over union of the seconds of two lists of segments, sense by sense: hearing is not seeing."""
    inside = union = 0.0
    for stream in STREAMS:
        mine, theirs = (_merged([s for s in some if s.stream in (stream, "audio-visual")]) for some in (named, true))
        shared = sum(max(0.0, min(b, d) - max(a, c)) for a, b in mine for c, d in theirs)
        inside += shared
        union += _length(mine) + _length(theirs) - shared
    return inside / union if union else 0.0


def senses(segments: Sequence[Segment]) -> frozenset[str]:
    """The streams that segments are of."""
    return frozenset(s for segment in segments for s in STREAMS if segment.stream in (s, "audio-visual"))


def _merged(segments: Sequence[Segment]) -> Spans:
    """Stretches in order, those that touch joined; a moment is made a second long."""
    spans: Spans = []
    for start, end in sorted((s.start, max(s.end, s.start + 1)) for s in segments):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return spans


def _length(spans: Spans) -> float:
    return sum(end - start for start, end in spans)
