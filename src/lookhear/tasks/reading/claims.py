"""Decide which of the answers that a statement mentions it claims, by the strength of each mention.

    The answer is B.  I'd choose B.  B is correct.  So B.     STATED      B, because …   HEAD      … a cello …   PLAIN
    compare with A    if it were A   A or B  before the A     PASSING     not A   A is wrong   rather than A  REJECTED

For each value its last mention that is not withdrawn counts; of several values the strongest is claimed. Two equally
strong values are ambiguous, unless a correction ("wait", "on second thought") stands between them: then the later one
is claimed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from lookhear.tasks.reading.patterns import (
    AMENDS,
    ANOTHER,
    BECAUSE,
    BUT_FOR,
    CLAUSE,
    COMES,
    CORRECTED,
    DOUBTED,
    ENDS,
    FINALLY,
    JOINED,
    LETTER_PASSES,
    NEGATED,
    OBJECTS,
    OPENS,
    PASSES,
    PREDICATE,
    QUESTION,
    REPORTED,
    RESUMES,
    RIGHTLY,
    SOFT,
    STATES,
    SUBJECT,
    UNDECIDED,
    VERDICT,
    WRONGLY,
)

REJECTED, PASSING, PLAIN, HEAD, STATED, FINAL = -1, 0, 1, 2, 3, 4
MANY = 64  # mentions of one statement that are weighed: the first and the last half
AMBIGUOUS = "the reply is ambiguous"
LEFT, RIGHT = 160, 70  # characters of context before and after a mention


@dataclass(frozen=True)
class Mention:
    """A span of a statement, `start` to `end`, that names `value` (None: an answer that is not available)."""

    start: int
    end: int
    value: int | str | None
    strength: int = PLAIN
    fixed: bool = False  # the finder has already decided the strength
    least: int = PLAIN  # strength without any marker
    letter: bool = False  # the mention is an option letter
    heads: bool = True  # whether it counts as HEAD at the start of the statement


@dataclass(frozen=True)
class Reading:
    """The claimed value, or the reason why there is none."""

    value: int | str | None = None
    why: str = ""


def softened(text: str) -> str:
    """Blank out phrases with a negation or condition that is not meant as one ("no doubt"); offsets are unchanged."""
    return SOFT.sub(lambda m: " " * len(m[0]), text)


def few(found: Sequence[Any]) -> list[Any]:
    """The first and last MANY / 2 of a list, in order."""
    return list(found) if len(found) <= MANY else [*found[: MANY // 2], *found[-MANY // 2 :]]


def claimed(text: str, mentions: Sequence[Mention]) -> Reading:
    """The claimed value of `text` (lower case, softened) given its mentions, ordered by start."""
    return decided(text, standing(text, mentions))


def standing(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions with their strengths in `text`."""
    mentions, starts = few(mentions), _starts(text)
    later = _last_statement(text, starts, mentions[-1]) if mentions else 0
    return _groups(text, [_weighed(text, starts, m, later) for m in mentions])


def _starts(text: str) -> list[int]:
    """Start offsets of the sentences of a text."""
    return [0, *(m.end() for m in ENDS.finditer(text))]


def _weighed(text: str, starts: Sequence[int], mention: Mention, later: int = 0) -> Mention:
    """A mention with the strength given by its context; a question followed by another mention claims nothing.

    `starts` are the offsets of sentences, `later` the start of the last sentence with a mention.
    """
    letters = mention.letter
    if mention.fixed:
        return mention
    place = bisect_right(starts, mention.start) - 1
    begin = starts[place]
    end = starts[place + 1] if place + 1 < len(starts) else len(text)
    left = text[max(begin, mention.start - LEFT) : mention.start]
    right = text[mention.end : min(end, mention.end + RIGHT)]
    wrong = WRONGLY.match(right)
    if BUT_FOR.search(left):
        return replace(mention, strength=STATED if wrong else REJECTED)
    if DOUBTED.search(left):
        return replace(mention, strength=REJECTED)
    if REPORTED.search(left) and OBJECTS.match(right):
        return replace(mention, strength=PASSING)
    clause = left[max((m.end() for m in CLAUSE.finditer(left)), default=0) :] if left else ""
    negated = NEGATED.search(clause) or (NEGATED.search(left) if left.rstrip().endswith((" not", "n't")) else None)
    if negated:
        return replace(mention, strength=REJECTED)
    right_claim = RIGHTLY.match(right)
    if wrong and not right_claim:
        return replace(mention, strength=REJECTED)
    sentence = text[begin:end].rstrip()
    if text[mention.end : mention.end + 3].lstrip("\"') ")[:1] in ("?", "？"):
        if UNDECIDED.search(text[mention.end : mention.end + LEFT]):
            return replace(mention, strength=PASSING)
        if verdict := VERDICT.match(text[mention.end : mention.end + 30]):
            return replace(mention, strength=STATED if verdict["yes"] else REJECTED)
    if sentence.endswith(("?", "？")) and (QUESTION.match(sentence) or mention.start < later):
        return replace(mention, strength=PASSING)
    states = STATES.search(left)
    if right_claim or states:
        # reasons after the claim are not part of it: "B, because it is C"
        final = FINALLY.search(left)
        return replace(mention, strength=FINAL if final else STATED)
    if not letters and COMES.search(clause):
        return replace(mention, strength=mention.least)
    if (LETTER_PASSES if letters else PASSES).search(clause):
        head = place == 0 and not letters and OPENS.match(left) is not None
        return replace(mention, strength=HEAD if head else PASSING)
    if BECAUSE.search(left) and not RESUMES.search(left):
        return replace(mention, strength=PASSING)
    if mention.heads and OPENS.match(left) and (place == 0 or not letters or not right.strip(" .!\"')")):
        return replace(
            mention, strength=max(HEAD if place == 0 or letters or AMENDS.match(left) else PLAIN, mention.least)
        )
    if SUBJECT.search(left):
        return replace(mention, strength=HEAD)
    if letters:
        closes = not right.strip(" .!?\"')(") or right.lstrip()[:1] in ",;:"
        if closes and (PREDICATE.search(left) or OPENS.match(clause)):
            return replace(mention, strength=HEAD)
    return replace(mention, strength=mention.least)


