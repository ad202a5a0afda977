"""Append-only JSON-lines store for results that are expensive to compute, shared by several processes.

    with Ledger(path) as ledger:
        reply = ledger.once(key_of(model, prompt, media_hash), lambda: ask(prompt))

A value in the file is never computed again. Its line is appended as soon as it is computed, so a killed run loses only
unfinished work. Several processes may use one file: while one of them computes the value of a key, the others wait and
read it from the file. The keys of a process that dies are released (they are locked ranges of `<path>.lock`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError

HEAD = {"lookhear": "ledger", "version": 1}
FIRST = (json.dumps(HEAD) + "\n").encode()
SYNC = 1.0  # seconds: lines younger than this may be lost if the machine, not the process, stops
PAUSE = 0.05  # seconds between two checks of a key that another process has locked


def key_of(*parts: Any) -> str:
    """SHA-256 of the canonical JSON of `parts`; bytes and file paths are replaced by the hash of their content.

    The order of a mapping's keys does not matter. Raises TypeError for a part that JSON cannot represent.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Ledger:
    """Mapping from key to value (a JSON object), stored in the file at `path`, which is created if missing.

    Lines are split at newline characters only. A line that cannot be parsed, such as one cut off by a power failure, is
    skipped and counted in `damaged`. If a key occurs twice, the last line counts. Raises DatasetError if the file is
    not a ledger.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.damaged = 0
        self._values: dict[str, dict[str, Any]] = {}
        self._read = 0  # bytes of the file that were read into `_values`
        self._synced = time.monotonic()
        self._inside = threading.RLock()
        self._asking: dict[str, threading.Lock] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._claims = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with self._whole():
                self._begin()
            self.refresh()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._values))

    def get(self, key: str) -> dict[str, Any] | None:
        """The value of `key`, or None."""
        return self._values.get(key)

    def once(self, key: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """The value of `key`; a missing value is computed by `make` and appended before this returns.

        Only one thread of one process computes it, the others wait. An exception of `make` is raised, and nothing is
        appended.
        """
        with self._inside:
            if key in self._values:
                return self._values[key]
            mine = self._asking.setdefault(key, threading.Lock())
        with mine:
            if key not in self._values:
                with self._claimed(key):
                    self.refresh()
                    if key not in self._values:
                        self.add(key, make())
        with self._inside:
            self._asking.pop(key, None)
            return self._values[key]

    def add(self, key: str, value: Mapping[str, Any]) -> None:
        """Append `value` under `key`. Raises ValueError if it is not JSON (numbers must be finite)."""
        line = (json.dumps({"key": key, **value}, allow_nan=False) + "\n").encode()
        with self._inside, self._whole():
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                line = b"\n" + line  # an incomplete last line becomes a line of its own
            while line:
                line = line[os.write(self._file, line) :]
            if time.monotonic() - self._synced > SYNC:
                os.fsync(self._file)
                self._synced = time.monotonic()
            self._values[key] = {**value}

    def refresh(self) -> None:
        """Read the lines that other processes have appended."""
        with self._inside:
            size = os.fstat(self._file).st_size
            held = b""
            while self._read + len(held) < size:
                piece = os.pread(self._file, size - self._read - len(held), self._read + len(held))
                if not piece:
                    break
                held += piece
            whole = held[: held.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.split(b"\n")[:-1]:
                self._take(line)

    def close(self) -> None:
        """Flush everything to disk and close the file."""
        with self._inside:
            if self._file >= 0:
                os.fsync(self._file)
                os.close(self._file)
                os.close(self._claims)
                self._file = self._claims = -1

    def _begin(self) -> None:
        """Write the first line, or check that it is there."""
        found = os.pread(self._file, len(FIRST), 0)
        if found != FIRST and FIRST.startswith(found):  # empty, or stopped in its first line
            os.ftruncate(self._file, 0)
            os.write(self._file, FIRST)
        elif found != FIRST:
            raise DatasetError(f"{str(self.path)!r} is not a ledger: it begins with {found[:60]!r}. Name another file.")
        self._read = len(FIRST)

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            value = json.loads(line)
            self._values[str(value.pop("key"))] = value
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            self.damaged += 1

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Context manager: exclusive lock for writing to the file."""
        while not _lock(self._claims, 0):
            time.sleep(PAUSE / 10)
        try:
            yield
        finally:
            _unlock(self._claims, 0)

    @contextmanager
    def _claimed(self, key: str) -> Iterator[None]:
        """Context manager: lock on `key`; waits while another process computes its value."""
        place = 1 + int(hashlib.sha256(key.encode()).hexdigest()[:7], 16)
        held = False
        while not (held := _lock(self._claims, place)):
            self.refresh()
            if key in self._values:
                break
            time.sleep(PAUSE)
        try:
            yield
        finally:
            if held:
                _unlock(self._claims, place)


def _plain(part: Any) -> str:
    if isinstance(part, Path):
        with part.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    if isinstance(part, (bytes, bytearray, memoryview)):
        return "sha256:" + hashlib.sha256(part).hexdigest()
    raise TypeError(f"{type(part).__name__} is no part of a key: give text, numbers, lists, mappings, bytes or paths")


# lock a range of one byte, which may lie beyond the end of the file; released when its process dies
if sys.platform == "win32":
    import msvcrt

    def _lock(file: int, place: int) -> bool:
        os.lseek(file, place, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int, place: int) -> None:
        os.lseek(file, place, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int, place: int) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _unlock(file: int, place: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, place)
