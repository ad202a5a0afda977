"""lookhear watch: make timelines of what is heard, seen and said in videos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps


def watch(
    videos: Annotated[list[Path], typer.Argument(help="Video or sound files, or folders of them.")],
    out: Annotated[
        Path | None, typer.Option(help="File for one video, folder for several; the suffix gives the format.")
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            help="json, webvtt, audacity, elan, textgrid, label_studio or fiftyone; default for a folder: json."
        ),
    ] = "",
    without: Annotated[list[str] | None, typer.Option(help="Leave out sound, picture or words (repeatable).")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes, one thread each, if --out is a folder.")] = 1,
    engine: Annotated[
        str, typer.Option(help="local, or ray: Ray here or on the cluster that RAY_ADDRESS names.")
    ] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per video, one per line.")] = False,
) -> None:
    """Make a timeline of what is heard, seen and said: printed as bars, or a file for an annotation tool. Offline.

    With several videos (or a folder) and --out FOLDER, existing timelines are kept. A file that cannot be read is
    reported and skipped, and the exit code is 1.

    Example: lookhear watch street.mp4

    Example: lookhear watch street.mp4 --out street.eaf

    Example: lookhear watch clips/ --out timelines/ --format webvtt --workers 4
    """
    from lookhear.errors import RecipeError
    from lookhear.timeline import exports, many

    os.environ.setdefault("OMP_NUM_THREADS", "1")  # also for a single process; read when torch is imported
    left = tuple(sorted(set(without or ())))
    if strange := set(left) - {"sound", "picture", "words"}:
        raise RecipeError(f"Cannot leave out {min(strange)!r}: there are sound, picture and words.")
    many.check(engine)
    kind = exports.format_of(out or Path("a.json"), format) if format else ""  # a wrong one is refused, used or not
    listed = many.videos(videos)
    several = len(listed) > 1 or videos[0].is_dir()
    if out is not None and not several and not out.is_dir():
        todo = [many.Job(listed[0], out, kind or exports.format_of(out, ""), left)]
    elif out is not None:
        todo = many.jobs(videos, out, kind or exports.format_of(out / "a.json", ""), left)
    else:
        _show(listed, left, as_json)
        return
    _write(todo, workers, engine, as_json)


def _show(listed: list[Path], left: tuple[str, ...], as_json: bool) -> None:
    """Print the timelines of videos; a video that cannot be read is reported and skipped."""
    from lookhear.errors import MediaError
    from lookhear.model import clip_of
    from lookhear.timeline import draw
    from lookhear.timeline.watch import Watcher

    watcher, failed = Watcher(without=left), []
    for path in listed:
        try:
            timeline = watcher(clip_of(path))
        except MediaError as error:
            if len(listed) == 1:
                raise
            failed.append(str(error))
            continue
        if as_json:
            print(dumps({"video": str(path), **timeline.to_json()}))
        else:
            print("\n".join(draw.bars(timeline)))
    _end(failed)


def _write(todo: list, workers: int, engine: str, as_json: bool) -> None:
    from lookhear.progress import bars
    from lookhear.timeline import many

    failed, kept = [], 0
    with bars(as_json) as bar:
        tick = bar("videos", len(todo))
        for done in many.watch_all(todo, workers, engine, os.environ.get("RAY_ADDRESS")):
            kept += done.kept
            if done.reason:
                failed.append(done.reason)
                if len(todo) > 1:
                    many.log(done.job.out.parent, done)
            if as_json:
                print(
                    dumps(
                        {
                            "video": str(done.job.video),
                            "out": str(done.job.out),
                            "kept": done.kept,
                            "reason": done.reason,
                        }
                    )
                )
            tick(note=f"{len(failed)} failed" if failed else "")
    if not as_json:
        made = len(todo) - kept - len(failed)
        where = todo[0].out if len(todo) == 1 else todo[0].out.parent
        print(f"{made} watched, {kept} already there, {len(failed)} failed: {where}")
    _end(failed)


def _end(failed: list[str]) -> None:
    import sys

    for reason in failed:
        print(f"failed: {reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)
