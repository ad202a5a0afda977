"""Which of the answers that a statement names it claims: stated, headed by, plain, in passing, or rejected.

    The answer is B.  I'd choose B.  B is correct.  So B.     STATED      B, because …     HEAD        … a cello …   PLAIN
    compare with A    if it were A   A or B  before the A     PASSING     not A   A is wrong   rather than A         REJECTED

Of each value its last standing mention counts, of several values the strongest; two that are equally strong are
ambiguous, unless a correction ("wait", "on second thought") stands between them: then the later one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

REJECTED, PASSING, PLAIN, HEAD, STATED, FINAL = -1, 0, 1, 2, 3, 4
MANY = 100  # mentions of one statement that are weighed: the first and the last half
LEFT, RIGHT = 160, 70  # characters of the sentence that are looked at around a mention


@dataclass(frozen=True)
class Mention:
    """A place in a statement, `start` to `end`, that names `value` (None: an answer that cannot be chosen)."""

    start: int
    end: int
    value: int | str | None
    strength: int = PLAIN
    fixed: bool = False  # its strength was decided where it was found
    least: int = PLAIN  # what it is worth where nothing marks it
    letter: bool = False  # a letter, which stands otherwise than a name does
    heads: bool = True  # whether standing first makes it a claim


@dataclass(frozen=True)
class Reading:
    """The value that is claimed, or why there is none."""

    value: int | str | None = None
    why: str = ""


NOUN = r"(?:answers?|choice|option chosen|selection|response|pick|guess|conclusion|verdict|result|prediction|match|solution)"
BE = r"(?:is|are|was|would be|should be|must be|will be|has to be|might be|may be|could be|be|to be|seems to be|appears to be|remains|becomes)"
FILL = (
    r"(?:[\s:,\"'(\-–—]|\b(?:the|a|an|option|choice|letter|answer|number|only|just|exactly|definitely|clearly|simply|probably|"
    r"most likely|likely|actually|indeed|perhaps|maybe|about|approximately|around|there|one|with)\b){0,6}"
)
STATES = re.compile(
    rf"(?:\b{NOUN}\b[^.!?\n]{{0,90}}?(?:\b{BE}\b|[:=]|'s|→|->)"
    rf"|\b(?:choose|pick|select|chose|picked|selected|choosing|picking|selecting|go(?:ing)? (?:with|for)|went with|opt(?:ing)? for|"
    rf"stick(?:ing)? with|say(?:s|ing)?|vote for|settle (?:on|for)|lean(?:ing)? (?:towards?|to)|guess|bet on|believe|think|points? to|"
    rf"conclude|prefer)\b(?: (?:that|it|this|they)(?:'s| is| are| would be| must be| might be| may be| could be)?| the \w+ (?:\w+ )?{BE})?"
    rf"|(?:\b(?:so|thus|hence|therefore|consequently|accordingly|in conclusion|which means|overall|finally)\b|=>|→|->|=)[,:]?"
    rf"(?: (?:it(?:'s| is| must be)|that's|this is|these are|there (?:is|are)|they(?:'re| are)|i(?:'d)? (?:say|choose|pick)|we have))?"
    rf"){FILL}$"
)
FINALLY = re.compile(rf"\bfinal\b[^.!?\n]{{0,30}}{FILL}$")
SUBJECT = re.compile(
    rf"(?:^|[\s,;:])(?:it|this|that|these|they|there|which|he|she)(?:'s| (?:really |clearly |probably )?{BE}| looks like| sounds like){FILL}$"
)
PREDICATE = re.compile(rf"(?:\b{BE}\b|'s|:|—|–|-)\s*(?:the |option |choice |letter |answer )*\(?$")
OPENS = re.compile(
    r"^(?:[\W_]|\b(?:well|hmm+|hm|um|uh|okay|ok|oh|ah|sure|certainly|absolutely|definitely|of course|great question|good question|"
    r"probably|maybe|perhaps|likely|most likely|clearly|obviously|i think|i believe|i guess|i would say|i'd say|it's|it is|"
    r"that's|that would be|this is|there is|there are|there's|they are|only|just|exactly|about|around|approximately|roughly|"
    r"the|a|an|option|choice|letter|answer|in|on|at|to|based on the (?:video|audio|clip|sound|question)|here|yes|wait|actually|then|finally|now|eventually|or rather|from the)\b){0,9}$"
)
RIGHTLY = re.compile(
    r"^[\"')\]]*\s*(?:(?:is|are|was|seems|would be|looks|sounds|appears|must be|should be)\s+(?:to be\s+)?(?:the |a |an |clearly |definitely |most |more |also |my )*"
    r"(?:correct|right|true|best|answer|choice|likely|plausible|accurate|appropriate|better|it\b|closest|final answer)"
    r"|(?:fits|fit|matches|match|wins|works)\b(?! (?:neither|no|poorly))|[:=–-]?\s*(?:✓|✔|✅|☑)|\W{0,3}\s*(?:correct|right)\W*$)"
)
WRONGLY = re.compile(
    r"^[\"')\]]*\s*(?:(?:is|are|was|were|seems|looks|would be|would|could|can|does|do|did|has|have|must|should|might|may)\s+(?:\w+\s+)?"
    r"(?:not|never|wrong|incorrect|false|unlikely|impossible|out\b|excluded|eliminated|ruled|irrelevant|implausible|absent|missing|"
    r"less likely|no\b)|(?:isn't|aren't|wasn't|weren't|doesn't|don't|didn't|can't|cannot|couldn't|won't|wouldn't|hasn't)\b|"
    r"[:=–-]?\s*(?:no\b(?! doubt)|wrong|incorrect|false|✗|✘|❌|✖)|(?:[:=–-]\s*not\b|\s*not\b(?=\W*$|\s+(?:possible|correct|right|the|it|likely|this|heard|seen|present)\b))|"
    r"['’]s (?:not|wrong|out)\b)"
)
NEGATED = re.compile(
    r"\b(?:not|never|no|nor|neither|without|except|excluding|unlike|cannot|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|can't|won't|"
    r"wouldn't|couldn't|shouldn't|haven't|hasn't|eliminat\w+|exclud\w+|reject\w*|rul(?:e|es|ed|ing) out|discard\w*|instead of|rather than|as opposed to|"
    r"dismiss\w*|wrong|incorrect|false)\b(?:\s*(?:either|out|that|it|this|be|to|the|a|an|option|choice|letter|answer|answers|is|are|was|just|any|really|think|believe|say|"
    r"see|hear|sure|both|them|musical|there|there's|it's|on|in|at|from|with)\b|[\s\"'(:]){0,7}$"
)
PASSES = re.compile(
    r"(?:\b(?:before|after|than|following|behind|besides|beside|alongside|near|while|until|since|during|versus|vs|against|unlike|"
    r"compar\w+ (?:it )?(?:with|to)|similar to|different from|together with|along with|over|accompan\w+|next to|in front of|"
    r"as well as|joined by|such as|e\.g\.|like|called|between|among|with|to|of|by|from|for)\b(?:\s*(?:the|a|an|option|first|second|left|right|other|last|two|player|sound|side|of)\b|[\s\"'(]){0,5}"
    r"|\b(?:if|whether|unless|suppose|assuming|going to (?:say|pick|choose|answer)|thought (?:of|it was|about)|first thought|initially|at first|consider\w*|tempted\w*|"
    r"might seem|may seem|would need|could have been|would have been|instead of|used to)\b[^,;:.\n]{0,60})$"
)
LETTER_PASSES = re.compile(
    r"(?:\b(?:before|after|than|versus|vs|against|unlike|compar\w+ (?:it )?(?:with|to|against)|similar to|like|between|among|in|of|for|"
    r"both|either|clip|speaker|image|audio|video)\b(?:\s*(?:the|option|choice|clip|answer)\b|[\s\"'(]){0,3}"
    r"|\b(?:if|whether|unless|suppose|assuming|going to (?:say|pick|choose|answer)|thought (?:of|it was|about)|first thought|initially|at first|consider\w*|tempted\w*|"
    r"might seem|may seem|could have been|would have been|used to)\b[^,;:.\n]{0,60})$"
)
COMES = re.compile(
    r"\b(?:com(?:es?|ing)|came|originat\w+|is|are|was|made|produced|played|emitted|generated|heard|caused) (?:from|by|with|on)(?:\s*(?:the|a|an|one)\b|\s){0,3}$"
)
BECAUSE = re.compile(r"\b(?:because|since|as|explanation|reason(?:ing)?|rationale|although|though|even if|while)\b")
JOINED = re.compile(
    r"^[\"')\]\s]*(?:,|/|&|\||、|\bor\b|\band\b|\bnor\b|,\s*or|,\s*and|,\s*nor|\bversus\b|\bvs\.?|\bto\b|-|–|~|\bpossibly\b|\bmaybe\b|\bor maybe\b|\bor possibly\b)"
    r"[\s\"'(]*(?:(?:possibly|maybe|perhaps|even|option|the|a|an|else|on|in|at|to|from)\s+){0,3}[\"'(]*$|^[\s()]+$"
)
CORRECTED = re.compile(
    r"\b(?:wait|actually|on second thoughts?|correction|sorry|i mean|scratch that|let me (?:re|correct)\w*|however|but|instead|"
    r"on (?:a )?(?:second|closer) (?:listen|look|listening|hearing|inspection|viewing)|oops|revis\w+|reconsider\w*|chang\w+ my (?:mind|answer)|in fact|upon|"
    r"no,|hold on|rather|eventually|after (?:all|listening|watching))"
)
ENDS = re.compile(r"[.!?;…]+[\"')\]]*(?=\s|$)|\n+|[。！？；]")
CLAUSE = re.compile(r"[,;:—–]|\b(?:but|so|while|whereas|although|because|however|then|it's|it is|i'd)\b")
QUESTION = re.compile(r"^\W*(?:what|which|who|where|when|why|how|is|are|does|do|did|can|could|would|should|was|were|question)\b")
SOFT = re.compile(
    r"\bif i (?:had|have|were|was|must)(?: to)? (?:guess|choose|pick|say|answer)?|\bno doubt\b|\bwithout (?:a |any )?doubt\b|\bno question\b|"
    r"\b(?:no|not) (?:more|less|fewer) than\b|\bnot only\b|\bnot (?:entirely |completely |totally |100% |really |quite |so )?(?:sure|certain|exactly|clear)\b|\bnot to mention\b|\bno problem\b|\bno wonder\b"
)


def softened(text: str) -> str:
    """`text` with phrases blanked that hold a negation or a condition but mean none ("no doubt", "if I had to guess")."""
    return SOFT.sub(lambda m: " " * len(m[0]), text)


def claimed(text: str, mentions: Sequence[Mention]) -> Reading:
    """What `text` (lower case, softened) claims of what it mentions, in order of their starts."""
    if len(mentions) > MANY:
        mentions = [*mentions[: MANY // 2], *mentions[-MANY // 2 :]]
    starts = [0, *(m.end() for m in ENDS.finditer(text))]
    later = _last_statement(text, starts, mentions[-1]) if mentions else 0
    weighed = _groups(text, [_weighed(text, starts, m, later) for m in mentions])
    return _decided(text, weighed, starts)


def _weighed(text: str, starts: Sequence[int], mention: Mention, later: int = 0) -> Mention:
    """A mention with the strength that the words around it give it; a question before another mention claims nothing.

    `starts` are those of sentences, `later` is where the last sentence with a mention begins.
    """
    letters = mention.letter
    if mention.fixed:
        return mention
    place = bisect_right(starts, mention.start) - 1
    begin = starts[place]
    end = starts[place + 1] if place + 1 < len(starts) else len(text)
    left = text[max(begin, mention.start - LEFT) : mention.start]
    right = text[mention.end : min(end, mention.end + RIGHT)]
    clause = left[max((m.end() for m in CLAUSE.finditer(left)), default=0) :] if left else ""
    negated = NEGATED.search(clause) or (NEGATED.search(left) if left.rstrip().endswith((" not", "n't")) else None)
    if negated:
        return replace(mention, strength=REJECTED)
    right_claim = RIGHTLY.match(right)
    if WRONGLY.match(right) and not right_claim:
        return replace(mention, strength=REJECTED)
    sentence = text[begin:end].rstrip()
    if sentence.endswith(("?", "？")) and (QUESTION.match(sentence) or mention.start < later):
        return replace(mention, strength=PASSING)
    states = STATES.search(left)
    if right_claim or states:
        # a reason after the claim is not the claim: "B, because it is C"
        final = FINALLY.search(left)
        return replace(mention, strength=FINAL if final else STATED)
    if not letters and COMES.search(clause):
        return replace(mention, strength=mention.least)
    if (LETTER_PASSES if letters else PASSES).search(clause):
        head = place == 0 and not letters and OPENS.match(left) is not None
        return replace(mention, strength=HEAD if head else PASSING)
    if BECAUSE.search(left):
        return replace(mention, strength=PASSING)
    if mention.heads and OPENS.match(left) and (place == 0 or not letters or not right.strip(" .!\"')")):
        return replace(mention, strength=max(HEAD if place == 0 or letters else PLAIN, mention.least))
    if SUBJECT.search(left):
        return replace(mention, strength=HEAD)
    if letters:
        closes = not right.strip(" .!?\"')(") or right.lstrip()[:1] in ",;:"
        if closes and (PREDICATE.search(left) or OPENS.match(clause)):
            return replace(mention, strength=HEAD)
    return replace(mention, strength=mention.least)


def _last_statement(text: str, starts: Sequence[int], last: Mention) -> int:
    """Where the sentence of the last mention begins, if it is no question itself; else 0."""
    place = bisect_right(starts, last.start)
    end = starts[place] if place < len(starts) else len(text)
    return 0 if text[starts[place - 1] : end].rstrip().endswith(("?", "？")) else starts[place - 1]


def _groups(text: str, mentions: list[Mention]) -> list[Mention]:
    """Mentions joined by commas, "or" and "and" share a rejection, and where none is chosen, none is claimed."""
    groups: list[list[int]] = []
    for i, mention in enumerate(mentions):
        previous = mentions[i - 1] if i else None
        joined = (
            previous is not None
            and previous.end <= mention.start <= previous.end + 24
            and JOINED.match(text[previous.end : mention.start]) is not None
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
        between = " ".join(text[mentions[a].end : mentions[b].start] for a, b in zip(group, group[1:], strict=False))
        listed = bool(re.search(r"\b(?:or|nor|and|to)\b|/|&|\|", between)) or len(group) > 2
        first, last = mentions[group[0]], mentions[group[-1]]
        if listed and REJECTED in (first.strength, last.strength):
            for i in group:
                result[i] = replace(mentions[i], strength=REJECTED)
        elif REJECTED not in [mentions[i].strength for i in group]:
            both = re.search(r"\b(?:both|between|either|neither|among)\b[^.!?\n]{0,20}$", text[max(0, first.start - 40) : first.start])
            top = max(mentions[i].strength for i in group)
            chosen = mentions[group[-1]].strength >= STATED and bool(RIGHTLY.match(text[last.end : last.end + RIGHT])) and not listed
            if not chosen:
                for i in group:
                    result[i] = replace(mentions[i], strength=PASSING if both or top < STATED else top)
    return result


def _decided(text: str, mentions: Sequence[Mention], starts: Sequence[int]) -> Reading:
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
    standing = {value: one for value, one in best.items() if last[value].strength > PASSING}
    if not standing:
        named = list(dict.fromkeys(m.value for m in mentions if m.value is not None))
        if len(named) > 1 or (named and all(m.strength == PASSING for m in mentions)):
            return Reading(why="the reply names an answer but claims none")
        return Reading(why="the reply names no known answer")
    top = max(one.strength for one in standing.values())
    leading = [one for one in standing.values() if one.strength == top]
    if top in (HEAD, STATED) and len(leading) == 1:
        against = [one for one in standing.values() if one.strength == HEAD and one.value != leading[0].value]
        if top == STATED and against:
            leading += against
        if top == HEAD:  # what else the same sentence says as plainly
            ends = starts[bisect_right(starts, leading[0].start)] if leading[0].start < starts[-1] else len(text)
            leading += [one for one in standing.values() if one.strength == PLAIN and one.heads and one.start < ends]
    if len(leading) > 1:
        leading.sort(key=lambda one: one.start)
        tail = leading[-1]
        before = leading[-2]
        if CORRECTED.search(text[before.end : tail.start]):
            leading = [tail]
    if len(leading) > 1:
        return Reading(why="the reply is ambiguous")
    value = leading[0].value
    return Reading(value) if value is not None else Reading(why="the reply names no known answer")
