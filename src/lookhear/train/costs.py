"""The cost of a run: estimated before its first step, measured during training, written to costs.json."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lookhear import config, files
from lookhear.layers.towers import Towers, cost
from lookhear.model import build_net
from lookhear.model.costs import FILE, Cost, of
from lookhear.store.batch import Batch, orders
from lookhear.train import memory


def before(
    recipe: config.Recipe,
    net: nn.Module,
    streams: Batch,
    vocabulary: Sequence[str],
    cards: Mapping[str, Mapping[str, Any]],
    say: Callable[[str], None],
) -> Cost:
    """Log and return the cost of a net before its first step; for nets with towers, from shapes alone."""
    if isinstance(net, Towers):
        options = {k: v for k, v in recipe.net.items() if k not in ("swin", "htsat")}  # weights are not loaded again
        device = streams.clip.device
        with torch.device("meta"):
            net = build_net(replace(recipe, net=options), vocabulary, cards).train()
        watch, ask = ({n: t.to("meta") for n, t in part.items()} for part in (streams.watch, streams.ask))
        streams = Batch(watch, streams.clip, ask)

        def step(net: nn.Module) -> torch.Tensor:
            memory = net.watch(**{n: watch[n] for n in orders(net.watch)})
            return torch.stack([t.sum() for t in memory.values() if t.requires_grad]).sum()

        whole = cost(net, step)
        say(f"{whole}, about {whole.seconds(device):.1f} s here.")
    told = of(net, streams)
    say(f"{recipe.net.get('name', 'net')}: {told}.")
    return told


class Clock:
    """Measures step time and peak memory of a run."""

    def __init__(self, device: torch.device):
        self.device, self.steps = device, []  # type: ignore[var-annotated]
        memory.reset(device)
        self.began = time.perf_counter()

    def start(self) -> None:
        """Start of a step."""
        self.began = time.perf_counter()

    def stop(self) -> None:
        """End of a step; on a GPU the step may still be queued, which averages out."""
        self.steps.append(time.perf_counter() - self.began)

    def facts(self) -> dict[str, float]:
        """`step_seconds` (median) and `peak_bytes` (of the GPU, else of the process)."""
        median = statistics.median(self.steps) if self.steps else float("nan")
        return {"step_seconds": round(median, 5), "peak_bytes": memory.peak(self.device)}


def write(run: Path, cost: Cost, clock: Clock) -> dict[str, Any]:
    """Write costs.json into a run folder; returns its content."""
    told = {**cost.to_json(), **clock.facts()}
    files.write_json(run / FILE, told)
    return told
