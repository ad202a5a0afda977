"""What a rule says about a reply."""

from __future__ import annotations

from dataclasses import dataclass

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Verdict:
    """The answer that a rule reads, whether it is correct, and whether the reply counts at all."""

    read: str | None
    correct: bool
    counted: bool = True
