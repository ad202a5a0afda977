"""Standard output on which ids, notes and replies are shown, whatever terminal escapes they hold."""

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
def harmless() -> Iterator[None]:
    """Standard output shows control characters for as long; progress goes to standard error and may move the cursor."""
    plain = sys.stdout
    if not isinstance(plain, io.TextIOWrapper):  # a notebook, or a caller that gathers what is printed
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
