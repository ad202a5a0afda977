"""Read the weights of an ONNX file by name, without the ONNX library; only tensors are read, no graph is run.

An ONNX file is a protobuf message. Field 7 of the model is the graph, field 5 of the graph its tensors. A tensor has
its sizes in field 1, its type in field 2 and its name in field 8. Its bytes are in field 9 or in an external file that
field 13 names. The file may be inside a zip.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from lookhear.encoders.yamnet import protobuf
from lookhear.encoders.yamnet.protobuf import Message
from lookhear.errors import ModelError

TYPES: dict[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    10: np.float16,
    11: np.float64,
}
LISTS = {1: 4, 6: 5, 7: 7, 11: 10}  # type -> the field with the tensor's numbers, if they are not stored as bytes


def tensors(path: Path) -> dict[str, np.ndarray]:
    """Name -> array of every tensor in the ONNX file at `path`, or in the zip there. Raises ModelError."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                name = next(n for n in packed.namelist() if n.endswith(".onnx"))
                return _read(packed.read(name), lambda file: packed.read(str(PurePosixPath(name).parent / file)))
        return _read(path.read_bytes(), lambda file: (path.parent / _inside(file)).read_bytes())
    except (OSError, ValueError, IndexError, KeyError, StopIteration, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"{str(path)!r} cannot be read as ONNX ({type(error).__name__} {reason}).") from None


def _inside(file: str) -> str:
    if PurePosixPath(file).name != file:
        raise ValueError(f"data file {file!r} is not beside the model")
    return file


def _read(model: bytes, beside: Callable[[str], bytes]) -> dict[str, np.ndarray]:
    opened: dict[str, bytes] = {}
    arrays = {}
    for graph in protobuf.each(memoryview(model), 7):
        for tensor in protobuf.each(graph, 5):
            name, array = _tensor(tensor, beside, opened)
            arrays[name] = array
    if not arrays:
        raise ValueError("it holds no tensors")
    return arrays


def _tensor(tensor: Message, beside: Callable[[str], bytes], opened: dict[str, bytes]) -> tuple[str, np.ndarray]:
    fields = list(protobuf.fields(tensor))
    sizes = [size for n, value in fields if n == 1 for size in protobuf.integers(value)]
    code = next((v for n, v in fields if n == 2), 0)
    name = next((bytes(v).decode() for n, v in fields if n == 8), "")
    kind = TYPES.get(code)
    if kind is None:
        raise ValueError(f"tensor {name!r} is of type {code}, which is not read")
    raw: bytes | Message | None = next((v for n, v in fields if n == 9 and not isinstance(v, int)), None)
    where = dict(_pair(v) for n, v in fields if n == 13)
    if where:
        file = where["location"]
        if file not in opened:
            opened[file] = beside(file)
        begin = int(where.get("offset", 0))
        raw = opened[file][begin : begin + int(where["length"])] if "length" in where else opened[file][begin:]
    if raw is None:
        return name, np.array(list(_listed(fields, LISTS.get(code, 5), kind)), kind).reshape(sizes)
    return name, np.frombuffer(raw, kind).reshape(sizes)


def _listed(fields: list, number: int, kind: type) -> Iterator[float]:
    """The numbers of a tensor that stores them as a list or packed instead of as bytes."""
    for n, value in fields:
        if n == number:
            if number in (4, 10):
                yield from np.frombuffer(value, kind)
            else:
                yield from protobuf.integers(value)


def _pair(entry: Message) -> tuple[str, str]:
    found = {n: bytes(v).decode() for n, v in protobuf.fields(entry)}
    return found[1], found[2]
