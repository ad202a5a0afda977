"""Content words of a question or a statement: "Is there a violin in the video?" is about violins."""

from __future__ import annotations

import re

AUX = re.compile(r"^\s*(?:is|are|was|were|does|do|did|can|could|has|have|will|would)\b")
EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "do",
        "does",
        "did",
        "has",
        "have",
        "had",
        "it",
        "its",
        "this",
        "that",
        "there",
        "these",
        "those",
        "in",
        "on",
        "at",
        "of",
        "to",
        "from",
        "by",
        "and",
        "or",
        "any",
        "some",
        "video",
        "audio",
        "clip",
        "sound",
        "sounds",
        "sounding",
        "making",
        "make",
        "makes",
        "instrument",
        "instruments",
        "entire",
        "whole",
        "playing",
        "play",
        "plays",
        "played",
        "heard",
        "hear",
        "seen",
        "see",
        "visible",
        "audible",
        "music",
        "musical",
        "can",
        "could",
        "will",
        "would",
        "very",
        "really",
        "just",
        "also",
        "still",
        "here",
        "both",
        "two",
        "during",
        "throughout",
        "scene",
        "screen",
        "track",
        "one",
        "ones",
        "present",
        "exist",
        "exists",
    ]
)
WORD = re.compile(r"[^\W_]+")


def ordered(text: str) -> list[str]:
    """The content words of a lower-case text, in order, without plural endings."""
    return [stem(w) for w in WORD.findall(text) if w not in EMPTY and not AUX.match(w)]


def content(text: str) -> set[str]:
    """The set of content words."""
    return set(ordered(text))


def stem(word: str) -> str:
    """A word without a plural ending."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
