"""Shards of a feature store: many small files of one stream in a few indexed zip files.

<root>/<encoder>/<stream>/packs.json            number of shards
<root>/<encoder>/<stream>/pack-07-of-64.zip     uncompressed: <key>.npy and <key>.absent, read by their offset

The shard of a key is determined by a hash of its file name, so a lookup opens one index. New features are written as
single files beside the shards; packing again moves them in. A shard is replaced atomically and the single files are
removed afterwards, so after a kill every feature is readable, at worst stored twice.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lookhear import files
from lookhear.errors import FeatureError
from lookhear.store import arrays

ENDS = (".npy", ".absent")
MARKER = "packs.json"  # number of shards, written before the first shard
MOST = 1 << 20
PER_SHARD = 4096  # intended number of clips per shard
EPOCH = (1980, 1, 1, 0, 0, 0)  # constant time stamp in the zip: equal features give equal bytes
DAMAGED = (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, UnicodeError)


@dataclass
class Packs:
    """The shards of one stream's folder. The index is read when it is needed, and again when a shard has changed."""

    folder: Path
    shards: int = 0
    indices: dict[Path, tuple[tuple[int, int, int], dict[str, tuple[int, int]]]] = field(default_factory=dict)

    def find(self, file: str) -> tuple[Path, int, int] | None:
        """(shard, offset, length in bytes) of `file`, or None. `file` is a key's file name with its suffix."""
        count = self.count()
        if not count:
            return None
        path = shard_path(self.folder, shard_of(file, count), count)
        place = self.index(path).get(file)
        return None if place is None else (path, *place)

    def count(self) -> int:
        """Number of shards of the stream; 0 if it is not packed."""
        marker = self.folder / MARKER
        if not self.shards and marker.is_file():
            shards = files.read_json(marker, dict).get("shards")
            if not isinstance(shards, int) or not 0 < shards <= MOST:
                raise FeatureError(
                    f"{marker}: {str(shards)[:40]!r} is no number of shards. It is part of the shards' names."
                )
            self.shards = shards
        return self.shards

    def index(self, path: Path) -> dict[str, tuple[int, int]]:
        """File name -> (offset, length) in a shard. Raises FeatureError if it is damaged."""
        try:
            state = path.stat()
        except FileNotFoundError:
            return {}
        mark = (state.st_mtime_ns, state.st_size, state.st_ino)
        if path not in self.indices or self.indices[path][0] != mark:
            try:
                self.indices[path] = mark, _read_index(path)
            except DAMAGED as error:
                reason = " ".join(str(error).split())[:120]
                raise FeatureError(f"{path}: damaged ({reason}). Delete it and extract again.") from None
        return self.indices[path][1]

    def files(self) -> Iterator[str]:
        """All file names in the shards."""
        count = self.count()
        for index in range(count):
            yield from self.index(shard_path(self.folder, index, count))


def shard_of(file: str, count: int) -> int:
    """The number of the shard that a file belongs to."""
    return zlib.crc32(file.rpartition(".")[0].encode("utf-8", "surrogateescape")) % count


def shard_path(folder: Path, index: int, count: int) -> Path:
    """The path of a shard."""
    width = len(str(count - 1))
    return folder / f"pack-{index:0{width}}-of-{count}.zip"


def pack(folder: Path, per_shard: int = PER_SHARD) -> int:
    """Move the single files of a stream into its shards; returns their number. Only one process may do this at a time.

    The number of shards is determined by the first packing. Raises FeatureError for a file that is not an array,
    FileError if the disk is full or read-only; shards written by then are complete.
    """
    loose = sorted(p.name for p in folder.iterdir() if p.suffix in ENDS and not p.name.startswith("."))
    if not loose:
        return 0
    packs = Packs(folder)
    count = packs.count()
    if not count:
        count = max(1, -(-len(loose) // per_shard))
        files.write_json(folder / MARKER, {"shards": count})
    shards: dict[int, list[str]] = {}
    for file in loose:
        shards.setdefault(shard_of(file, count), []).append(file)
    for index, new in sorted(shards.items()):
        path = shard_path(folder, index, count)
        _rewrite(path, packs.index(path), {file: (folder / file) for file in new})
        for file in new:
            (folder / file).unlink(missing_ok=True)
    return len(loose)


def _rewrite(path: Path, old: Mapping[str, tuple[int, int]], new: Mapping[str, Path]) -> None:
    """Write a shard with its old and new files, ordered by name, and replace the old one atomically."""
    with files.whole(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted({*old, *new}):
            content = new[name].read_bytes() if name in new else _bytes(path, *old[name])
            if not content.startswith(b"\x93NUMPY"):
                raise FeatureError(f"{new.get(name, path)}: damaged (not a file of numpy's). Delete it, extract again.")
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)


def _bytes(path: Path, begin: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(length)


def _read_index(path: Path) -> dict[str, tuple[int, int]]:
    members = {}
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for member in archive.infolist():
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename[:60]!r} is compressed")
            file.seek(member.header_offset + 26)
            name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
            begin = member.header_offset + 30 + name + extra
            if begin + member.file_size > size:
                raise ValueError(f"{member.filename[:60]!r} is cut off")
            members[member.filename] = (begin, member.file_size)
    return members


def pack_store(root: Path, encoders: list[str] | None = None, per_shard: int = PER_SHARD) -> dict[str, int]:
    """Pack every stream of a store, or of `encoders` only; returns "encoder/stream" -> number of files moved.

    Raises FeatureError if there is nothing of that name, FileError if another process packs the store.
    """
    cards = sorted(root.glob("*/card.json"))
    if not cards:
        raise FeatureError(f"No features in {str(root)!r}. Give the folder that lookhear extract wrote.")
    known = {card.parent.name: card for card in cards}
    unknown = [name for name in encoders or () if name not in known]
    if unknown:
        raise FeatureError(f"No {unknown[0]} features in {str(root)!r}. There are: {', '.join(known)}.")
    moved = {}
    with files.claim(root / ".claims" / "pack"):
        for name in encoders or known:
            for stream in arrays.read_card(known[name])["streams"]:
                folder = known[name].parent / stream
                if folder.is_dir():
                    moved[f"{name}/{stream}"] = pack(folder, per_shard)
    return moved


def read(place: tuple[Path, int, int], name: str) -> np.ndarray:
    """Read the array at a location from `Packs.find`. Raises FeatureError."""
    path, begin, length = place
    try:
        return arrays.parse(_bytes(path, begin, length))
    except (*DAMAGED, EOFError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:120]
        raise FeatureError(f"{path}: damaged ({reason}). Delete it and run: lookhear extract {name}") from None
