"""Standardise features: subtract the mean and divide by the standard deviation of each dimension over training.

Scales differ by orders of magnitude between encoders and between dimensions, which slows down training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lookhear.store.batch import NEGATIVE, Batch, batch
from lookhear.store.features import FeatureStore
from lookhear.types import Example

Scale = Mapping[str, tuple[Tensor, Tensor]]  # stream -> mean (dim), deviation (dim)
PADDED = "words"  # the stream whose all-zero rows are padding and stay zero
FAINT = 0.1  # lower bound of a standard deviation, relative to the stream's median


def measure(
    examples: Sequence[Example], wanted: Sequence[str], features: Mapping[str, str], store: FeatureStore
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and deviation of every stream of `wanted` over the distinct clips and questions of `examples`."""
    plain = list(dict.fromkeys(w.removesuffix(NEGATIVE) for w in wanted))
    chosen = list({e.clip: e for e in examples}.values()), list({e.question: e for e in examples}.values())
    sums: dict[str, list[Tensor]] = {}
    for part, some in zip(("watch", "ask"), chosen, strict=True):
        for example in some:  # one at a time, because clips may differ in length
            for name, stream in getattr(batch([example], plain, features, store, absent="blank"), part).items():
                if stream.is_floating_point():
                    rows = stream.double().flatten(0, -2)
                    rows = rows[(rows != 0).any(dim=-1)] if name == PADDED else rows
                    counted = [torch.tensor(float(len(rows))), rows.sum(dim=0), rows.square().sum(dim=0)]
                    before = sums.get(name, [torch.zeros_like(c) for c in counted])
                    sums[name] = [a + b for a, b in zip(before, counted, strict=True)]
    scale = {}
    for name, (count, total, squares) in sums.items():
        mean = total / count
        deviation = (squares / count - mean.square()).clamp(min=0).sqrt()
        floor = max(FAINT * float(deviation.median()), 1e-6)
        scale[name] = (mean.float(), deviation.clamp(min=floor).float())
    return scale


def scaled(streams: Batch, scale: Scale) -> Batch:
    """Standardise every stream that is in `scale`, including `…_negative` ones."""
    if not scale:
        return streams
    watch, ask = ({n: _standardized(n, t, scale) for n, t in part.items()} for part in (streams.watch, streams.ask))
    return replace(streams, watch=watch, ask=ask)


def _standardized(name: str, stream: Tensor, scale: Scale) -> Tensor:
    name = name.removesuffix(NEGATIVE)
    if name not in scale:
        return stream
    mean, deviation = (t.to(stream) for t in scale[name])
    made = (stream - mean) / deviation
    return made * (stream != 0).any(dim=-1, keepdim=True) if name == PADDED else made
