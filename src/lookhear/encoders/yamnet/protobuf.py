"""Schema-free parser of protobuf messages, the format of ONNX files and TensorFlow checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

Message = memoryview


def each(message: Message, number: int) -> Iterator[Message]:
    """The values of all fields with this number that hold bytes: texts, messages and packed numbers."""
    return (value for n, value in fields(message) if n == number and not isinstance(value, int))


def integers(value: int | Message) -> Iterator[int]:
    """One integer, or a packed list of them."""
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        integer, at = varint(value, at)
        yield integer


def fields(message: Message) -> Iterator[tuple[int, int | Message]]:
    """(number, value) of each field of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = varint(message, at)
            yield number, value
            continue
        if wire == 2:
            length, at = varint(message, at)
        else:
            length = {1: 8, 5: 4}[wire]
        if at + length > len(message):
            raise ValueError("it is cut short")
        yield number, message[at : at + length]
        at += length


def varint(message: Message, at: int) -> tuple[int, int]:
    """Decode a varint; returns the integer and the offset after it."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
