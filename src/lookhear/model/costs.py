"""What a net costs: its parameters, the operations to watch a clip and to answer a question, and what a run told.

Operations are floating-point operations of products of matrices, convolutions, attention and recurrent layers in a
forward pass; a multiplication and an addition are two.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lookhear import files
from lookhear.errors import FileError, quote
from lookhear.model.net import served
from lookhear.store.batch import Batch, orders

FILE = "costs.json"  # of a run folder
HEAD = ("parameters", "FLOP a clip", "FLOP a question", "s a step", "peak MB")


@dataclass(frozen=True)
class Cost:
    """Of a net: parameters, those that learn, and operations to watch a clip and to answer a question."""

    parameters: int
    trained: int
    clip: float
    question: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        learn = "" if self.trained == self.parameters else f", {count(self.trained)} of them learn"
        return (
            f"{count(self.parameters)} parameters{learn}; {count(self.clip)}FLOP a clip, "
            f"{count(self.question)}FLOP a question"
        )


def count(number: float) -> str:
    """A large number in the units of the field: 1.94 M, 12.3 G."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} "


def of(net: Any, streams: Batch) -> Cost:
    """The cost of `net` for the first question of `streams` and its clip; nothing is learned, no state changes."""
    clip = int(streams.clip[0])
    watch = {name: streams.watch[name][clip : clip + 1] for name in orders(net.watch)}
    single = Batch(
        watch, torch.zeros_like(streams.clip[:1]), {name: stream[:1] for name, stream in streams.ask.items()}
    )
    parameters = [p.numel() for p in net.parameters()]
    trained = [p.numel() for p in net.parameters() if p.requires_grad]
    with _at_rest(net), torch.no_grad():
        first, second = FlopCounterMode(display=False), FlopCounterMode(display=False)
        with first:
            kept = net.watch(**watch)
        with second:
            net.answer(dict(kept), **served(net.answer, single))
    return Cost(sum(parameters), sum(trained), float(first.get_total_flops()), float(second.get_total_flops()))


@contextlib.contextmanager
def _at_rest(net: nn.Module) -> Iterator[None]:
    """Evaluation without gradients; oneDNN off, because its recurrent layers hide their products from the counter."""
    modes = [(module, module.training) for module in net.modules()]
    learning = [p for p in net.parameters() if p.requires_grad]
    state = torch.get_rng_state()
    try:
        for parameter in learning:
            parameter.requires_grad_(False)  # the counter hooks gradients, which views of leaves have not
        net.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch tells of Intel's GPUs
            with torch.backends.mkldnn.flags(enabled=False):
                yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
        for module, training in modes:
            module.training = training
        torch.set_rng_state(state)


def line(told: Mapping[str, Any]) -> str:
    """A step's time and memory in words."""
    return f"a step took {told['step_seconds']:.3g} s (median), peak memory {told['peak_bytes'] / 1e6:,.0f} MB"


def read(run: Path) -> dict[str, Any]:
    """What a run folder tells of its costs; empty where it does not."""
    told = files.read_json(run / FILE, dict) if (run / FILE).is_file() else {}
    for name, value in told.items():
        if not isinstance(value, (int, float, NoneType)):
            raise FileError(f"{run / FILE}: {name} is {quote(repr(value), 60)}, not a number. Mend or delete the file.")
    return {name: value for name, value in told.items() if value is not None}


def cells(told: Mapping[str, Any]) -> list[str]:
    """The costs of a run as cells of a table under `HEAD`; a dash where they are not known."""
    counts = [f"{count(told[n])}".strip() if n in told else "-" for n in ("parameters", "clip", "question")]
    step = f"{told['step_seconds']:.3g}" if "step_seconds" in told else "-"
    peak = f"{told['peak_bytes'] / 1e6:,.0f}" if "peak_bytes" in told else "-"
    return [*counts, step, peak]
