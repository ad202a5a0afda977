"""Files that appear whole or not at all, and a bar that says how long it will take."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Tick = Callable[[], None]


def text(path: Path, content: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(content, "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def link(there: Path, here: Path) -> None:
    """The same file under another name: a hard link, or a copy where there can be none."""
    here.parent.mkdir(parents=True, exist_ok=True)
    if here.exists():
        return
    try:
        os.link(there, here)
    except OSError:  # another disk, or one without links
        part = here.with_name(f".{here.name}.{os.getpid()}.part")
        shutil.copyfile(there, part)
        part.replace(here)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[..., Tick]]:
    """A bar with rate and time left: `tick = bar(what, total, done)`, then `tick()` for each."""
    if quiet:
        yield lambda what, total, done=0: lambda: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{60 * (task.finished_speed or task.speed or 0):.0f} a minute")

    columns: Iterable[Any] = (
        *(TextColumn("{task.description:20s}"), BarColumn(), MofNCompleteColumn(), Rate()),
        *(TimeRemainingColumn(), TextColumn("left")),
    )
    with Progress(*columns) as shown:

        def bar(what: str, total: int, done: int = 0) -> Tick:
            task = shown.add_task(what, total=total, completed=done)
            return lambda: shown.advance(task)

        yield bar
