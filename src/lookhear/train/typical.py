"""The cost of a net at its published sizes: `lookhear list nets --costs`, with random features.

A clip has 60 seconds, one row per second (10 frames for nets with their own towers); a question has 14 words.
Operations follow from shapes; a training step with QUESTIONS questions about CLIPS clips is timed on this CPU.
"""

from __future__ import annotations

import sys
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor, nn

from lookhear import catalog, config
from lookhear.layers.towers import Towers
from lookhear.layers.watch_answer import HasLosses
from lookhear.model.costs import of
from lookhear.store.batch import NEGATIVE, Batch, orders
from lookhear.train.costs import Clock
from lookhear.train.step import Step

ANSWERS, WORDS, PATCHES = 42, 14, 14
SECONDS, FRAMES = 60, 10
SPECTROGRAM = {"fcnlstm": 600, "convlstm": 600}  # rows of a spectrogram, not seconds
CLIPS, QUESTIONS = 2, 8
MOST = 1e11  # operations of `watch` for one clip above which no step is timed
STEPS = 2


def costs(name: str) -> dict[str, Any]:
    """The counts of a net with its default settings and, if that takes only seconds, time and memory of a step."""
    with torch.device("meta"):
        plan = config.build("nets", {"name": name}, answers=ANSWERS)
    settings = config.schema_of(catalog.find("nets", name))()
    sizes = vars(settings)
    try:
        cost = of(plan, streams(name, plan, sizes, 1, 1, "meta"))
        net = None
    except (
        RuntimeError,
        NotImplementedError,
        TypeError,
    ):  # its operations depend on data, not only on shapes
        net = config.build("nets", {"name": name}, answers=ANSWERS)
        cost = of(net, streams(name, net, sizes, 1, 1, "cpu"))
    if isinstance(plan, Towers) or cost.clip > MOST:
        return cost.to_json()
    return {**cost.to_json(), **timed(name, net or config.build("nets", {"name": name}, answers=ANSWERS), sizes)}


def apart(name: str) -> dict[str, Any]:
    """`costs` in a separate process, because earlier memory use would count in the peak of this process."""
    if sys.platform != "linux":  # elsewhere a fork is not safe, and peaks count from the start of the process
        return costs(name)
    with get_context("fork").Pool(1) as pool:
        return pool.apply(costs, (name,))


def timed(name: str, net: nn.Module, sizes: dict[str, Any]) -> dict[str, float]:
    """Median time of a step, without the first, and peak memory."""
    step, given = Step(net.train()), streams(name, net, sizes, CLIPS, QUESTIONS, "cpu")
    labels = torch.randint(0, ANSWERS, (QUESTIONS,), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(net.parameters())
    clock = Clock(torch.device("cpu"))
    for number in range(STEPS + 1):
        if number == 1:
            clock = Clock(torch.device("cpu"))
        clock.start()
        torch.stack(list(step(given, labels).values())).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        clock.stop()
    return clock.facts()


def streams(name: str, net: nn.Module, sizes: dict[str, Any], clips: int, questions: int, device: str) -> Batch:
    """The streams that a net requests, with the widths of its settings."""
    wanted = [*orders(net.answer), *(n for n in (orders(net.losses) if isinstance(net, HasLosses) else ()))]
    watched = orders(net.watch)
    watch = {n: _stream(name, n, sizes, clips, device) for n in watched}
    ask = {n: _stream(name, n.removesuffix(NEGATIVE), sizes, questions, device) for n in wanted if n not in watched}
    return Batch(watch, torch.arange(questions) % clips, ask)


def _stream(net: str, name: str, sizes: dict[str, Any], rows: int, device: str) -> Tensor:
    if name == "tokens":
        return torch.ones(rows, WORDS, dtype=torch.long, device=device)
    if name in ("pixels", "waveform", "spectrogram"):
        side = sizes["tower"].image
        raw = {"pixels": (3, side, side), "spectrogram": (side, side)}
        return torch.zeros(rows, FRAMES, *(raw[name] if name in raw else (sizes["sound"].rate,)), device=device)
    time = SPECTROGRAM.get(net, SECONDS)
    shape = {"question": (), "prompt": (), "words": (WORDS,), "patches": (time, PATCHES)}.get(name, (time,))
    if device == "meta":
        return torch.zeros(rows, *shape, sizes[name], device=device)
    return torch.randn(rows, *shape, sizes[name], generator=torch.Generator().manual_seed(0))
