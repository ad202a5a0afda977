"""Parse numbers in words and digits, and the count that a statement gives for the noun of the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from lookhear.tasks.reading.claims import FINAL, HEAD, PASSING, PLAIN, STATED, Mention, few
from lookhear.tasks.reading.content import content
from lookhear.tasks.reading.patterns import CORRECTED

UNITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
TENS = {
    word: 10 * place
    for place, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
VALUES = {word: value for value, word in enumerate(UNITS)} | TENS | {"dozen": 12, "hundred": 100, "once": 1, "twice": 2}
VALUES |= {"thrice": 3}
GROUPS = {"pair": 2, "couple": 2, "duo": 2, "duet": 2, "trio": 3, "quartet": 4, "quintet": 5, "sextet": 6, "septet": 7}
ROMAN = {"ii": 2, "iii": 3, "iv": 4, "vi": 6, "vii": 7, "viii": 8, "ix": 9}
MORE = 1_000_000  # value of a number with too many digits

CROWDS = {"dozen": 12, "score": 20, "hundred": 100, "thousand": 1000}
WORD = "|".join(sorted((*UNITS, *TENS, "dozen", "once", "twice", "thrice"), key=len, reverse=True))
NUMBER = re.compile(
    rf"(?<![\w.,:/])(?P<digits>\d{{1,9}}(?:,\d{{3}})*|\d+)(?!\w|[:.,]\d|\s?/\s?\d)|"
    rf"\b(?P<crowd>(?:(?:half a|a|{'|'.join(UNITS[1:10])}|several|many|some) )?(?:{'|'.join(CROWDS)}))\b|"
    rf"\b(?P<word>(?:{'|'.join(TENS)})[ -](?:{'|'.join(UNITS[1:10])})|{WORD})\b"
)
TIME = re.compile(
    r"^\s*-?(?:s|sec|secs|seconds?|minutes?|mins?|m|ms|hz|khz|db|fps|%|percent|years?|o'clock|am|pm|x|"
    r"seconds? in|st|nd|rd|th|hours?)\b|^\s?%"
)
MOMENT = re.compile(
    r"(?:\b(?:at|around|second|seconds|minute|timestamp|time|step|frame|option|question|part|scene|figure|take|"
    r"track)|#|no\.|\d\s*[:.])\s*$"
)
PRONOUN = re.compile(
    r"\b(?:no|the|this|that|which|each|every|any|some|another|other|first|second|third|last|right|left|same|one|"
    r"middle)\s$"
)
OF = re.compile(
    r"^\s*(?:of (?:the|them|these|those)\b|on\b|in the\b|at\b|to\b|is\b|was\b|plays?\b|playing\b|by\b|another\b|"
    r"who\b|that\b|which\b|with\b|and the other\b|hand\b|after\b)"
)
THERE = re.compile(
    r"(?:there (?:is|are|was|were|'s)|there's|only|just|exactly|hear|see|answer is)\s*(?:only |just |exactly )?$"
)
MARKER = re.compile(r"(?:^|\n)\s*$")
BEYOND = re.compile(r"\b(?:more than|over|greater than|above|exceeds?|exceeding|in excess of|upwards of|>)\s*$")
BELOW = re.compile(r"\b(?:less than|fewer than|under|below|up to|at most|no more than|<)\s*$")
TOTAL = re.compile(
    r"\b(?:total|altogether|in all|sum|makes|totalling|totaling)\b(?: of| is| number| count|:|,| there are|"
    r" [a-z]+){0,4}\s*$"
)
ONLY = re.compile(r"\b(?:only|just)(?: (?:see|hear|heard|count|about))?\s*$")
BUT = re.compile(r"\b(?:but|although|though|yet|however)\b[^.!?\n]*$")
IN_TOTAL = re.compile(r"^\s*(?:[a-z]+\s+){0,4}?(?:in total|altogether|in all|total|overall)\b")
BARE = re.compile(
    r"^\s*(?:[.,;:!?()\"'—–-]|$|\n|(?:at|in|that|who|which|are|is|can|were|was|sounding|playing|heard|audible|"
    r"here|because|not|but|or|and|possibly|maybe|if|since|throughout|during|overall|total|later|then|i)\b)"
)
SINGLE = re.compile(r"\b(?:only |just )?a single (?:musical )?(?:instrument|type|kind|one)\b")
HEADNOUN = re.compile(
    r"\b(?:how many|number of|count of|count the|amount of|quantity of)\s+((?:(?:different|"
    r"distinct|sounding|musical|kinds? of|unique)\s+)*)([a-z_]+(?:[ _-](?:guitars?|bass(?:es)?))?)"
)
GENERAL = ("instrument", "type", "kind", "sound", "object", "item", "source", "category", "variet")
DENIED = re.compile(
    r"\b(no|not any|aren't any|(?:there )?(?:is|are|was|were)(?:n't| not) (?:any|a|an|a single)|none of the|so none|"
    r"there (?:is|are) none)\b"
)
SIDE = re.compile(
    rf"\b(?:{WORD}|\d{{1,3}}|another)\b(?: [a-z]+){{0,4}} (?:on|to|at|in) the (?:far )?"
    r"(left|right|middle|center|back|front)\b"
)
ENUMERATED = re.compile(r"\b(?:and|plus|with|also|as well)\b|,|\n|\+")


def value(word: str) -> int:
    """The value of a number in digits or words of any length. `word` is a match of NUMBER."""
    digits = word.replace(",", "")
    if digits.isdigit():
        digits = digits.lstrip("0") or "0"
        return int(digits) if len(digits) < 7 else MORE
    *before, last = word.replace("-", " ").split()
    if last in CROWDS:
        return CROWDS[last] // (2 if before[:1] == ["half"] else 1) * VALUES.get(" ".join(before), 1)
    first, _, second = word.replace("-", " ").partition(" ")
    return VALUES[first] + (VALUES[second] if second else 0)


def of_option(text: str) -> int | None:
    """The number of an option ("3", "Three times", "Twice"), or None."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    rest = [
        w
        for w in words
        if w not in ("times", "time", "people", "persons", "instruments", "sounds", "seconds", "in", "total")
    ]
    if len(rest) != 1 or not (rest[0].isdigit() or rest[0] in VALUES) or len(words) > 3:
        return None
    return value(rest[0])


