"""How a run goes: one JSON line at a time, TensorBoard where it is installed, a progress bar for people."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lookhear.files import dumps
from lookhear.train.files import write


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


class Bar:
    """A progress bar with a line of words; only the words where standard error is no terminal, nothing if not wanted."""

    def __init__(self, progress: Any, console: Any = None):
        self.progress, self.console, self.tasks = progress, console, {}

    def show(self, what: str, done: int, total: int, words: str = "") -> None:
        """`what` has come to `done` of `total`."""
        if self.progress is None:
            return
        if what not in self.tasks:
            self.tasks[what] = self.progress.add_task(what, total=total, words="")
        self.progress.update(self.tasks[what], completed=done, total=total, words=words)

    def say(self, words: str) -> None:
        """One line that stays."""
        if self.console is not None:
            self.console.print(words, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def bar(shown: bool) -> Iterator[Bar]:
    """A bar on standard error, so that standard output stays what the command prints."""
    if not shown:
        yield Bar(None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bar(None, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[words]}"), console=console) as progress:
        yield Bar(progress, console)
