"""Deletion test of evidence: accuracy without the seconds of highest weight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lookhear import statistics
from lookhear.errors import ModelError
from lookhear.evaluate.report import clusters_of
from lookhear.metrics.answers import normal
from lookhear.model import NetModel, says
from lookhear.store.batch import Batch, orders
from lookhear.store.features import FeatureStore
from lookhear.types import Example

WAYS = ("pointed", "random", "least")  # which seconds are deleted


@dataclass(frozen=True)
class Deletion:
    """Accuracy in percent on whole clips, and with some seconds deleted.

    `cost` is the loss of accuracy without the seconds of each way; `extra` is the additional loss of `pointed` over
    `random`, with its 95 % interval clustered by video.
    """

    questions: int
    seconds: int
    whole: float
    without: Mapping[str, float]
    cost: Mapping[str, float]
    extra: float
    interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def sentence(self) -> str:
        """The result as a sentence."""
        low, high = self.interval
        return (
            f"Taking away the {self.seconds} seconds the model points to costs {self.cost['pointed']:.1f} points of "
            f"accuracy, {self.seconds} others {self.cost['random']:.1f}, the {self.seconds} it cares least about "
            f"{self.cost['least']:.1f}: {self.extra:+.1f} more than random ({low:+.1f} to {high:+.1f}, "
            f"{self.questions} questions)."
        )


def means(model: NetModel, examples: Sequence[Example], store: FeatureStore) -> dict[str, Tensor]:
    """The mean vector of every stream the model watches, over all seconds of the examples' clips."""
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    first = {e.clip: e for e in examples}
    for some in _pieces(list(first.values()), 64):
        for name, stream in model.batch(some, orders(model.net.watch), store).watch.items():
            rows = stream.flatten(0, 1)
            sums[name] = sums.get(name, torch.zeros_like(rows[0])) + rows.sum(dim=0)
            counts[name] = counts.get(name, 0) + len(rows)
    return {name: total / counts[name] for name, total in sums.items()}


@torch.inference_mode()
def deletion(
    model: NetModel,
    examples: Sequence[Example],
    store: FeatureStore,
    reference: Mapping[str, Tensor],
    seconds: int = 3,
    draws: int = 5,
    seed: int = 0,
) -> Deletion:
    """Accuracy when seconds of both streams are replaced by the `reference` vectors (see `means`).

    `pointed` are the `seconds` with the largest weight (seen + heard); `random` seconds are drawn `draws` times from
    the others; `least` are those with the smallest weight. Raises ModelError if the model gives no evidence.
    """
    place = {normal(a): i for i, a in enumerate(model.vocabulary)}
    generator = torch.Generator().manual_seed(seed)
    right: dict[str, list[Tensor]] = {way: [] for way in ("whole", *WAYS)}
    for some in _pieces(examples, 256):
        streams = model.batch(some, [*orders(model.net.watch), *orders(model.net.answer)], store)
        rows = Batch({n: t[streams.clip] for n, t in streams.watch.items()}, torch.arange(len(some)), streams.ask)
        labels = torch.tensor([place.get(normal(e.reference.text), -1) if e.reference else -1 for e in some])
        output = says(model.net, rows)
        weight = sum(w.float().cpu() for w in output.attention.values())
        if not isinstance(weight, Tensor) or weight.shape[1] < 2 * seconds:
            raise ModelError(
                f"{model.name} gives no weight to at least {2 * seconds} seconds, so none can be taken away."
            )
        right["whole"].append((output.logits.argmax(-1).cpu() == labels).float())
        order = weight.argsort(dim=1, descending=True)
        others = order[:, seconds:]
        for way in WAYS:
            tries = []
            for _ in range(draws if way == "random" else 1):
                mixed = torch.rand(others.shape, generator=generator).argsort(dim=1)[:, :seconds]
                gone = {"pointed": order[:, :seconds], "least": order[:, -seconds:], "random": others.gather(1, mixed)}[
                    way
                ]
                logits = says(model.net, _without(rows, gone, reference)).logits
                tries.append((logits.argmax(-1).cpu() == labels).float())
            right[way].append(torch.stack(tries).mean(dim=0))
    scores = {way: torch.cat(parts).numpy() for way, parts in right.items()}
    whole = 100 * float(scores["whole"].mean())
    without = {way: 100 * float(scores[way].mean()) for way in WAYS}
    extra = scores["random"] - scores["pointed"]
    low, high = 100 * statistics.bootstrap(extra, clusters_of(examples), np.ones((len(extra), 1), dtype=bool))[0]
    cost = {way: whole - value for way, value in without.items()}
    interval = (float(low), float(high))
    return Deletion(len(examples), seconds, whole, without, cost, 100 * float(extra.mean()), interval)


def _without(rows: Batch, gone: Tensor, reference: Mapping[str, Tensor]) -> Batch:
    """A copy of `rows` with the seconds `gone` (question, second) replaced by the reference vectors."""
    edited = {}
    for name, stream in rows.watch.items():
        mask = torch.zeros(stream.shape[:2], dtype=torch.bool).scatter(1, gone, True).to(stream.device)
        mask = mask.reshape(*mask.shape, *[1] * (stream.ndim - 2))
        edited[name] = torch.where(mask, reference[name].to(stream), stream)
    return replace(rows, watch=edited)


def _pieces(examples: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    for start in range(0, len(examples), size):
        yield examples[start : start + size]
