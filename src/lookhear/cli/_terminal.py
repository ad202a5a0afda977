"""Standard output with control characters escaped, so that ids, notes and replies cannot send terminal escapes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lookhear.errors import shown


class _Shown(io.TextIOWrapper):
    def write(self, text: str) -> int:
        super().write(shown(text))
        return len(text)


@contextmanager
def escaped_output() -> Iterator[None]:
    """Context manager: escape control characters on standard output. Standard error (progress bars) is untouched."""
    plain = sys.stdout
    if not isinstance(plain, io.TextIOWrapper):  # a notebook, or a caller that captures the output
        yield
        return
    plain.flush()
    sys.stdout = _Shown(plain.buffer, plain.encoding, "backslashreplace", line_buffering=plain.isatty())
    try:
        yield
    finally:
        out, sys.stdout = sys.stdout, plain
        try:
            out.flush()
        finally:
            out.detach()
