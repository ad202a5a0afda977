"""Read request bodies with limits on size, speed and memory, and parse strict JSON."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import python_multipart
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from lookhear.serve.refusals import Refusal, bad, too_large
from lookhear.serve.settings import MB, Limits

SMALL = 1_000_000  # bytes of a body without media
T = TypeVar("T", bound=BaseModel)


class Budget:
    """Total memory of all request bodies held at one time."""

    def __init__(self, size: int):
        self.left = size

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Context manager that reserves `size` bytes. Raises Refusal if fewer are left."""
        if size > self.left:
            raise Refusal(503, "busy", "Too many bytes are being uploaded at once. Try again.", retry=2)
        self.left -= size
        try:
            yield
        finally:
            self.left += size


async def pieces(request: Request, limits: Limits, most: int) -> AsyncIterator[bytes]:
    """Iterate over the body in pieces. Raises Refusal if it is too large or arrives too slowly."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most:
        raise too_large("body", f"{most / MB:g} MB")
    size, began = 0, time.monotonic()
    stream = request.stream()
    try:
        while True:
            async with asyncio.timeout(limits.idle_seconds):
                piece = await anext(stream, None)
            if piece is None:
                return
            size += len(piece)
            if size > most:
                raise too_large("body", f"{most / MB:g} MB")
            late = time.monotonic() - began - limits.idle_seconds
            if late > 0 and size < late * limits.slowest:
                raise TimeoutError
            yield piece
    except TimeoutError:
        raise Refusal(408, "too_slow", "The body is sent too slowly.") from None
    except ClientDisconnect:
        raise Refusal(400, "incomplete_body", "The connection ended before the body did.") from None


@asynccontextmanager
async def received(request: Request, shape: type[T], limits: Limits, budget: Budget, most: int) -> AsyncIterator[T]:
    """Context manager: the body parsed as `shape`. Its memory is counted until the `with` block ends, so do not keep
    its media longer than that.

    Raises Refusal.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # this also keeps other web pages from posting here without a CORS request
        raise Refusal(415, "unsupported_media_type", "Send the body as application/json.")
    told = request.headers.get("content-length", "")
    async with budget.hold(min(int(told) if told.isdigit() else most, most)):
        raw = b"".join([piece async for piece in pieces(request, limits, most)])
        yield parsed(raw, shape) if len(raw) < SMALL else await asyncio.to_thread(parsed, raw, shape)


async def read_json(request: Request, shape: type[T], limits: Limits, budget: Budget) -> T:
    """A body without media, parsed as `shape`. Raises Refusal."""
    async with received(request, shape, limits, budget, SMALL) as body:
        return body


def parsed(raw: bytes, shape: type[T]) -> T:
    """Parse JSON text as `shape`. Raises Refusal."""
    try:
        values = json.loads(raw, parse_constant=_no_constant)
    except RecursionError:
        raise bad("invalid_json", "The body is nested too deeply.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise bad("invalid_json", f"The body is not valid JSON ({str(error)[:100]}).") from None
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:100]
        raise bad("invalid_value", f"{where or 'body'}: {first['msg'][:200]}", where or None) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


async def upload(request: Request, limits: Limits) -> tuple[str, AsyncIterator[bytes]]:
    """(file name, bytes) of an upload: the part `file` of a form, or the whole body with ?name=… Raises Refusal."""
    kind, options = python_multipart.multipart.parse_options_header(request.headers.get("content-type", ""))
    body = pieces(request, limits, limits.file_bytes + SMALL)
    if kind != b"multipart/form-data":
        return request.query_params.get("name", "file"), body
    boundary = options.get(b"boundary")
    if not boundary:
        raise bad("invalid_form", "The form has no boundary.")
    form = _Form(boundary)
    inside = form.file(body)
    first = await anext(inside, None)
    if first is None:
        raise bad("missing_file", "The form has no part called 'file'.", "file")

    async def rest() -> AsyncIterator[bytes]:
        yield first
        async for piece in inside:
            yield piece

    return form.name, rest()


class _Form:
    """Incremental parser for the part `file` of a multipart form."""

    def __init__(self, boundary: bytes):
        self.name, self.found, self.over, self.data = "file", False, False, bytearray()
        self._field, self._value, self._in = b"", b"", False
        self._headers: dict[bytes, bytes] = {}
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._header,
            "on_headers_finished": self._headers_done,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._over,
        }
        self.parser = python_multipart.MultipartParser(boundary, callbacks)  # type: ignore[arg-type]

    def _begin(self) -> None:
        self._headers = {}

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_done(self) -> None:
        _, options = python_multipart.multipart.parse_options_header(self._headers.get(b"content-disposition", b""))
        self._in = options.get(b"name") == b"file" and not self.found
        if self._in:
            self.found = True
            self.name = options.get(b"filename", b"file").decode("utf-8", "replace")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._in:
            self.data += data[start:end]

    def _end(self) -> None:
        self._in = False

    def _over(self) -> None:
        self.over = True

    async def file(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file's bytes. Raises Refusal if the form is malformed."""
        try:
            async for piece in body:
                self.parser.write(piece)
                if self.data:
                    yield bytes(self.data)
                    self.data.clear()
            if self.found and not self.over:
                raise bad("invalid_form", "The form ends before its file does.")
        except python_multipart.exceptions.FormParserError:
            raise bad("invalid_form", "The form is damaged.") from None
        if self.found:
            yield b""
