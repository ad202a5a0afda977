"""Make timelines of many videos in several processes; interrupted runs resume, unreadable files are skipped.

Each video gives one file in the output folder. Existing files are complete (writes are atomic) and are kept unless the
video or the encoders have changed. Failures are recorded in `ledger.jsonl` there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.errors import DependencyError, LookhearError, RecipeError
from lookhear.processes import end_with_parent
from lookhear.store import cluster
from lookhear.store.nursery import nursery
from lookhear.timeline import exports
from lookhear.timeline.watch import Watcher
from lookhear.types import Clip, Source

VIDEOS = frozenset(
    [
        ".mp4",
        ".mkv",
        ".webm",
        ".mov",
        ".avi",
        ".flv",
        ".mpg",
        ".mpeg",
        ".m4v",
        ".ogv",
        ".wmv",
        ".ts",
        ".3gp",
        ".wav",
        ".mp3",
        ".flac",
        ".m4a",
        ".ogg",
        ".opus",
        ".aac",
    ]
)
ENGINES = ("local", "ray")
SIGNED = ".signed.json"  # beside an export: the signature of its timeline


@dataclass(frozen=True)
class Job:
    """A video and the path of its export. `without` are modalities that are left out."""

    video: Path
    out: Path
    format: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """Result of a job: made, kept from an earlier run, or the reason why it failed."""

    job: Job
    kept: bool = False
    reason: str = ""


def videos(paths: Sequence[Path]) -> list[Path]:
    """The files in `paths`, and the video and sound files in its folders, sorted within each folder."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in VIDEOS and p.is_file())
            if not inside:
                raise RecipeError(f"No video or sound files in {str(path)!r}.")
            files += inside
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def jobs(paths: Sequence[Path], out: Path, format: str, without: tuple[str, ...] = ()) -> list[Job]:
    """One job per video. Videos with equal names in different folders keep the folder in the output name."""
    ending, listed = exports.FORMATS[format][0], videos(paths)
    names = [path.stem for path in listed]
    made, taken = [], set()
    for path, name in zip(listed, names, strict=True):
        own = name if names.count(name) == 1 else f"{path.parent.name}-{path.name}"
        unique, number = own, 2
        while unique in taken:
            unique, number = f"{own}-{number}", number + 1
        taken.add(unique)
        made.append(Job(path, out / f"{unique}{ending}", format, without))
    return made


def check(engine: str) -> None:
    """Raises RecipeError if there is no engine of this name."""
    if engine not in ENGINES:
        raise RecipeError(f"No engine is called {engine!r}. There are: {' and '.join(ENGINES)}.")


def watch_all(
    todo: Sequence[Job], workers: int = 1, engine: str = "local", address: str | None = None
) -> Iterator[Done]:
    """Run the jobs in any order. Videos of a process that dies are retried once, each in a separate process."""
    check(engine)
    if workers < 1:
        raise RecipeError(f"Watching needs at least one worker, got {workers}.")
    if engine == "ray":
        yield from _ray(todo, workers, address)
    elif workers == 1:
        yield from map(process, todo)
    else:
        yield from _processes(todo, workers)


_watchers: dict[tuple[str, ...], Watcher] = {}  # one per process: encoders are loaded once


def process(job: Job) -> Done:
    """Process one video. LookhearErrors are recorded as the reason of its failure.

    Raises DependencyError for a missing package and FileError for a full or read-only disk, which stop the work.
    """
    if job.without not in _watchers:
        _watchers[job.without] = Watcher(without=job.without)
    watcher = _watchers[job.without]
    try:
        facts = job.video.stat()
        made = {"size": facts.st_size, "time": facts.st_mtime_ns, "watcher": watcher.signature, "format": job.format}
        if _earlier_result(job.out) == json.loads(json.dumps(made)):
            return Done(job, kept=True)
        source = Source(str(job.video), job.video)
        timeline = watcher(Clip(source, source))
        files.write(job.out, exports.written(timeline, job.format))
        files.write_json(_signed(job.out), made)
    except DependencyError:
        raise
    except LookhearError as error:
        if files.no_room(error):
            raise
        return Done(job, reason=str(error))
    except OSError as error:
        return Done(job, reason=f"{str(job.video)!r} cannot be read: {error.strerror}.")
    return Done(job)


def _signed(out: Path) -> Path:
    return out.parent / ".signed" / f"{out.name}{SIGNED}"


def _earlier_result(out: Path) -> Any:
    try:
        return json.loads(_signed(out).read_text("utf-8")) if out.is_file() else None
    except (OSError, ValueError):
        return None


def _processes(todo: Sequence[Job], workers: int) -> Iterator[Done]:
    waiting = list(todo)
    while waiting:
        lost: list[Job] = []
        yield from _pool(waiting, workers, lost)
        waiting = []
        for job in lost:
            again: list[Job] = []
            yield from _pool([job], 1, again)
            yield from (Done(j, reason="the process that watched it died (out of memory?)") for j in again)


def _pool(todo: Sequence[Job], workers: int, lost: list[Job]) -> Iterator[Done]:
    with ProcessPoolExecutor(workers, nursery(), _alone) as pool:
        running = [(job, pool.submit(process, job)) for job in todo]
        for job, future in running:
            try:
                yield future.result()
            except BrokenProcessPool:
                lost.append(job)


def _alone() -> None:
    """Initialise a worker: one thread, and exit when the parent process ends for any reason."""
    import torch

    end_with_parent()
    torch.set_num_threads(1)


def _ray(todo: Sequence[Job], workers: int, address: str | None) -> Iterator[Done]:
    """On Ray paths are made absolute, because nodes have other working directories."""
    there = [replace(job, video=job.video.absolute(), out=job.out.absolute()) for job in todo]
    for place, done in cluster.spread(process, there, workers, address, lambda job: next(_processes([job], 1))):
        yield replace(done, job=todo[place])


def log(folder: Path, done: Done) -> None:
    """Append a failure to the ledger of the folder."""
    line = json.dumps({"video": str(done.job.video), "reason": done.reason}, ensure_ascii=False) + "\n"
    with (folder / "ledger.jsonl").open("a", encoding="utf-8") as ledger:
        ledger.write(line)