def nouns(question: str) -> str:
    """Pattern of the noun that `question` counts; of any instrument or type if it names none."""
    found = HEADNOUN.search(question.lower())
    head = found[2].rstrip("s").rstrip("e") if found else "instrument"
    some = [re.escape(head)]
    if found and re.search(r"types?|kinds?", found[1] + found[2]):
        some = ["type", "kind", "variet", "sort"]
    elif head in ("instrument", "sounding", "musical", "object", "in"):
        some = ["instrument", "of them", "musical instrument"]
    besides = "different|distinct|musical|sounding|unique|other|separate|playing|visible|individual|main"
    return rf"^\s*(?:(?:{besides}) )*(?:{'|'.join(some)})"


def counts(text: str, question: str) -> list[Mention]:
    """Mentions of a count, with the number as value. `text` is a lower-case, softened statement."""
    noun = re.compile(nouns(question))
    whole = text.strip(" .!?\n\"'()")
    if whole in ROMAN:
        return [Mention(0, len(text), ROMAN[whole])]
    asked = content(question.lower()) - content(" ".join(m[2] for m in HEADNOUN.finditer(question.lower())))
    mentions = [m for match in few(list(NUMBER.finditer(text))) if (m := _count(text, match, noun, asked))]
    mentions += _none(text, noun)
    mentions += [Mention(m.start(), m.end(), 1, least=HEAD) for m in SINGLE.finditer(text)]
    if not mentions:
        mentions += [
            Mention(m.start(), m.end(), GROUPS[m[1]])
            for m in re.finditer(rf"\b({'|'.join(GROUPS)})\b(?! up)", text)
            if not ENUMERATED.search(text[m.end() :])
        ]
    if any(noun.match(text[m.end : m.end + 60]) for m in mentions):  # "4 players: 2 violins", asked for violins
        mentions = [m if m.heads or m.fixed else _passing(m) for m in mentions]
        mentions = _summands(text, mentions, noun)
    mentions = _by_side(text, question.lower(), mentions)
    best = max((m.least for m in mentions), default=PLAIN)
    if best == PLAIN and (len(mentions) > 1 or any(ENUMERATED.search(text[m.end : m.end + 80]) for m in mentions)):
        return [
            m if m.strength >= STATED else _passing(m) for m in mentions
        ]  # two violins and a cello: no total is stated
    return sorted(mentions, key=lambda m: m.start)


def _summands(text: str, mentions: list[Mention], noun: re.Pattern[str]) -> list[Mention]:
    """ "One violin on the left and one violin on the right" states no total: each is in passing."""
    parts = [m for m in mentions if not m.fixed and noun.match(text[m.end : m.end + 60])]
    listed = {
        id(m)
        for a, b in pairwise(parts)
        if re.fullmatch(r"[^.!?;\n]*(?:\band\b|,|\+|\bplus\b)[^.!?;\n]*", text[a.end : b.start])
        and not CORRECTED.search(text[a.end : b.start])
        for m in (a, b)
    }
    return [_passing(m) if id(m) in listed else m for m in mentions]


