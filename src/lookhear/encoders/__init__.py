"""Frozen encoders, one per file: from frames, waveforms or texts to feature tensors by stream name.

A text encoder with one row per token may define `pieces(config)`: a function from a text to the text of each row, for
evidence in words. A piece that continues a word begins with `##`; a token that is no word is in brackets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from lookhear.media.sampling import Sampling


@runtime_checkable
class Encoder(Protocol):
    """What `build` of an encoder's module returns. Subclasses have the defaults of `sampling` and `reach`."""

    reads: str
    """what it takes: `frames`, `waveform` or `text`"""
    streams: Mapping[str, int]
    """stream name -> width; for tokens, the number of different tokens"""
    sampling: Sampling | None = None
    """how media are decoded for it; None for texts"""
    reach: int | None = None
    """seconds around a row that the row depends on; None: the whole clip"""

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights, version and settings."""
        ...

    def __call__(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Streams of each item, a `Media` or a text."""
        ...
