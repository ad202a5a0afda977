"""What every model shares: clips after watching, and plain words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

from lookhear.errors import MediaError
from lookhear.types import Answer, Clip, Example, Source

if TYPE_CHECKING:
    import numpy as np

Video: TypeAlias = Union[Path, str, bytes, bytearray, "tuple[np.ndarray, float]", Clip]


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

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]: ...


def clip_of(video: Video) -> Clip:
    """A whole recording as a clip: of a file, of a file's bytes, or of an array with its rate.

    Arrays are sound (sample,) or (sample, channel) with samples a second, or frames uint8 (time, height, width, 3) with
    frames a second; they and bytes are kept in temporary files until this process ends. Raises MediaError.
    """
    if isinstance(video, Clip):
        return video
    if isinstance(video, (bytes, bytearray, tuple)):
        video = _kept(video)
    path = Path(video)
    if not path.is_file():
        raise MediaError(f"No video at {str(path)!r}. Give the path of a video or sound file.")
    source = Source(str(path), path)
    return Clip(source, source)


def about(video: Video, questions: Sequence[str | Sequence[str]], task: str) -> tuple[Clip, list[Example]]:
    """The clip of `video`, and an example for each question; lists of questions are taken apart."""
    clip = clip_of(video)
    asked = [q for one in questions for q in ([one] if isinstance(one, str) else one)]
    return clip, [Example(str(i), task, clip, plain(q)) for i, q in enumerate(asked)]


def _kept(video: bytes | bytearray | tuple[np.ndarray, float]) -> Path:
    """A temporary file of bytes or of an array, named by what it holds."""
    import numpy as np

    folder = Path(_temporary().name)
    if isinstance(video, (bytes, bytearray)):
        path = folder / hashlib.sha256(video).hexdigest()[:24]
        if not path.is_file():
            path.write_bytes(video)
        return path
    from lookhear.media.write import write, write_wav

    array, rate = np.asarray(video[0]), video[1]
    name = hashlib.sha256(repr((array.shape, str(array.dtype), rate)).encode() + array.tobytes()).hexdigest()[:24]
    if array.ndim == 4 and array.dtype == np.uint8:
        path = folder / f"{name}.mp4"
        if not path.is_file():
            write(path, list(array), None, fps=rate)
        return path
    if array.ndim not in (1, 2) or array.dtype.kind not in "fi":
        raise MediaError(
            f"An array of shape {array.shape} and type {array.dtype} is neither sound (sample,) nor frames uint8 "
            "(time, height, width, 3). Give (array, rate)."
        )
    wave = array.mean(1) if array.ndim == 2 else array
    wave = wave / np.iinfo(array.dtype).max if array.dtype.kind == "i" else wave
    path = folder / f"{name}.wav"
    if not path.is_file():
        write_wav(path, wave.astype(np.float32), int(rate))
    return path


@lru_cache(maxsize=1)
def _temporary() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="lookhear-", ignore_cleanup_errors=True)


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
