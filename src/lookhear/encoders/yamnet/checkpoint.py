"""The variables of a TensorFlow checkpoint (`variables.index`, `variables.data-00000-of-00001`) without TensorFlow.

The index is a sorted table of blocks. Keys of a block share prefixes; the footer contains the position of the index
block. An entry is a protobuf message: type in field 1, sizes in 2, shard in 3, offset in 4, length in 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lookhear.encoders.yamnet.protobuf import fields as fields_of
from lookhear.encoders.yamnet.protobuf import varint
from lookhear.errors import ModelError

FOOTER = 48  # bytes: two handles, padding, 8 bytes of a magic number
MAGIC = bytes.fromhex("57fb808b247547db")
FLOAT = 1


def variables(index: Path) -> dict[str, np.ndarray]:
    """Name -> array of every float32 variable of the checkpoint whose index file is `index`. Raises ModelError."""
    try:
        table = memoryview(index.read_bytes())
        if bytes(table[-8:]) != MAGIC:
            raise ValueError("it does not end as a checkpoint index does")
        _, at = _handle(table, len(table) - FOOTER)
        (begin, size), _ = _handle(table, at)
        shards: dict[int, bytes] = {}
        arrays: dict[str, np.ndarray] = {}
        for _, handle in _entries(table[begin : begin + size]):
            (begin, size), _ = _handle(handle, 0)
            for key, value in _entries(table[begin : begin + size]):
                if key:
                    array = _variable(value, index, shards)
                    arrays |= {} if array is None else {key.decode(): array}
        return arrays
    except (OSError, ValueError, IndexError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"{str(index)!r} cannot be read as a TensorFlow checkpoint ({reason}).") from None


def _variable(entry: memoryview, index: Path, shards: dict[int, bytes]) -> np.ndarray | None:
    fields = dict(fields_of(entry))
    if fields.get(1) != FLOAT:
        return None
    sizes = [dict(fields_of(size)).get(1, 0) for n, size in fields_of(fields.get(2, memoryview(b""))) if n == 2]
    shard = int(fields.get(3, 0))
    if shard not in shards:
        files = sorted(index.parent.glob(f"{index.stem}.data-{shard:05d}-of-*"))
        if not files:
            raise ValueError(f"its part {shard} is not beside it")
        shards[shard] = files[0].read_bytes()
    begin = int(fields.get(4, 0))
    return np.frombuffer(shards[shard][begin : begin + int(fields[5])], np.float32).reshape(sizes)


def _handle(table: memoryview, at: int) -> tuple[tuple[int, int], int]:
    begin, at = varint(table, at)
    size, at = varint(table, at)
    return (begin, size), at


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """(key, value) of a block: a key stores its shared prefix with the previous key; restart points are at the
    block's end."""
    restarts = int.from_bytes(block[-4:], "little")
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + bytes(block[at : at + own])
        at += own
        yield key, block[at : at + length]
        at += length