def _by_side(text: str, question: str, mentions: list[Mention]) -> list[Mention]:
    """ "Two violins on the left, one on the right" states no total, unless the question asks about a side."""
    sides = few(list(SIDE.finditer(text)))
    if len({m[1] for m in sides}) < 2 or re.search(r"\b(?:left|right|middle|center|back|front)\b", question):
        return mentions
    if any(re.search(r"[.!?;]|\bnot?\b", text[a.end() : b.start()]) for a, b in pairwise(sides)):
        return mentions
    inside = [(m.start(), m.end()) for m in sides]
    return [_passing(m) if m.strength < STATED and any(a <= m.start < b for a, b in inside) else m for m in mentions]


def _passing(mention: Mention) -> Mention:
    return Mention(mention.start, mention.end, mention.value, PASSING, fixed=True)


def _count(text: str, match: re.Match[str], noun: re.Pattern[str], asked: set[str]) -> Mention | None:
    """Mention for one number of a statement, or None if it is not a count."""
    left, right = text[max(0, match.start() - 60) : match.start()], text[match.end() : match.end() + 60]
    digits = match["digits"] is not None
    number = value(match[0])
    if (TIME.match(right) and digits) or (
        TIME.match(right) and re.match(r"\s*(?:seconds?|minutes?|percent|years?)", right)
    ):
        return None
    moment = MOMENT.search(left)
    if moment and not digits and moment[0][0].isdigit():  # "violin 3: three in total"
        moment = None
    if moment and not noun.match(right) and (digits or not left.rstrip().endswith("second")):
        return None
    part = re.match(r"^\s*of (?:whom|which|them|these|those)\b(?P<rest>[^,.;\n]*)", right)
    if part and asked & content(part["rest"]):  # "three people, two of whom are talking"
        return Mention(match.start(), match.end(), number, STATED, fixed=True)
    if match["word"] == "one":
        pronoun = PRONOUN.search(left) and not re.search(r"\b(?:only|just) (?:the )?$", left)
        if (pronoun and "=" not in left) or (OF.match(right) and not THERE.search(left)):
            return None
    if digits and MARKER.search(left) and re.match(r"^[.)]\s+\S", right):
        return None
    if re.search(r"(?:/|±|\+-)\s?$", left) or (
        digits and re.search(rf"{noun.pattern[1:]}\s$", left)
    ):  # "violin 2" is its name
        return None
    if BELOW.search(left) and "no more" not in left:
        return None
    if start := BEYOND.search(left):
        if number < 10:
            return None
        number = max(number + 1, 11)
        return Mention(match.start() - (len(left) - start.start()), match.end(), number, least=HEAD)
    if re.match(r"^\s*(?:\+|or more\b)", right):
        if number < 11 and not right.startswith("+"):
            return Mention(match.start(), match.end(), None, least=HEAD)
        if number >= 10:
            return Mention(match.start(), match.end(), max(number + 1, 11), least=HEAD)
    if IN_TOTAL.match(right) or TOTAL.search(left):
        return Mention(match.start(), match.end(), number, FINAL, fixed=True)
    if ONLY.search(left) and (part or BUT.search(left)):
        return Mention(match.start(), match.end(), number, STATED, fixed=True)
    opened = text.rfind("(", max(0, match.start() - 80), match.start())
    inside = opened >= 0 and ")" not in text[opened : match.start()] and bool(text[:opened].strip())
    if noun.match(right):
        return Mention(match.start(), match.end(), number, least=PLAIN if inside else HEAD)
    if inside:
        return _passing(Mention(match.start(), match.end(), number))
    if match["word"] in ("once", "twice", "thrice") or BARE.match(right):
        return Mention(match.start(), match.end(), number, least=HEAD)
    return Mention(match.start(), match.end(), number, heads=False)


def _none(text: str, noun: re.Pattern[str]) -> list[Mention]:
    """Mentions of zero: "none", "no instruments", "nothing"."""
    if re.fullmatch(
        r"\W*(?:none|nothing|not any|none at all|none of (?:them|the (?:musical )?instruments?\b.*)|"
        r"no instruments?)\W*",
        text.strip(),
    ):
        return [Mention(0, len(text), 0)]
    mentions = []
    for m in DENIED.finditer(text):
        if m[1].endswith("none") or noun.match(text[m.end() : m.end() + 50]):
            mentions.append(Mention(m.start(), m.end(), 0, HEAD, fixed=True))
    return mentions


def weighed(numbers: Sequence[Mention]) -> bool:
    """Whether any of the mentions can count at all."""
    return any(m.strength > PASSING for m in numbers)
