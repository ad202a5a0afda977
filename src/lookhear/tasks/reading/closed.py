"""Parse an answer from a closed vocabulary, by the type of the question: yes or no, how many, where, which thing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from lookhear.tasks.reading import focus, numbers, yes_no
from lookhear.tasks.reading.claims import PASSING, PLAIN, Mention, Reading, claimed, few, softened, standing
from lookhear.tasks.reading.content import AUX
from lookhear.tasks.reading.names import Words, echoes
from lookhear.tasks.reading.synonyms import INSTRUMENTS, OTHERS, PLACES, ways

MANY = "more than ten"
COUNTS = frozenset((*numbers.UNITS[:11], MANY))
IDIOM = re.compile(
    r"\b(?:you(?:'re| are)(?: absolutely| quite)?|that(?:'s| is)|all) right\b|\bright (?:in (?:the|front)\b|on top|"
    r"behind|beside|next to|beneath|above|below|near|outside|under)|"
    r"\bright to \w+|\bright (?:away|"
    r"now|before|after|answer|option|choice|at the|from the start|here|there|when|as)\b|\ball right\b|"
    r"\bright(?=\?)|(?<!the )(?<!on )(?<!your )(?<!or )\bright(?=,)|^\W*right[,.!]\s|\b(?:has|have|had|he|she|it|"
    r"they|who|was|are|is) left (?:the (?:room|"
    r"stage|scene|frame|video|building)|out|behind|before|after)\b|\bleft (?:out|behind|over|the (?:room|stage|"
    r"scene|frame))\b"
)
SIDE = re.compile(
    r"(?:\b(?:the|on|far|upper|lower|to|at|bottom|top|extreme|my|his|her|viewer's|screen|from|is|slightly|front|"
    r"back|rear|and|or|either|both|between|not|toward|towards|its|their|answer is)|[:(\"'=]|^|\n|[.,;])\s*$"
)
SIDED = re.compile(
    r"^\s*(?:side|hand|half|part|corner|edge|most|of|channel|instrument|one|player|speaker|portion|end|area|"
    r"violin|[.,;:!?)\"'。，、]|$|\n)"
)
BARELY = re.compile(r"\W*(?:it is|it's|(?:the )?answer(?: is)?)?\W*(?:the|a|an)?\W*")
WHERE = re.compile(
    r"\b(?:where|which side|what side|which position|what position|whereabouts|what location|which location|"
    r"which direction|left(?: one| side)?,? or (?:the )?right|indoors? or outdoors?|location of|position of)\b"
)
HOW_MANY = re.compile(r"\b(?:how many|number of|count of|count the|quantity|how much)\b")
WHICH = re.compile(r"\b(?:which|what|name the|identify the)\b")
POLITE = re.compile(
    r"^\W*(?:(?:can|could|would|will) (?:you|we|i)|do you (?:know|think|happen)|please|"
    r"is it possible to (?:tell|identify|determine|say)|are you able to)\b"
)
OF_TWO = re.compile(
    r"\b(?:video|sound|clip|audio|option|number|no\.?|#)\s{0,2}(?P<n>one|two|1|2)\b(?![.:]\d)"
    r"|\b(?P<place>first|second|1st|2nd)(?= (?:video|sound|clip|audio|one|option|track|recording)\b|\W*$)"
    r"|(?<![\w.:])(?<!first )(?<!second )(?<!other )(?<!which )(?<!that )(?<!this )(?<!no )(?P<alone>one|two|1|"
    r"2)(?=\s*(?:[.,;!)\"']|$|\n|is\b|matches\b|fits\b|because\b|belongs\b|not\b|or\b))"
    r"(?<!the two)(?<!both two)"
)
BESIDE = re.compile(r"\b(?:to|on|at|in|towards?) the (?:far |very |upper |lower |extreme )?$")
BY_ANOTHER = re.compile(  # the place of another thing: "next to the piano on the right"
    r"\b(?:next to|beside|besides|near|by|alongside|behind|in front of|with|than|opposite|across from|unlike)\s+"
    r"(?:the |an? |his |her |another )?(?:[\w-]+ ){1,3}$"
)
WHILE = re.compile(r"\bwhile\b[^,;.\n]{0,40}$")
DESCRIBED = re.compile(
    r"^(?: (?:video|sound|clip|audio|one|recording|track))?\s*(?:shows?|has|contains?|features?|depicts?|plays?)\b|"
    r"^(?: (?:video|sound|clip|audio|one|recording|track))? is (?:an?|the|of|from)\b(?! (?:match|right|correct|one|"
    r"answer|best))"
)
WHETHER = re.compile(r"\b(?:whether|if)\b")
BELONGS = "Does the sound belong to the video?"
MATCHES = re.compile(  # other verbs of the question above
    r"\b((?:sound|audio|sound ?track|video|picture|image|they|it|two|both)\b[^.,;!?\n]{0,40}?)\b"
    r"(?:match(?:es)?|fits?|corresponds?|go(?:es)?(?: together)?)\b"
)


def kind_of(question: str) -> str:
    """The expected answer type of a question: `yes_no`, `count`, `place`, `which` (a thing), or "" if unclear."""
    asked = question.lower().strip()
    if HOW_MANY.search(asked):
        return "count"
    if AUX.match(asked) and not POLITE.match(asked):
        return "yes_no"
    if WHERE.search(asked):
        return "place"
    if WHICH.search(asked):
        if re.search(
            r"\bwhich (?!(?:is|of|one|instrument|musical|type|kind|sound|object)\b)[\w ]{2,30}? (?:makes?|"
            r"plays?|sounds?|starts?|comes?|produces?|is (?:the )?(?:first|last|loud))",
            asked,
        ):
            return "place"
        return "which"
    if POLITE.match(asked) and WHETHER.search(asked):
        return "yes_no"
    tail = re.split(r"[,:]\s*", asked)[-1]
    return "yes_no" if AUX.match(tail) and not POLITE.match(tail) else ""


def answer(statement: str, known: Sequence[str], question: str = "", kind: str | None = None) -> Reading:
    """The name in `known` that a statement (English, lower case) claims, restricted to the question's answer type."""
    kind = kind_of(question) if kind is None else kind
    spelled = {label.lower(): label for label in known}
    if statement.strip() in spelled and _of_kind(statement.strip(), kind):
        return Reading(spelled[statement.strip()])
    soft = softened(statement)
    if kind == "yes_no" and {"yes", "no"} <= set(spelled):
        return _spelled(
            claimed(soft, [m for m in yes_no.yes_no_mentions(soft, question) if not echoes(soft, question, m)]), spelled
        )
    if kind == "count" and len(COUNTS & set(spelled)) > 1:
        return _spelled(_count(soft, question), spelled)
    groups = {"place": [k for k in known if k.lower() in PLACES], "which": [k for k in known if _is_thing(k)]}
    some = groups.get(kind) or list(known)
    return named(soft, some, question, besides=kind in ("which", "place"))


