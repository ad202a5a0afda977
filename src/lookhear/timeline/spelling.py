"""Correct misspelt words of a question that are one typing error away from a word of the tables.

"do you hear a vioiln" ─▶ "do you hear a violin"

An error is a missing, additional, changed or transposed letter; words of eight letters or more may have two. Words that
are a single token of `wordllama` or Whisper are spelt correctly and stay (a trunk is not a truck); so does quoted text.
If one of the two packages is not installed, nothing is corrected.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lookhear.encoders.speech import beginnings
from lookhear.timeline import vectors, wording
from lookhear.timeline.concepts import singular, table
from lookhear.timeline.phrases import lists

SHORTEST, LONG = 5, 8  # fewest letters of a corrected word, and of one with two errors
MORE = (
    "anything anyone instrument instruments playing played hearing sounding speaking someone somebody video picture "
    "moment seconds silence"
)


def mended(text: str) -> str:
    """The text with corrected spelling."""
    if not vectors.is_installed() or not _common():
        return text
    parts = re.split(r"([\"“‘][^\"“‘”’]*[\"”’])", text)
    return "".join(part if i % 2 else re.sub(r"[a-z]{5,}", lambda m: _word(m[0]), part) for i, part in enumerate(parts))


@lru_cache(maxsize=4096)
def _word(word: str) -> str:
    if word in _known() or singular(word) in _known() or any(form in _known() for form in wording.variants(word)):
        return word
    if {word, singular(word)} & _common() or vectors.whole(word) or vectors.whole(singular(word)):
        return word
    most = 1 if len(word) < LONG else 2
    near = [(d, k) for k in _known() if k[0] == word[0] and (d := spelling_distance(word, k, most)) <= most]
    return min(near)[1] if near else word


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    return beginnings()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    words = {w for phrase in table() for w in phrase.split()} | set().union(*lists().values()) | set(MORE.split())
    return frozenset(w for w in words if len(w) >= SHORTEST and w.isascii() and w.isalpha())


def spelling_distance(word: str, other: str, most: int) -> int:
    """Number of errors between two words (optimal string alignment distance); `most` + 1 if there are more."""
    if abs(len(word) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(word, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and word[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return min(row[-1], most + 1)
