"""Decide whether a reply that contains a refusal still commits to an option."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lookhear.tasks.reading.claims import (
    Mention,
    claimed,
)

REFUSES = re.compile(
    r"\b(?:i|we)(?:'m| am| are)?(?: sorry,?)?(?: but)?,? ?(?:i )?(?:cannot|can't|can not|could not|couldn't|"
    r"unable to|not able to|don't have|do not have|am unable|was unable)"
    r"|\b(?:cannot|can't|impossible to|unable to) (?:\w+ )?(?:answer|determine|choose|select|provide|view|hear|"
    r"analy[sz]e|see|tell|identify|decide|be (?:determined|answered|played))"
    r"|\bi(?:'m| am) sorry\b|\bapologi[sz]e|^\W*apologies|\bas an ai\b|\blanguage model\b|^error\b|\berror[_: ]"
)
FUNCTION = frozenset(
    [
        "is",
        "are",
        "was",
        "it",
        "its",
        "this",
        "that",
        "there",
        "in",
        "on",
        "at",
        "of",
        "to",
        "and",
        "or",
        "with",
        "for",
        "by",
        "i",
        "we",
        "you",
        "the",
        "because",
        "if",
        "so",
        "video",
        "audio",
    ]
)
NEGATIONS = frozenset(["not", "no", "never", "none", "neither", "nor", "without", "isn", "doesn", "don", "can"])


def refuses(soft: str, mentions: Sequence[Mention]) -> bool:
    """Whether a statement refuses to answer, outside its mentions ("Cannot be determined" may be an option)."""
    for mention in mentions:
        soft = soft[: mention.start] + " " * (mention.end - mention.start) + soft[mention.end :]
    return REFUSES.search(soft) is not None


def firmness(soft: str, mentions: Sequence[Mention], value: int | str | None) -> bool:
    """Whether the value is claimed explicitly, and not only mentioned at the head of a refusal."""
    claim = claimed(soft, [m for m in mentions if m.value == value and m.start > 0])
    return (
        claim.value == value
        and REFUSES.search(soft) is not None
        and any(
            m.value == value
            and re.search(
                r"(?:answer|guess|say|choose|pick|go with|would be|option|so|best|must|think)\b[^.\n]*$",
                soft[max(0, m.start - 60) : m.start],
            )
            for m in mentions
        )
    )
