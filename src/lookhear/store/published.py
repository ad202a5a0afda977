"""Reader of published feature files: a folder, a zip or a tar of .npy files, or an HDF5 file.

folder/00000093.npy       one array per clip; memory-mapped
features.zip, .npz, .tar  the same inside one file; memory-mapped if the archive is not compressed
features.h5               one data set per clip, or `ids` beside a table (clip, …)

The name of an array, without its folder and `.npy`, is the id of its clip (or, for texts, of its question).
"""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from lookhear.errors import FeatureError, not_installed

H5 = (".h5", ".hdf5")
ZIP = (".zip", ".npz")
BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, tarfile.TarError)  # exceptions of damaged files


@dataclass(frozen=True)
class Published:
    """Mapping from clip id to array. `path` is a folder or a file; `table` selects a dataset of an HDF5 file."""

    path: Path
    table: str = ""
    _own: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)  # open files of this process

    @cached_property
    def where(self) -> dict[str, Any]:
        """Id -> location of its array. Raises FeatureError if there are no arrays."""
        entries = self._index()
        twice = [name for name, count in Counter(name for name, _ in entries).items() if count > 1]
        if twice:
            raise FeatureError(f"{str(self.path)!r} has {twice[0]!r} more than once. Give the one folder that counts.")
        if not entries:
            raise FeatureError(f"No .npy files in {str(self.path)!r}. {self._hint()}")
        return dict(entries)

    @classmethod
    def at(cls, text: Path | str) -> Published:
        """The features at a path; `FILE.h5:NAME` selects a dataset or group of an HDF5 file."""
        path = Path(text)
        name, colon, table = path.name.rpartition(":")
        if colon and Path(name).suffix.lower() in H5 and not path.exists():
            return cls(path.parent / name, table)
        return cls(path)

    def __reduce__(self) -> tuple[Any, ...]:  # without open files
        return Published, (self.path, self.table)

    def __iter__(self) -> Iterator[str]:
        return iter(self.where)

    def __len__(self) -> int:
        return len(self.where)

    def __contains__(self, name: object) -> bool:
        return name in self.where

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of one clip. Raises FeatureError with the file name if it cannot be read."""
        try:
            return self._read(self.where[name])
        except BROKEN as error:
            reason = " ".join(str(error).split())[:120]
            raise FeatureError(f"{self.path}: {name!r} is not readable as features ({reason}).") from None

    def _index(self) -> list[tuple[str, Any]]:
        kind = self.path.suffix.lower()
        if self.path.is_dir():
            files = sorted(f.name for f in self.path.iterdir() if f.suffix == ".npy" and not f.name.startswith("."))
            return [(_id(f), f) for f in files]
        if not self.path.is_file():
            raise FeatureError(f"No features at {str(self.path)!r}. Give a folder of .npy, an .h5, a .zip or a .tar.")
        try:
            if kind in H5:
                return self._h5_index()
            if kind in ZIP:
                return [(_id(m.filename), m) for m in self._zip.infolist() if m.filename.endswith(".npy")]
            if tarfile.is_tarfile(self.path):
                return self._tar_index()
        except BROKEN as error:
            raise FeatureError(f"{self.path}: not readable ({' '.join(str(error).split())[:120]}).") from None
        raise FeatureError(f"{str(self.path)!r} is no .h5, .zip or .tar. Give one of these, or a folder of .npy files.")

    def _read(self, place: Any) -> np.ndarray:
        if isinstance(place, str):
            return np.load(self.path / place, mmap_mode="r", allow_pickle=False)
        if isinstance(place, zipfile.ZipInfo):
            if place.compress_type == zipfile.ZIP_STORED:
                return _mapped(self.path, _zip_start(self.path, place), place.file_size)
            return np.load(io.BytesIO(self._zip.read(place)), allow_pickle=False)
        table, row = place
        if table is None:  # a tar: where the member's bytes begin, and how many they are
            return _mapped(self.path, *row)
        data = self._h5[table]
        return np.asarray(data[()] if row is None else data[row])

    def _opened(self, how: Callable[[], Any]) -> Any:
        """A file that stays open, one per process, because forked processes share file positions."""
        if self._own.get("process") != os.getpid():
            self._own.update(process=os.getpid(), file=how())
        return self._own["file"]

    @property
    def _zip(self) -> zipfile.ZipFile:
        return self._opened(lambda: zipfile.ZipFile(self.path))

    @property
    def _h5(self) -> Any:
        try:
            import h5py
        except ImportError as error:
            raise not_installed(error, f"Reading {str(self.path)!r}") from None
        return self._opened(lambda: h5py.File(self.path, "r"))

    def _tar_index(self) -> list[tuple[str, Any]]:
        if _compressed(self.path):
            raise FeatureError(
                f"{str(self.path)!r} is compressed: no array in it can be read alone. Unpack it: tar -xf"
            )
        with tarfile.open(self.path) as archive:
            members = [m for m in archive.getmembers() if m.isfile() and m.name.endswith(".npy")]
        return [(_id(m.name), (None, (m.offset_data, m.size))) for m in members]

    def _h5_index(self) -> list[tuple[str, Any]]:
        import h5py

        shapes: dict[str, tuple[int, ...]] = {}
        self._h5.visititems(lambda n, t: shapes.update({n: t.shape}) if isinstance(t, h5py.Dataset) else None)
        if "ids" not in shapes:  # one data set per clip, perhaps in groups
            return [(_id(name), (name, None)) for name in shapes if name.startswith(self.table)]
        long = [n for n, shape in shapes.items() if n != "ids" and shape and shape[0] == shapes["ids"][0]]
        if self.table not in long and (self.table or len(long) != 1):
            some = ", ".join(long) or "no features"
            raise FeatureError(f"{str(self.path)!r} holds {some}. Choose one: FILE.h5:{long[0] if long else 'NAME'}.")
        ids = self._h5["ids"][()].reshape(-1).tolist()
        named = [i.decode() if isinstance(i, bytes) else str(i) for i in ids]
        return [(name, (self.table or long[0], row)) for row, name in enumerate(named)]

    def _hint(self) -> str:
        below = sorted({f.parent.relative_to(self.path).as_posix() for f in self.path.rglob("*.npy")})
        if below:
            return f"They are in {', '.join(below[:4])}{' …' if len(below) > 4 else ''}: give one of these."
        return "Give the folder that holds them, or an .h5, a .zip or a .tar of them."


def _id(name: str) -> str:
    return unquote(PurePosixPath(name).name.removesuffix(".npy"))


def _mapped(path: Path, start: int, size: int) -> np.ndarray:
    """Memory-map the .npy data at offset `start` of a larger file."""
    with path.open("rb") as file:
        file.seek(start)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        begins = file.tell()
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are not read")
        if begins + int(np.prod(shape)) * dtype.itemsize > start + size:
            raise ValueError(f"it is cut off: {size} bytes do not hold an array of shape {shape}")
    return np.memmap(path, dtype, "r", begins, shape, "F" if fortran else "C")


def _zip_start(path: Path, member: zipfile.ZipInfo) -> int:
    """Offset of the data of an uncompressed zip member, after its local header."""
    with path.open("rb") as file:
        file.seek(member.header_offset + 26)
        name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
    return member.header_offset + 30 + name + extra


def _compressed(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(6)
    return head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"))
