"""Of several plain mentions, choose the one whose clause repeats the question.

Where is the loudest instrument?     The loudest instrument is on the right; the left one is quiet.   right
What is on the left of the cello?    On the left of the cello is a flute, on its right a tuba.        flute
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lookhear.tasks.reading import claims
from lookhear.tasks.reading.claims import AMBIGUOUS, LEFT, PASSING, PLAIN, STATED, Mention, Reading
from lookhear.tasks.reading.content import content
from lookhear.tasks.reading.patterns import FOLLOWS

CLAUSE = re.compile(
    r"[,;:—]|[.!?](?=\s|$)|\n|\b(?:but|while|whereas|although)\b|"
    r"\band (?=(?:the|it|its|his|her|an?) (?:\w+ ){1,4}?(?:is|are|was|plays?|sounds?|starts?|comes?|"
    r"during|from|at|between|on)\b)"
)
VERB = re.compile(
    r"^(?: (?:player|one|side|instrument))? (?:happens?|occurs?|is|are|was|were|has|can|does|do|plays?|played|"
    r"starts?|began|begins?|"
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
BARE = re.compile(  # what follows a name that is itself the answer, not the subject of a sentence
    r"^(?: (?:player|one|side|hand side|instrument|sound))?(?:\W*$|\W*[^\w\s]|\s+(?:because|since|as|and|or|not|but|"
    r"rather|instead|on|at|in|with|from|of|for|to|that|which|who|i|though|although|while|too|probably|maybe|perhaps|"
    r"likely|then)\b)"
)
INVERSE = (
    (re.compile(r"\bbefore\b"), re.compile(r"\b(?:after|follows|following)(?: the| an?)?\s*$")),
    (re.compile(r"\bafter\b"), re.compile(r"\b(?:before|precedes|preceding)(?: the| an?)?\s*$")),
)
CHANGES = re.compile(r"\b(?:later|afterwards|moves?|moved|switch\w*|changes?|in the end|at the end)\b")
FIRST = re.compile(r"\b(?:first|earliest)\b")
ASKING = frozenset(
    ["what", "which", "who", "whose", "where", "when", "why", "how", "name", "identify", "tell", "please"]
)


def claimed(text: str, mentions: Sequence[Mention], question: str) -> Reading:
    """The claimed value (`claims.claimed`); of several plain ones, the one in the clause that repeats the question."""
    standing = claims.standing(text, mentions)
    reading = claims.decided(text, standing)
    if reading.why != AMBIGUOUS:
        return reading
    wanted = content(question.lower()) - ASKING
    if not wanted or CHANGES.search(text):
        return reading
    edges = [0, *(m.end() for m in CLAUSE.finditer(text)), len(text)]
    shared = dict[int | str | None, set[str]]()
    for mention in standing:
        if mention.strength < PLAIN:
            continue
        start = max(mention.start - LEFT, *(edge for edge in edges if edge <= mention.start))
        end = min(mention.end + LEFT, *(edge for edge in edges if edge >= mention.end))
        words = wanted & content(text[start:end])
        # a name stands beside its own words: "the drums at 0:02 and the flute at 0:09"; a letter often does not
        shared.setdefault(mention.value, set()).update(words if words == wanted or not mention.letter else ())
    whole = [value for value, words in shared.items() if words == wanted]
    some = whole or [value for value, words in shared.items() if words]
    return reading if len(some) != 1 or some[0] is None else Reading(some[0])


def compared(text: str, mentions: Sequence[Mention], question: str) -> list[Mention]:
    """Mentions with the opposite of the asked property count as in passing: "the left one starts later"."""
    asked = question.lower()
    wanted = content(asked) - ASKING
    against = [(word, other) for word, other in OPPOSITE if word.search(asked) and not other.search(asked)]
    sequence = FIRST.search(asked) is not None
    inverse = next((other for word, other in INVERSE if word.search(asked) and not other.search(asked)), None)
    edges = [*(m.end() for m in CLAUSE.finditer(text)), len(text)]
    some = []
    for mention in mentions:
        rest = text[mention.end : min(mention.end + LEFT, *(edge for edge in edges if edge >= mention.end))]
        if (
            inverse
            and not mention.fixed
            and _turned(text[max(0, mention.start - LEFT) : mention.start], inverse, wanted)
        ):
            some.append(replace(mention, strength=PLAIN, fixed=True))
            continue
        opposite = any(other.search(rest) and not word.search(rest) for word, other in against) or (
            sequence and FOLLOWS.search(text[max(0, mention.start - LEFT) : mention.start]) is not None
        )
        if opposite and not mention.fixed:
            mention = replace(mention, strength=PASSING, fixed=True)
        elif (
            wanted and not BARE.match(rest) and not wanted <= content(rest)
        ):  # "The drum is large", when the question is what sounds
            mention = replace(mention, heads=False)
        some.append(mention)
    return some


def _turned(left: str, inverse: re.Pattern[str], wanted: set[str]) -> bool:
    """Whether the order is reversed: "The piano comes after the …", for a question about what comes before."""
    if not inverse.search(left):
        return False
    sentence = re.split(r"[.!?;\n]", left)[-1]
    return wanted - {"before", "after"} <= content(sentence)


def ranked(text: str, mentions: Sequence[Mention], question: str) -> list[Mention]:
    """Letters with the requested rank count as stated, others as in passing: "A happens first … and B is last"."""
    asked = question.lower()
    ranks = [(word, other) for word, other in OPPOSITE[:2] if word.search(asked) and not other.search(asked)]
    some = []
    for mention in mentions:
        if mention.letter and not mention.fixed and ranks:
            rest = re.split(r"[,;.!?\n]|\band\b", text[mention.end : mention.end + LEFT])[0]
            if VERB.match(rest) and any(word.search(rest) for word, _ in ranks):
                mention = replace(mention, strength=STATED, fixed=True)
            elif (VERB.match(rest) and any(other.search(rest) for _, other in ranks)) or FOLLOWS.search(
                text[max(0, mention.start - LEFT) : mention.start]
            ):
                mention = replace(mention, strength=PASSING, fixed=True)
        some.append(mention)
    return some
