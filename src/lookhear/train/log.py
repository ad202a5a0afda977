"""How a run goes: one JSON line at a time, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lookhear.files import dumps, write


class Log:
    """`log.jsonl` and `tensorboard/` of a run folder. Lines after `step` are of work that is being done again."""

    def __init__(self, run: Path, step: int = 0):
        self.path = run / "log.jsonl"
        lines = self.path.read_text("utf-8").splitlines() if self.path.is_file() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line).get("step", 0) <= step]
        write(self.path, "".join(f"{line}\n" for line in kept).encode())
        self.board = _board(run / "tensorboard", step)

    def line(self, step: int, **facts: Any) -> None:
        """Add one line; its numbers are curves, `val.accuracy` for `{"val": {"accuracy": …}}`."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(dumps({"step": step, **facts}) + "\n")
        if self.board:
            for name, value in _numbers(facts):
                self.board.add_scalar(name, value, step)

    def close(self) -> None:
        if self.board:
            self.board.close()


def _board(folder: Path, step: int) -> Any:
    """A TensorBoard writer, or None where it is not installed (it comes with `lookhear[report]`)."""
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
