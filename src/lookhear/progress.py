"""Progress bars for all long-running work.

    with bars(quiet) as bar:
        tick = bar("clips", total=1000, done=20)   # start a bar
        tick()                                     # advance by one
        tick(done=57, note="2 failed")             # or set its position and a note

Bars and lines go to standard error; standard output is left to the results of a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Tick(Protocol):
    """Callback that advances a bar by one, or sets `done`, `total` and `note`."""

    def __call__(self, done: int | None = None, total: int | None = None, note: str = "") -> None: ...


class Bars:
    """Starts bars and prints lines above them."""

    def __init__(self, console: Any = None, shown: Any = None) -> None:
        self.console = console  # rich.console.Console for lines; None prints no lines
        self.shown = shown  # rich.progress.Progress; None shows no bars
        self.ticks: dict[str, Tick] = {}

    def __call__(self, what: str, total: int | None = None, done: int = 0) -> Tick:
        """Start a bar called `what` with `total` steps (None: unknown), of which `done` are done."""
        if self.shown is None:
            return _silent
        shown, task = self.shown, self.shown.add_task(what, total=total, completed=done, note="")

        def tick(done: int | None = None, total: int | None = None, note: str = "") -> None:
            step = {"advance": 1} if done is None else {"completed": done}
            shown.update(task, **step, **({} if total is None else {"total": total}), note=note)

        return tick

    def show(self, what: str, done: int, total: int, note: str = "") -> None:
        """Set the bar called `what` to `done` of `total`; starts the bar if needed."""
        if what not in self.ticks:
            self.ticks[what] = self(what, total)
        self.ticks[what](done, total, note)

    def say(self, words: str) -> None:
        """Print a line above the bars."""
        if self.console is not None:
            self.console.print(words, highlight=False, markup=False, soft_wrap=True)


def _silent(done: int | None = None, total: int | None = None, note: str = "") -> None:
    """A tick without a bar."""


@contextmanager
def bars(quiet: bool = False) -> Iterator[Bars]:
    """Context manager for bars. Without a terminal on standard error there are no bars; `quiet` also hides lines."""
    if quiet:
        yield Bars()
        return
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Bars(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as Left
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed or 0
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min" if speed else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), Left())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=console) as shown:
        yield Bars(console, shown)
