"""Find names in a statement, ignoring case, punctuation, underscores, articles and plural endings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from lookhear.tasks.reading.claims import Mention

WORD = re.compile(r"[^\W_]+")
ARTICLES = frozenset(("a", "an", "the"))
UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Words:
    """The words of a text with their offsets, without articles and with small numbers spelled out."""

    def __init__(self, text: str):
        found = [m for m in WORD.finditer(text) if m[0] not in ARTICLES]
        self.words = [_plain(m[0]) for m in found]
        self.places = [m.span() for m in found]
        self._at: dict[str, list[int]] = {}
        for i, word in enumerate(self.words):
            self._at.setdefault(word, []).append(i)

    def spans(self, known: Mapping[int, str] | Mapping[str, Sequence[str]]) -> list[tuple[int, int, int | str]]:
        """(start, end, key) of each occurrence of a name in `known` (a text, or several synonyms).

        Of two overlapping occurrences the longer is kept.
        """
        matches: list[tuple[int, int, int | str]] = []
        for key, ways in known.items():
            for way in (ways,) if isinstance(ways, str) else ways:
                wanted = _words(way)
                if not wanted:
                    continue
                for i in self._at.get(wanted[0], ()):
                    if len(wanted) == 1 or self.words[i : i + len(wanted)] == list(wanted):
                        matches.append((i, i + len(wanted), key))
        matches.sort(key=lambda f: (f[0] - f[1], f[0]))
        taken = [False] * len(self.words)
        kept = []
        for start, end, key in matches:
            if not any(taken[start:end]):
                taken[start:end] = [True] * (end - start)
                kept.append((self.places[start][0], self.places[end - 1][1], key))
        return sorted(kept)

    def holds(self, some: Sequence[str]) -> bool:
        """Whether the words `some` occur contiguously in the text."""
        some = list(some)
        return any(self.words[i : i + len(some)] == some for i in self._at.get(some[0], ()))


@cache
def _words(text: str) -> tuple[str, ...]:
    return tuple(Words(text.lower()).words)


@lru_cache(maxsize=4096)
def _plain(word: str) -> str:
    if word.isascii() and word.isdigit():
        digits = word.lstrip("0") or "0"
        return UNITS[int(digits)] if len(digits) < 3 and int(digits) <= 10 else digits
    return word


def echoes(text: str, question: str, mention: Mention) -> bool:
    """Whether a mention is part of a verbatim repetition of the question."""
    return any(start <= mention.start and mention.end <= end for start, end in _repetitions(text, question))


@lru_cache(maxsize=4)
def _repetitions(text: str, question: str) -> tuple[tuple[int, int], ...]:
    """The offsets at which a text repeats the question."""
    asked = " ".join(question.lower().split()).rstrip(" ?？.")
    if len(asked) < 12:
        return ()
    return tuple((m.start(), m.end()) for m in re.finditer(re.escape(asked), text))
