"""Read and validate feature arrays and cards."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from lookhear import files
from lookhear.errors import FeatureError, FileError

LARGEST = float(np.finfo(np.float32).max)  # networks compute in float32
AXES = {
    "pixels": 4,
    "spectrogram": 3,
    "waveform": 2,
    "audio": 2,
    "frames": 2,
    "patches": 3,
    "question": 1,
    "words": 2,
}  # stream -> number of axes
READS = ("frames", "waveform", "text")


def read(path: Path, name: str) -> np.ndarray:
    """The array in an .npy file of encoder `name`, in this machine's byte order. Raises FeatureError, one line."""
    try:
        with path.open("rb") as file:
            if not file.read(6).startswith(b"\x93NUMPY"):
                raise ValueError("not a file of numpy's")
        found = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: a false shape takes no memory
        if found.dtype.kind not in "fiub":
            raise ValueError(f"it holds {found.dtype}, not numbers")
        return np.array(found, dtype=found.dtype.newbyteorder("="))
    except (OSError, ValueError, EOFError, BadZipFile, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:120]
        raise FeatureError(f"{path}: damaged ({reason}). Delete it and run: lookhear extract {name}") from None


def parse(content: bytes) -> np.ndarray:
    """Parse the bytes of an .npy file, in this machine's byte order. Raises ValueError and similar errors."""
    if not content.startswith(b"\x93NUMPY"):
        raise ValueError("not a file of numpy's")
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(file)
    if dtype.kind not in "fiub":
        raise ValueError(f"it holds {dtype}, not numbers")
    count = math.prod(shape)
    if file.tell() + count * dtype.itemsize > len(content):
        raise ValueError(f"it is cut off: {len(content)} bytes do not hold an array of shape {shape}")
    found = np.frombuffer(content, dtype, count, file.tell()).reshape(shape, order="F" if fortran else "C")
    return np.array(found, dtype=dtype.newbyteorder("="))


def check(name: str, key: str, arrays: Mapping[str, np.ndarray], widths: Mapping[str, int]) -> None:
    """Refuse streams that are missing, empty, of another width, or not finite in float32. Raises FeatureError."""
    if set(arrays) != set(widths):
        raise FeatureError(f"{name} gave {sorted(arrays)} for {key!r} where it declares {sorted(widths)}.")
    for stream, array in arrays.items():
        again = f"Delete it and run: lookhear extract {name}"
        if not array.ndim or not array.size:
            raise FeatureError(f"{name} {stream} of {key!r} has shape {array.shape}: nothing is in it. {again}")
        if stream == "tokens" and array.dtype.kind != "f":
            continue
        if array.dtype.kind != "f" and not (stream == "pixels" and array.dtype == np.uint8):
            raise FeatureError(f"{name} {stream} of {key!r} holds {array.dtype}, not floats. {again}")
        if array.ndim != AXES.get(stream, array.ndim):
            raise FeatureError(
                f"{name} {stream} of {key!r} has shape {array.shape}, where {AXES[stream]} axes are wanted. {again}"
            )
        if array.shape[-1] != widths[stream]:
            raise FeatureError(
                f"{name} {stream} of {key!r} has shape {array.shape}, expected width {widths[stream]}. {again}"
            )
        bad = ~np.isfinite(array) if array.dtype.itemsize <= 4 else ~(np.abs(array) <= LARGEST)
        if bad.any():
            raise FeatureError(
                f"{name} {stream} of {key!r} has {int(bad.sum())} values that are NaN or infinite of {array.size}. "
                f"{again}"
            )


def read_card(path: Path) -> dict[str, Any]:
    """The signature in a card.json. Raises FeatureError if it is not a card."""
    try:
        card = files.read_json(path, dict)
        check_card(card)
    except (FileError, FeatureError) as error:
        raise FeatureError(f"{path}: not readable ({error}). Delete the folder and extract again.") from None
    return card


def check_card(card: Any) -> None:
    """Check that a mapping is a signature of features. Raises FeatureError with the reason."""
    streams, reads = (card.get("streams"), card.get("reads")) if isinstance(card, dict) else (None, None)
    if not isinstance(streams, dict) or not all(isinstance(width, int) and width > 0 for width in streams.values()):
        raise FeatureError(f"its streams are {str(streams)[:60]}, not names with widths")
    if not streams or not isinstance(card.get("encoder"), str):
        raise FeatureError("it names no encoder or no stream")
    if not all(one in READS for one in (reads.values() if isinstance(reads, dict) else [reads])):
        raise FeatureError(f"what it reads is {str(reads)[:60]}, none of {', '.join(READS)}")
