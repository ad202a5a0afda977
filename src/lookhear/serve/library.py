"""Stored uploads: addressed by content, named by unguessable ids, limited in size and age.

data/blobs/ab/ab12…         the bytes, named by their sha256; equal uploads are stored once
data/files/file-….json      id -> sha256, the client's file name, owner
data/parts/                 files being written; moved to blobs when they are complete and synced to disk

A client's file name and content type are only displayed, never trusted or used as a path.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.errors import FileError
from lookhear.serve.metrics import Metrics
from lookhear.serve.refusals import Refusal, bad, missing, too_large
from lookhear.serve.settings import MB, Limits

ANYBODY = "*"  # owner of files that every client may use: the example clips
STALE = 86_400.0  # seconds after which an unfinished file counts as abandoned
UNNAMED_SECONDS = 3_600.0  # media inside messages have no record; they are kept for this time after their last use


@dataclass(frozen=True)
class Record:
    """The record of an uploaded file."""

    id: str
    sha: str
    name: str
    bytes: int
    created: float
    owner: str

    def to_json(self) -> dict[str, Any]:
        """The record in the format of OpenAI's files API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.bytes,
            "created_at": int(self.created),
            "filename": self.name,
            "purpose": "user_data",
        }


class Library:
    """All stored files. Every use updates the blob's access time, so files in use are not removed."""

    def __init__(self, root: Path, limits: Limits, metrics: Metrics):
        self.root, self.limits, self.metrics = root, limits, metrics
        for name in ("blobs", "files", "parts", "derived", "jobs"):
            (root / name).mkdir(parents=True, exist_ok=True)
            files.sweep(root / name)
        self.stored = sum(p.stat().st_size for p in root.glob("blobs/*/*"))
        metrics.stored.set(self.stored)

    async def take(self, pieces: AsyncIterator[bytes], name: str, owner: str) -> Record:
        """Store an upload. Raises Refusal if it is empty, too large, or the disk is full."""
        part, digest, size = self.part(), hashlib.sha256(), 0
        try:
            with part.open("wb") as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > self.limits.file_bytes:
                        raise too_large("file", f"{self.limits.file_bytes / MB:g} MB", "file")
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
            if not size:
                raise bad("empty_file", "The file is empty (0 bytes).", "file")
            sha = self._settle(part, digest.hexdigest(), size)
            return self.name(sha, size, name, owner)
        except (OSError, FileError) as error:
            raise disk_full(error) from None
        finally:
            part.unlink(missing_ok=True)

    async def keep(self, data: bytes) -> str:
        """Store media from a message; returns its sha256."""
        return await asyncio.to_thread(self._keep, data)

    def _keep(self, data: bytes) -> str:
        if not data:
            raise bad("empty_file", "A part of the message holds no media (0 bytes).", "messages")
        if len(data) > self.limits.file_bytes:
            raise too_large("media of a message", f"{self.limits.file_bytes / MB:g} MB", "messages")
        part = self.part()
        try:
            part.write_bytes(data)
            return self._settle(part, hashlib.sha256(data).hexdigest(), len(data))
        except OSError as error:
            raise disk_full(error) from None
        finally:
            part.unlink(missing_ok=True)

    async def adopt(self, path: Path) -> tuple[str, int]:
        """Move a finished local file, such as a fetched one, into the library; returns its sha256 and size."""

        def settle() -> tuple[str, int]:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = path.stat().st_size
            return self._settle(path, digest, size), size

        try:
            return await asyncio.to_thread(settle)
        finally:
            path.unlink(missing_ok=True)

    def part(self, suffix: str = "") -> Path:
        """A path for a file that is being written. Files left by a dead server are removed at the next start."""
        return self.root / "parts" / f".{secrets.token_hex(8)}~{socket.gethostname()}~{os.getpid()}~.part{suffix}"

    def _settle(self, part: Path, sha: str, size: int) -> str:
        path = self.path(sha)
        path.parent.mkdir(exist_ok=True)
        if path.is_file():
            _touch(path)
        else:
            self._room(size)
            part.replace(path)
            self.stored += size
            self.metrics.stored.set(self.stored)
        self.metrics.uploaded.inc(size)
        return sha

    def name(self, sha: str, size: int, name: str, owner: str, id: str = "") -> Record:
        """Create a record, with a new id, for stored bytes."""
        shown = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())[:120]
        record = Record(id or f"file-{secrets.token_hex(12)}", sha, shown or "file", size, time.time(), owner)
        files.write_json(self.root / "files" / f"{record.id}.json", asdict(record))
        return record

    def path(self, sha: str) -> Path:
        """Path of the bytes with this sha256."""
        return self.root / "blobs" / sha[:2] / sha

    def derived(self, sha: str, suffix: str) -> Path:
        """Path of a file derived from the bytes of `sha`."""
        return self.root / "derived" / f"{sha}{suffix}"

    def record(self, id: str, owner: str) -> Record:
        """The file with this id, if `owner` may use it. Raises Refusal."""
        if not (id.startswith("file-") and id[5:].isalnum() and len(id) <= 64):
            raise missing("file", id, "file")
        try:
            stored = Record(**json.loads((self.root / "files" / f"{id}.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            raise missing("file", id, "file") from None
        if stored.owner not in (owner, ANYBODY) or not self.path(stored.sha).is_file():
            raise missing("file", id, "file")
        with contextlib.suppress(OSError):
            _touch(self.path(stored.sha))
        return stored

    def records(self, owner: str | None = None) -> list[Record]:
        """All records, or those of one owner, newest first."""
        found = []
        for path in self.root.glob("files/file-*.json"):
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(Record(**json.loads(path.read_text("utf-8"))))
        return sorted((r for r in found if owner in (None, r.owner)), key=lambda r: -r.created)

    def delete(self, record: Record) -> None:
        """Delete a record, and its bytes unless another record refers to them."""
        (self.root / "files" / f"{record.id}.json").unlink(missing_ok=True)
        if all(other.sha != record.sha for other in self.records()):
            self._drop(record.sha)

    def _drop(self, sha: str) -> None:
        path = self.path(sha)
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            path.unlink()
            self.stored -= size
        for made in self.root.glob(f"derived/{sha}*"):
            made.unlink(missing_ok=True)
        self.metrics.stored.set(self.stored)

    def _room(self, size: int) -> None:
        """Free `size` bytes: remove expired files first, then the least recently used. Raises Refusal."""
        if self.stored + size > self.limits.store_bytes:
            self.sweep(size)
        if self.stored + size > self.limits.store_bytes:
            raise Refusal(507, "store_full", "The server has no room for this file. Delete some, or try later.")

    def sweep(self, room: int = 0) -> None:
        """Delete expired files and, for `room` more bytes, the least recently used ones idle for at least an hour."""
        records: dict[str, list[Record]] = {}
        for record in self.records():
            records.setdefault(record.sha, []).append(record)
        ages = []
        for path in self.root.glob("blobs/*/*"):
            with contextlib.suppress(OSError):
                ages.append((time.time() - path.stat().st_atime, path.name))
        for part in self.root.glob("parts/.*"):  # of replicas on other machines, which may have died
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime > STALE:
                    part.unlink()
        for made in self.root.glob("derived/*.made"):  # derived files whose sources were parts of messages
            with contextlib.suppress(OSError):
                if not self.path(made.read_text("utf-8")).is_file():
                    made.unlink()
        for age, sha in sorted(ages, reverse=True):
            named = records.get(sha, [])
            expired = age > (self.limits.keep_seconds if named else UNNAMED_SECONDS)
            short = self.stored + room > self.limits.store_bytes and age > UNNAMED_SECONDS / 6
            if (expired or short) and all(record.owner != ANYBODY for record in named):
                for record in named:
                    (self.root / "files" / f"{record.id}.json").unlink(missing_ok=True)
                self._drop(sha)


def decoded(text: str, most: int, param: str = "messages") -> bytes:
    """Decode base64 text. Raises Refusal."""
    if len(text) * 3 // 4 > most + 3:
        raise too_large("media of a message", f"{most / MB:g} MB", param)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise bad("invalid_base64", "The media of a part are not valid base64.", param) from None


def _touch(path: Path) -> None:
    """Update the access time. The modification time stays, because models use it to recognise an unchanged file."""
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def disk_full(error: OSError | FileError) -> Exception:
    """The refusal for a write that failed on a full disk; other errors are returned unchanged."""
    if files.number_of(error) in files.FULL:
        return Refusal(507, "disk_full", "The server's disk is full: the file was not kept. Try later.")
    return error
