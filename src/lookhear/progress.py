"""One bar for all long work: what is done, how many of how many, how fast, and the time left.

    with bars(quiet) as bar:
        tick = bar("clips", total=1000, done=20)   # a line of its own
        tick()                                     # one more
        tick(done=57, note="2 failed")             # or where it stands, and a word about it

Bars and lines go to standard error, so that standard output stays what a command prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Tick(Protocol):
    """Moves one bar: by one, or to `done` of `total`, with a `note` behind it."""

    def __call__(self, done: int | None = None, total: int | None = None, note: str = "") -> None: ...


class Bars:
    """Starts bars, and says lines that stay."""

    def __init__(self, console: Any = None, shown: Any = None) -> None:
        self.console = console  # rich.console.Console for lines; None says nothing
        self.shown = shown  # rich.progress.Progress; None shows no bars
        self.ticks: dict[str, Tick] = {}

    def __call__(self, what: str, total: int | None = None, done: int = 0) -> Tick:
        """A bar called `what`, of `total` steps (None: not known yet), of which `done` are done."""
        if self.shown is None:
            return _silent
        shown, task = self.shown, self.shown.add_task(what, total=total, completed=done, note="")

        def tick(done: int | None = None, total: int | None = None, note: str = "") -> None:
            step = {"advance": 1} if done is None else {"completed": done}
            shown.update(task, **step, **({} if total is None else {"total": total}), note=note)

        return tick

    def show(self, what: str, done: int, total: int, note: str = "") -> None:
        """The bar called `what`, started where there is none, has come to `done` of `total`."""
        if what not in self.ticks:
            self.ticks[what] = self(what, total)
        self.ticks[what](done, total, note)

    def say(self, words: str) -> None:
        """One line that stays, above the bars."""
        if self.console is not None:
            self.console.print(words, highlight=False, markup=False, soft_wrap=True)


def _silent(done: int | None = None, total: int | None = None, note: str = "") -> None:
    """Moves nothing."""


@contextmanager
def bars(quiet: bool = False) -> Iterator[Bars]:
    """Bars while the context lasts. No bars where standard error is no terminal; no lines either where `quiet`."""
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
