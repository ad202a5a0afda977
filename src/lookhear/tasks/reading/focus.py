"""Of equally plain mentions, the one whose clause repeats what was asked.

Where is the loudest instrument?     The loudest instrument is on the right; the left one is quiet.   right
What is on the left of the cello?    On the left of the cello is a flute, on its right a tuba.        flute
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lookhear.tasks.reading import claims
from lookhear.tasks.reading.claims import AMBIGUOUS, LEFT, PASSING, PLAIN, Mention, Reading
from lookhear.tasks.reading.content import content
from lookhear.tasks.reading.patterns import FOLLOWS

CLAUSE = re.compile(
    r"[,;:—]|[.!?](?=\s|$)|\n|\b(?:but|while|whereas|although)\b|"
    r"\band (?=(?:the|it|its|his|her|an?) (?:\w+ ){1,4}?(?:is|are|was|plays?|sounds?|starts?|comes?)\b)"
)
VERB = re.compile(
    r"^(?: (?:player|one|side|instrument))? (?:is|are|was|were|has|can|does|do|plays?|played|starts?|began|begins?|"
    r"comes?|"
    r"makes?|sounds?|produces?|enters?|stands?|sits?|joins?|stops?|remains?|appears?|seems?)\b"
)
OPPOSITE = tuple(
    (re.compile(rf"\b(?:{asked})\b"), re.compile(rf"\b(?:{other})\b"))
    for asked, other in (
        ("first|earliest|begins?|starts? (?:to )?(?:sound|play)", "after|later|second|last"),
        ("last|latest|final(?:ly)?", "before|earlier|first"),
        ("loud|louder|loudest", "quiet(?:er|est)?|soft(?:er|est)?|less loud|fainter|faintest"),
        ("quiet|quieter|quietest|soft|softer|softest", "loud(?:er|est)?"),
        ("sounds?|sounding|plays?|playing|heard|audible", "silent|mute|muted|inaudible|unheard"),
        ("high|higher|highest", "low(?:er|est)?"),
        ("low|lower|lowest", "high(?:er|est)?"),
        ("after|following|follows", "before|prior to|precedes?"),
        ("before|prior to|precedes?", "after|following|follows"),
        ("long|longer|longest", "short(?:er|est)?"),
        ("short|shorter|shortest", "long(?:er|est)?"),
    )
)
FIRST = re.compile(r"\b(?:first|earliest)\b")
ASKING = frozenset(
    ["what", "which", "who", "whose", "where", "when", "why", "how", "name", "identify", "tell", "please"]
)


def claimed(text: str, mentions: Sequence[Mention], question: str) -> Reading:
    """The claimed value (`claims.claimed`); of several that are equally plain, the one in the clause asked for."""
    reading = claims.claimed(text, mentions)
    if reading.why != AMBIGUOUS:
        return reading
    wanted = content(question.lower()) - ASKING
    if not wanted:
        return reading
    edges = [0, *(m.end() for m in CLAUSE.finditer(text)), len(text)]
    held = set()
    for mention in claims.standing(text, mentions):
        if mention.strength < PLAIN:
            continue
        start = max(edge for edge in edges if edge <= mention.start)
        end = min(edge for edge in edges if edge >= mention.end)
        if wanted <= content(text[start:end]):
            held.add(mention.value)
    value = held.pop() if len(held) == 1 else None
    return reading if value is None else Reading(value)


def compared(text: str, mentions: Sequence[Mention], question: str) -> list[Mention]:
    """Mentions of what is said to be the opposite of what was asked for are in passing: "the left one starts later"."""
    asked = question.lower()
    wanted = content(asked) - ASKING
    against = [(word, other) for word, other in OPPOSITE if word.search(asked) and not other.search(asked)]
    sequence = FIRST.search(asked) is not None
    edges = [*(m.end() for m in CLAUSE.finditer(text)), len(text)]
    some = []
    for mention in mentions:
        rest = text[mention.end : min(edge for edge in edges if edge >= mention.end)]
        opposite = any(other.search(rest) and not word.search(rest) for word, other in against) or (
            sequence and FOLLOWS.search(text[max(0, mention.start - LEFT) : mention.start]) is not None
        )
        if opposite and not mention.fixed:
            mention = replace(mention, strength=PASSING, fixed=True)
        elif wanted and VERB.match(rest) and not wanted <= content(rest):  # "The drum is large", asked what sounds
            mention = replace(mention, heads=False)
        some.append(mention)
    return some