def named(soft: str, known: Sequence[str], question: str = "", besides: bool = True) -> Reading:
    """The name in `known` that a statement (lower case, softened) claims; `besides` excludes names in the question."""
    mentions = [m for m in few(mentions_of(soft, known)) if not echoes(soft, question, m)]
    asked = _repeated(question.lower(), known) if besides else set()
    strange = {m.value for m in mentions} - asked
    if asked and strange:
        mentions = [m for m in mentions if m.value not in asked]
    elif asked and mentions and not BARELY.fullmatch(soft[: mentions[0].start] + soft[mentions[-1].end :]):
        return Reading(why="the reply only repeats the question")
    if not question:  # for two simultaneous events neither name is subordinate
        mentions = [
            replace(m, strength=PLAIN, fixed=True) if WHILE.search(soft[max(0, m.start - 60) : m.start]) else m
            for m in mentions
        ]
    reading = focus.claimed(soft, focus.compared(soft, asides(soft, mentions), question), question)
    if reading.value is None and not mentions:
        doubled = [
            label for label in known if len(label) > 3 and _undoubled(soft.strip(" .!\n")) == _undoubled(label.lower())
        ]
        return Reading(doubled[0]) if len(doubled) == 1 else reading
    return reading


def _repeated(question: str, known: Sequence[str]) -> set[int | str]:
    """The names in a question that cannot be its answer: all but those that it offers ("the left or the right one")."""
    spans = Words(question).spans(ways(tuple(known)))
    offered = {
        key
        for (_, end, one), (start, _, other) in pairwise(spans)
        if re.fullmatch(r"(?: one| side)?,? or (?:the |a |an |on the |to the )?", question[end:start])
        for key in (one, other)
    }
    return {key for *_, key in spans} - offered


