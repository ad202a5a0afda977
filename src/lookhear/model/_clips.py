"""What every model shares: clips after watching, and plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lookhear.errors import MediaError
from lookhear.types import Answer, Clip, Example, Source


@dataclass(frozen=True)
class Watched:
    """Clips after watching. `memory` has one row a clip; `seconds` is how much of each there really was."""

    clips: tuple[Clip, ...]
    memory: Any
    seconds: tuple[int | None, ...]
    notes: tuple[tuple[str, ...], ...]


class Model(Protocol):
    """Anything that can watch and answer."""

    name: str

    def watch(self, clips: Sequence[Clip]) -> Any: ...

    def answer(self, watched: Any, examples: Sequence[Example]) -> list[Answer]: ...

    def ask(self, video: Path | str | Clip, *questions: str) -> list[Answer]: ...


def clip_of(path: Path | str) -> Clip:
    """A whole file as a clip. Raises MediaError where there is none."""
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"No video at {str(path)!r}. Give the path of a video or sound file.")
    source = Source(str(path), path)
    return Clip(source, source)


def plain(question: str) -> str:
    """A question as annotations hold it: no blanks around it and no question mark."""
    return " ".join(question.split()).rstrip("?？ ")


def stamp(clip: Clip) -> tuple[Any, ...]:
    """What tells a clip from itself after its files have changed."""
    return clip, _facts(clip.video), _facts(clip.audio)


def _facts(source: Source | None) -> tuple[int, int] | None:
    if source is None or source.path is None or not source.path.is_file():
        return None
    facts = source.path.stat()
    return facts.st_mtime_ns, facts.st_size
