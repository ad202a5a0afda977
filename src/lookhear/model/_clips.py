"""The interface of all models, the result of watching, and conversion of inputs to clips."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union, runtime_checkable

from lookhear.errors import MediaError
from lookhear.types import Answer, Clip, Example, Source

if TYPE_CHECKING:
    import numpy as np

Video: TypeAlias = Union[Path, str, bytes, bytearray, "tuple[np.ndarray, float]", Clip]


@dataclass(frozen=True)
class Watched:
    """Result of `Model.watch`.

    `memory` has one row per clip, `seconds` is the decoded length of each clip (None if unknown), `notes` are its
    warnings.
    """

    clips: tuple[Clip, ...]
    memory: Any
    seconds: tuple[int | None, ...]
    notes: tuple[tuple[str, ...], ...]


class Model(Protocol):
    """Protocol of all models: watch clips once, then answer questions about them."""

    name: str

    def watch(self, clips: Sequence[Clip]) -> Watched: ...

    def answer(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]: ...

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]: ...


@runtime_checkable
class Storing(Model, Protocol):
    """A model that reads features, from a store where it is given one."""

    def using(self, store: Any) -> Model:
        """The same model with this store."""
        ...


def clip_of(video: Video) -> Clip:
    """A clip of a whole recording, given as a path, as the bytes of a file, or as (array, rate).

    Arrays are sound (sample,) or (sample, channel) with the sample rate in Hz, or frames uint8 (time, height, width, 3)
    with the frame rate. Bytes and arrays are written to temporary files, which are deleted when the process ends.
    Raises MediaError.
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
    """The clip of `video` and one example per question; lists of questions are flattened."""
    clip = clip_of(video)
    asked = [q for one in questions for q in ([one] if isinstance(one, str) else one)]
    return clip, [Example(str(i), task, clip, plain(q)) for i, q in enumerate(asked)]


def _kept(video: bytes | bytearray | tuple[np.ndarray, float]) -> Path:
    """Write bytes or an array to a temporary file, named by the hash of its content."""
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
    """A question as in the annotations: without surrounding whitespace and question mark."""
    return " ".join(question.split()).rstrip("?？ ")


def stamp(clip: Clip) -> tuple[Any, ...]:
    """Cache key of a clip that changes when its files change."""
    return clip, _facts(clip.video), _facts(clip.audio)


def _facts(source: Source | None) -> tuple[int, int] | None:
    if source is None or source.path is None or not source.path.is_file():
        return None
    facts = source.path.stat()
    return facts.st_mtime_ns, facts.st_size
