"""The only place where a media file is opened, without access to any other file.

The container reads from an open file, not from a name, and may open nothing itself (`protocol_whitelist`). A playlist,
a concat script or a reference therefore cannot reach another file or the network; a `%d` in a name is not a pattern,
and a colon not a protocol.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer

from lookhear.errors import MediaError
from lookhear.media.limits import LIMITS

ELSEWHERE = {"hls", "applehttp", "dash", "concat", "concatf", "imf", "sdp", "rtsp", "rtp", "sap", "webm_dash_manifest"}
BUFFER = 1 << 18  # bytes per read
# malformed tags must not raise; PyAV 19 ignores them by itself
TAGS: dict = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}
DECODER = {"max_pixels": str(LIMITS.pixels), "max_samples": str(LIMITS.rates[1])}  # larger frames are an error
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"v=0", b"[playlist]", b"RTSPtext")  # first bytes of files that only name others


def open_media(path: Path | str) -> InputContainer:
    """Open the container at `path`. Raises MediaError with one line."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise MediaError(f"{str(path)!r} is a folder, not a video or sound file.")
        if not stat.S_ISREG(mode):
            raise MediaError(f"{str(path)!r} is a pipe or a device, not a file. Copy what it gives into a file.")
        if path.stat().st_size == 0:
            raise MediaError(f"{str(path)!r} is empty (0 bytes). Download or copy it again.")
        file = _File(path)
    except (OSError, ValueError) as error:  # ValueError: the name contains a zero byte or cannot be encoded
        raise MediaError(_unreachable(path, error)) from None
    if file.head.lstrip().startswith(PLAYLISTS):
        file.close()
        raise MediaError(_refers(path))
    try:
        container = av.open(
            file,
            container_options={"protocol_whitelist": "none"},
            buffer_size=BUFFER,
            options=DECODER,
            **TAGS,
        )
    except (av.error.FFmpegError, OSError, ValueError, MemoryError, OverflowError) as error:
        file.close()
        raise MediaError(_unreadable(path, file.head, error)) from None
    if container.format.name in ELSEWHERE:
        close(container)
        raise MediaError(_refers(path))
    return container


def close(container: InputContainer) -> None:
    """Close the container and the file it reads from."""
    container.close()
    container.file.file.close()


@contextmanager
def opened(path: Path | str) -> Iterator[InputContainer]:
    """Context manager: the container at `path`."""
    container = open_media(path)
    try:
        yield container
    finally:
        close(container)


class _File:
    """A file without a name, from which PyAV reads."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.head = self._file.read(64)
        self._file.seek(0)
        self.read, self.seek, self.tell = self._file.read, self._file.seek, self._file.tell
        self.close = self._file.close


def _unreachable(path: Path, error: BaseException) -> str:
    if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM):
        return f"No permission to read {str(path)!r}."
    if isinstance(error, FileNotFoundError):
        return f"No file at {str(path)!r}. Check the path and the dataset's --root."
    return f"{str(path)!r} cannot be opened ({getattr(error, 'strerror', None) or error}). Check the path."


def _refers(path: Path) -> str:
    return f"{str(path)!r} is a playlist or a list of other files, not a recording. Give the files it names."


def _unreadable(path: Path, head: bytes, error: BaseException) -> str:
    if head[4:8] in (b"ftyp", b"mdat", b"moov"):
        return f"{str(path)!r} is an mp4 without its index (moov), probably an unfinished download. Fetch it again."
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).split("\n")[0]
    return f"{str(path)!r} is not a video or sound file that can be read ({reason}). Check or re-encode it."
