"""Training log: JSON lines, and optionally TensorBoard, trackio or W&B."""

from __future__ import annotations

import importlib
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear.catalog import unknown
from lookhear.errors import DependencyError, RecipeError
from lookhear.files import dumps, write

TRACKERS = ("trackio", "wandb")


def _step(line: str) -> float:
    """The step of a line of `log.jsonl`; infinite for foreign or incomplete lines."""
    try:
        step = json.loads(line).get("step", 0)
    except (ValueError, AttributeError, RecursionError):
        return math.inf
    return step if isinstance(step, int) else math.inf


class Log:
    """`log.jsonl` and `tensorboard/` of a run folder. Lines after `step` are removed, because they are redone."""

    def __init__(self, run: Path, step: int = 0, report_to: Sequence[str] = ("tensorboard",), facts: Any = None):
        self.path = run / "log.jsonl"
        lines = self.path.read_text("utf-8").split("\n") if self.path.is_file() else []
        kept = [line for line in lines if _step(line) <= step]
        write(self.path, "".join(f"{line}\n" for line in kept).encode())
        self.board = _board(run / "tensorboard", step) if "tensorboard" in report_to else None
        self.trackers = [_tracker(name, run, facts) for name in report_to if name != "tensorboard"]

    def line(self, step: int, **facts: Any) -> None:
        """Append one line and log its numbers as curves: `val.accuracy` for `{"val": {"accuracy": …}}`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(dumps({"step": step, **facts}) + "\n")
        if self.board:
            for name, value in _numbers(facts):
                self.board.add_scalar(name, value, step)
        for tracker in self.trackers:
            tracker.log(dict(_numbers(facts)), step=step)

    def close(self) -> None:
        if self.board:
            self.board.close()
        for tracker in self.trackers:
            tracker.finish()


def _tracker(name: str, run: Path, facts: Any) -> Any:
    """A run of trackio or wandb (which have the same interface), named after the run folder."""
    if name not in TRACKERS:
        raise RecipeError(unknown("tracker", name, ("tensorboard", *TRACKERS)))
    try:
        module = importlib.import_module(name)
    except ImportError:
        raise DependencyError(f"train.report_to={name} needs it: pip install {name}") from None
    return module.init(project="lookhear", name=run.name, config=facts or {}, resume="allow")


def _board(folder: Path, step: int) -> Any:
    """A TensorBoard writer, or None if TensorBoard is not installed (it is part of `lookhear[report]`)."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    return SummaryWriter(str(folder), purge_step=step + 1)


def _numbers(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            yield f"{prefix}{name}", value