def asides(soft: str, mentions: Sequence[Mention]) -> list[Mention]:
    """After another value, brackets and the place of another thing are in passing: "outdoor (left of it)"."""
    kept: list[Mention] = []
    for mention in mentions:
        opened = soft.rfind("(", max(0, mention.start - 80), mention.start)
        bracketed = (
            opened >= 0
            and ")" not in soft[opened : mention.start]
            and soft[opened : mention.end + 1] not in (f"({soft[mention.start : mention.end]})",)
        )
        another = (
            BY_ANOTHER.search(soft, max(0, mention.start - 80), mention.start) if mention.value in PLACES else None
        )
        since = opened if bracketed else another.start() if another else -1
        aside = any(other.end <= since and other.value != mention.value for other in kept)
        kept.append(replace(mention, strength=PASSING, fixed=True) if aside else mention)
    return kept


def affirmed(soft: str, known: Sequence[str]) -> list[Mention]:
    """The names that a statement (lower case, softened) mentions without negation, in order."""
    return [m for m in standing(soft, mentions_of(soft, known)) if m.strength >= PASSING]


def of_two(statement: str) -> Reading:
    """Parse `one` or `two`: by position ("the second video"), by number ("video 1"), or alone ("two")."""
    soft = softened(statement)
    mentions = [
        Mention(
            m.start(),
            m.end(),
            "one" if (m["n"] or m["place"] or m["alone"]) in ("1", "one", "first", "1st") else "two",
            heads=DESCRIBED.match(soft[m.end() : m.end() + 40]) is None,
        )
        for m in OF_TWO.finditer(soft)
    ]
    return claimed(soft, mentions)


def belongs(statement: str) -> Reading:
    """Parse `yes` or `no`, whether a sound belongs to a video; "matches", "fits", "goes with" are "belongs"."""
    return answer(MATCHES.sub(r"\1belong", statement), ("yes", "no"), BELONGS, "yes_no")


def mentions_of(soft: str, known: Sequence[str]) -> list[Mention]:
    """Mentions of names in a statement; left and right count only as sides."""
    words = Words(soft)
    found = words.spans(ways(tuple(known)))
    if not found:
        return []
    idioms = [m.span() for m in IDIOM.finditer(soft)]
    elsewhere = words.spans({f"\0{name}": (name,) for name in OTHERS if name not in INSTRUMENTS})
    mentions = []
    for start, end, key in found:
        if key in ("left", "right"):
            if any(a <= start < b for a, b in idioms):
                continue
            if not (SIDE.search(soft[max(0, start - 16) : start]) or SIDED.match(soft[end : end + 14])):
                continue
        if any(a <= start < b for a, b, _ in elsewhere):
            continue
        before = BESIDE.search(soft[max(0, start - 24) : start]) if key in PLACES else None
        mentions.append(Mention(start - len(before[0]) if before else start, end, key))
    return mentions


def _of_kind(label: str, kind: str) -> bool:
    """Whether a name of the vocabulary is of an answer type."""
    kinds = {"yes_no": ("yes", "no"), "count": COUNTS, "place": PLACES}
    return label in kinds[kind] if kind in kinds else kind != "which" or _is_thing(label)


def _is_thing(label: str) -> bool:
    low = label.lower()
    return low not in ("yes", "no") and low not in COUNTS and low not in PLACES


def _count(soft: str, question: str) -> Reading:
    reading = claimed(soft, [m for m in numbers.counts(soft, question) if not echoes(soft, question, m)])
    if isinstance(reading.value, int):
        return Reading(numbers.UNITS[reading.value] if reading.value <= 10 else MANY)
    if reading.value is None and not re.search(r"\d", soft):
        whole = _undoubled(soft.strip(" .!\n"))
        alike = [unit for unit in numbers.UNITS[:11] if _undoubled(unit) == whole]
        return Reading(alike[0]) if len(alike) == 1 else reading
    return reading


def _spelled(reading: Reading, spelled: Mapping[str, str]) -> Reading:
    if reading.value is None:
        return reading
    label = spelled.get(str(reading.value))
    return (
        Reading(label)
        if label
        else Reading(why=f"the reply answers {reading.value!r}, which is none of the answers there can be")
    )


def _undoubled(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)