def _last_statement(text: str, starts: Sequence[int], last: Mention) -> int:
    """Start of the sentence of the last mention, or 0 if that sentence is a question."""
    place = bisect_right(starts, last.start)
    end = starts[place] if place < len(starts) else len(text)
    return 0 if text[starts[place - 1] : end].rstrip().endswith(("?", "？")) else starts[place - 1]


def _groups(text: str, mentions: list[Mention]) -> list[Mention]:
    """Apply rejections to mentions joined by commas, "or" and "and"; if none of a group is chosen, none is claimed."""
    groups: list[list[int]] = []
    for i, mention in enumerate(mentions):
        previous = mentions[i - 1] if i else None
        joined = (
            previous is not None
            and previous.end <= mention.start <= previous.end + 24
            and not (mention.fixed and mention.strength == PASSING)
            and JOINED.match(text[previous.end : mention.start]) is not None
            and not ("," in text[previous.end : mention.start] and ANOTHER.match(text[mention.end : mention.end + 40]))
        )
        if joined:
            groups[-1].append(i)
        else:
            groups.append([i])
    result = list(mentions)
    for group in groups:
        values = {mentions[i].value for i in group}
        if len(values) < 2:
            continue
        between = " ".join(text[mentions[a].end : mentions[b].start] for a, b in pairwise(group))
        listed = bool(re.search(r"\b(?:or|nor|and|to)\b|/|&|\|", between)) or len(group) > 2
        first, last = mentions[group[0]], mentions[group[-1]]
        if listed and REJECTED in (first.strength, last.strength):
            for i in group:
                result[i] = replace(mentions[i], strength=REJECTED)
        elif REJECTED not in [mentions[i].strength for i in group]:
            both = re.search(
                r"\b(?:both|between|either|neither|among)\b[^.!?\n]{0,20}$",
                text[max(0, first.start - 40) : first.start],
            )
            top = max(mentions[i].strength for i in group)
            chosen = (
                mentions[group[-1]].strength >= STATED
                and bool(RIGHTLY.match(text[last.end : last.end + RIGHT]))
                and not listed
            )
            if not chosen:
                for i in group:
                    result[i] = replace(mentions[i], strength=PASSING if both or top < STATED else top)
    return result


def decided(text: str, mentions: Sequence[Mention]) -> Reading:
    """The claimed value of `text` given its mentions with their strengths (`standing`)."""
    starts = _starts(text)
    last: dict[int | str | None, Mention] = {}
    best: dict[int | str | None, Mention] = {}
    for mention in mentions:
        if mention.strength == PASSING:
            continue
        if mention.strength == REJECTED:
            last[mention.value] = mention
            best.pop(mention.value, None)
            continue
        last[mention.value] = mention
        held = best.get(mention.value)
        best[mention.value] = mention if held is None or mention.strength >= held.strength else held
    standing = {value: claimed for value, claimed in best.items() if last[value].strength > PASSING}
    if not standing:
        named = {m.value for m in mentions if m.strength == PASSING and m.value is not None}
        if len(named) > 1:
            return Reading(why=AMBIGUOUS)
        return Reading(why="the reply names an answer but claims none" if named else "the reply names no known answer")
    top = max(claimed.strength for claimed in standing.values())
    leading = [claimed for claimed in standing.values() if claimed.strength == top]
    if top in (HEAD, STATED) and len(leading) == 1:
        against = [
            claimed for claimed in standing.values() if claimed.strength == HEAD and claimed.value != leading[0].value
        ]
        if top == STATED:  # a premise does not compete: "once at 3 s and once at 9 s, so twice"
            claim, place = leading[0], bisect_right(starts, leading[0].start)
            against = [
                claimed
                for claimed in against
                if claimed.letter
                or claimed.value in ("yes", "no")
                or claimed.start > claim.start
                or bisect_right(starts, claimed.start) != place
            ]
        if top == STATED and against:
            leading += against
        if top == HEAD:  # other values of the same sentence with equal strength
            ends = starts[bisect_right(starts, leading[0].start)] if leading[0].start < starts[-1] else len(text)
            leading += [
                claimed
                for claimed in standing.values()
                if claimed.strength == PLAIN and claimed.heads and claimed.start < ends
            ]
    if len(leading) > 1:
        leading.sort(key=lambda claimed: claimed.start)
        tail = leading[-1]
        before = leading[-2]
        if CORRECTED.search(text[before.end : tail.start]):
            leading = [tail]
    if len(leading) > 1:
        return Reading(why=AMBIGUOUS)
    value = leading[0].value
    return Reading(value) if value is not None else Reading(why="the reply names no known answer")
