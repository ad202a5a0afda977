"""Atomic writes, folder locks, strict JSON, and paths that stay inside a root.

write(path, content)          atomic write: a hidden `.part` file beside `path`, then a rename
with whole(path) as part: …   the same for code that writes a file itself (an encoder, numpy, a copy)
with claim(folder): …         exclusive lock on a folder; the lock of a dead process is free at once
dumps, read_json              strict JSON: NaN is neither written nor read
with read_from(path): …       what is wrong inside a file, of whatever kind, is one line that names the file
is_url(name)                  whether a name is an http(s) address rather than a path
inside(root, name)            the path of `name` under `root`, or an error if it leads out of it
json_lines(path)              the values of a JSON-lines file, split at "\\n" only; an incomplete last line is skipped
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import socket
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from lookhear.errors import CONTROLS, FileError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no space, over a quota, a file beyond its limit
LOCK = ".lock"
NAMES: Mapping[type, str] = {dict: "object", list: "list", str: "text"}  # JSON's names of Python types
UNLIKE = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, AssertionError)
T = TypeVar("T")


@contextmanager
def whole(path: Path | str) -> Iterator[Path]:
    """Context manager with a temporary path to write to; it is renamed to `path` on success and removed on an error.

    The temporary path has the suffix of `path`, because some writers choose a format by suffix. Missing folders are
    created. Raises FileError if writing fails.
    """
    path = Path(path)
    start = os.fsdecode(os.fsencode(path.stem)[:100])  # a file name may have 255 bytes, not characters
    part = path.with_name(f".{start}~{socket.gethostname()}~{os.getpid()}~.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise refused(path, error) from None
    finally:
        with suppress(OSError):  # no such file, or it cannot be removed
            part.unlink()


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Context manager with an empty folder to fill; renamed to `path` (which must not exist) or removed on an error."""
    path = Path(path)
    part = path.with_name(f".{path.name[:100]}~{socket.gethostname()}~{os.getpid()}~.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise refused(path, error) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write(path: Path | str, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `path` atomically. Raises FileError if writing fails."""
    with whole(path) as part:
        part.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as indented JSON atomically. NaN becomes null."""
    write(path, dumps(value, indent=2) + "\n")


def dumps(value: Any, indent: int | None = None, **words: Any) -> str:
    """`value` as standard JSON: non-finite numbers become null; what a terminal would obey, and halves of characters,
    are escaped, so that the text is the same JSON in a file and on a terminal."""
    words = {"ensure_ascii": False, **words}
    try:
        text = json.dumps(value, indent=indent, allow_nan=False, **words)
    except ValueError:
        text = json.dumps(_finite(value), indent=indent, allow_nan=False, **words)
    return CONTROLS.sub(lambda run: "".join(f"\\u{ord(letter):04x}" for letter in run[0]), text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, (list, tuple)) else value


def read_json(path: Path | str, kind: type[T] = object) -> T:  # type: ignore[assignment]
    """Read a JSON file whose value must be a `kind` (dict, list). Raises FileError otherwise.

    NaN and infinity are refused, because they are not JSON.
    """
    path = Path(path)
    try:
        value = json.loads(path.read_text("utf-8-sig"), parse_constant=_no_number)
    except FileNotFoundError:
        raise FileError(f"No file at {str(path)!r}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path}: not JSON ({' '.join(str(error).split())[:120]}). Mend it or make it again.") from None
    if not isinstance(value, kind):
        raise FileError(f"{path}: expected a JSON {NAMES.get(kind, kind.__name__)}, got {str(value)[:60]!r}.")
    return value


@contextmanager
def read_from(path: Path | str, way_out: str = "Mend it or make it again.") -> Iterator[None]:
    """Context manager for code that takes the content of `path` apart: FileError where it has another shape.

    A file that a person brings may hold anything: other kinds of values, missing keys, numbers without end.
    """
    try:
        yield
    except UNLIKE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise FileError(f"{path}: damaged, or of another shape than expected ({reason}). {way_out}") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def number_of(error: BaseException) -> int | None:
    """The operating system's number (`errno`) of a failed write: of an OSError, or of the one behind a FileError."""
    cause = error.__context__ if isinstance(error, FileError) else error
    return cause.errno if isinstance(cause, OSError) else None


def no_room(error: BaseException) -> bool:
    """Whether a write failed because of the disk: full, over a quota, or read-only. Any other file would fail too."""
    return number_of(error) in (*FULL, errno.EROFS)


def refused(path: Path | str, error: OSError) -> FileError:
    """FileError for a `path` that could not be written."""
    reason = error.strerror or type(error).__name__
    return FileError(f"Cannot write {str(path)!r}: {reason}. Check permissions and free space.")


def link(target: Path, place: Path) -> None:
    """Make a hard link to a file, or copy it where hard links are not possible."""
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(target, place)
    except OSError:  # another file system, or one without hard links
        with whole(place) as part:
            shutil.copyfile(target, part)


def inside(root: Path | str, name: str) -> Path:
    """The path of `name` under `root`. Raises FileError if it leads out of it by `..`, a link or an absolute path."""
    root = Path(root).resolve()
    try:
        path = (root / name).resolve()
    except (OSError, ValueError) as error:  # a name with NUL, or circular links
        raise FileError(f"{name!r} cannot be a file in {str(root)!r}: {error}.") from None
    if not path.is_relative_to(root):
        raise FileError(f"{name!r} leads out of {str(root)!r}. Give a name inside that folder.")
    return path


def sweep(folder: Path | str) -> None:
    """Remove the `.part` files and folders under `folder` whose writers no longer run on this machine."""
    for path in list(Path(folder).rglob(".*~.part*")):
        _, host, pid, _ = path.name.rsplit("~", 3)
        if host == socket.gethostname() and pid.isdigit() and not running(int(pid)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def running(pid: int) -> bool:
    """Whether a process with this id runs on this machine."""
    if sys.platform == "win32":  # os.kill would terminate the process there
        import psutil

        return psutil.pid_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs as another user
        return True
    return True


@contextmanager
def claim(folder: Path | str, wait: float = 0.0) -> Iterator[Path]:
    """Context manager: exclusive lock on `folder`, which is created if missing.

    The lock is an operating-system lock on the file `.lock` in the folder, so it ends with its process in any case. If
    another process holds it, this waits up to `wait` seconds and then raises FileError, which names the owner. A folder
    that was created and stayed empty is removed again.
    """
    from filelock import FileLock, Timeout

    folder = Path(folder)
    note = folder / f"{LOCK}.owner"
    fresh = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=wait, poll_interval=0.2)
    except Timeout:
        raise FileError(f"{str(folder)!r} is being written by {_owner(note)}. Wait for it, or name another.") from None
    except OSError as error:
        raise refused(folder, error) from None
    try:
        note.write_text(f"{socket.gethostname()} {os.getpid()}", "utf-8")
        yield folder
    finally:
        note.unlink(missing_ok=True)
        with suppress(OSError):  # Windows keeps an open file
            (folder / LOCK).unlink()  # unlinked while locked; a waiting process makes a new file
        lock.release()
        if fresh:
            with suppress(OSError):  # not empty
                folder.rmdir()


def unused(folder: Path, begun: Collection[str] = ()) -> bool:
    """Whether a folder is missing or empty. Lock files and `.part` files of dead writers do not count, nor do the files
    named in `begun`, which a writer that was killed has left."""
    if not folder.is_dir():
        return not folder.exists()
    return all(p.name.startswith(LOCK) or ".part" in p.name or p.name in begun for p in folder.iterdir())


def _owner(note: Path) -> str:
    try:
        host, pid = note.read_text("utf-8").split()
    except (OSError, ValueError):
        return "another process"
    return f"process {pid}" if host == socket.gethostname() else f"process {pid} on {host}"


def json_lines(path: Path | str) -> list[Any]:
    """The values of a JSON-lines file. A last line without a newline was cut off by a kill and is skipped.

    Lines end at "\\n" only, because texts may contain other separators. Raises FileError with the number of any other
    malformed line.
    """
    content = Path(path).read_bytes()
    *lines, torn = content.split(b"\n")
    if torn:
        try:
            json.loads(torn)
            lines.append(torn)
        except ValueError:
            pass
    values = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                values.append(json.loads(line, parse_constant=_no_number))
            except (ValueError, RecursionError) as error:
                raise FileError(f"{path}, line {number}: not JSON ({error}). Mend or remove that line.") from None
    return values


def is_url(text: str) -> bool:
    """Whether `text` is an http or https URL rather than a path."""
    return text.lower().startswith(("http://", "https://"))
