"""Find yes or no in a statement: explicit, by a word of agreement, or by affirming or denying the question's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from lookhear.tasks.reading.claims import HEAD, PASSING, PLAIN, STATED, Mention, few
from lookhear.tasks.reading.content import AUX, EMPTY, WORD, content, ordered
from lookhear.tasks.reading.patterns import ENDS

YES, NO = "yes", "no"
SAID = re.compile(
    r"\b(yes|yeah|yep|yup|yea|aye|affirmative|nope|nah|negative)\b|\b(no)\b(?=\s*(?:[,.;:!?)\]\"'—–-]|$|\n)|\s+no\b|"
    r"\s+(?:because|since|as|it|its|there|they|he|she|i|sir|this|that|we|the)\b)"
)
FIRST = re.compile(
    r"^\W*(?:well,? |hmm,? )?(no)\s+(?!(?:idea|information|clue|answer|way|audio|video|sound|context|clip|"
    r"one knows|comment|doubt)\b)\w"
)
MEANT = {"nope": NO, "nah": NO, "negative": NO, "no": NO}
WHOLE_YES = (
    r"y|true|correct|right|indeed|exactly|of course|certainly|sure|definitely|absolutely|positive|affirmative|"
    r"always|it does|it is|they do|they are|there is|there are|i think so|i believe so|that(?:'s| is) (?:right|"
    r"correct|true)|certainly yes|definitely yes|(?:it|he|she|they|there|we) (?:was|were|has|have|did|is|are|can)"
)
WHOLE_NO = (
    r"n|false|incorrect|wrong|untrue|not present|absent|not visible|not audible|not there|not heard|not seen|"
    r"there isn't any|"
    r"there aren't any|(?:unfortunately|sadly|clearly|apparently|obviously|certainly|almost certainly|"
    r"actually|likely|most likely|unfortunately,? it(?:'s| is)) not|not always|not entirely|not throughout|"
    r"not any ?more|"
    r"hardly|absolutely not|definitely not|certainly not|of course not|not at all|never|"
    r"not really|i don't think so|i do not think so|i think not|i don't believe so|probably not|it does not|"
    r"it doesn't|it is not|it isn't|they do not|they don't|they are not|they aren't|there is not|there isn't|"
    r"(?:it|he|she|they|there|we)(?:'s|'re) not|(?:it|he|she|they|there|we) (?:was|were|has|have|did|can)(?:n't|"
    r" not)|"
    r"there are not|there aren't|there is none|not true|not correct"
)
AGREES = re.compile(
    rf"^\W*(?:(?:well|sure|sadly|i think|i believe|i'd say|i would say(?: that)?|yes|absolutely|certainly|indeed|"
    rf"of course|correct|no|nope),? )?(?:(?P<yes>{WHOLE_YES})|"
    rf"(?P<no>{WHOLE_NO}))\W*$"
)
BEGINS = re.compile(
    r"^\W*(?:(?P<yes>true|correct)|(?P<no>false|incorrect|wrong|not really|definitely not|absolutely not|"
    r"not at all))\s*[,.!:;–—-]"
)
TRUTH = re.compile(
    r"\b(?:it|that|this|statement|answer|claim)(?:'s| is| would be| should be)? (?P<not>not )?(?:(?P<yes>true|"
    r"correct|the case)|(?P<no>false|incorrect|untrue|wrong))\b(?P<rest>\s+that\b.*)?(?:\W+(?:because|since|"
    r"as)\b.*)?\W*$"
)
NEGATES = re.compile(
    r"\b(?:not|never|no|none|neither|nor|without|nothing|isn't|aren't|wasn't|weren't|doesn't|don't|didn't|can't|"
    r"cannot|won't|hasn't|haven't|nobody|absent|silent|missing|lacks?|instead of|rather than)\b"
)
UNSURE = re.compile(
    r"\b(?:if|whether|unless|cannot|can't|unable|unclear|unsure|unknown|not sure|impossible|hard to (?:say|"
    r"tell)|difficult to)\b"
)
SENSES = re.compile(
    r"\bi (?:do not|don't|did not|didn't|cannot|can't) (?:see|hear|detect|notice|find) (?:a|an|"
    r"any)\b"
)
PRONOUN = re.compile(
    r"^\W*(?:yes,? |no,? )?(?:it|he|she|they|this|that|there)(?:'s| is| are| was| were| does| do| did| can| has|"
    r" have)(?:(?P<not>n't\b| not\b)|\b)(?P<rest>.*)$"
)
PARTLY = re.compile(
    r"\b(?:only|just|except|apart from|until|stops?|stopped|paus\w+|sometimes|occasionally|briefly|partly|partially|"
    r"half|rarely|hardly|barely|almost|nearly|at first|in the (?:beginning|middle|end|intro|outro))\b"
)
DENIES = re.compile(  # "He does not start before, he starts with him": what follows the denial is another thing
    r"^(\W*(?:it|he|she|they)(?:'s| is| are| was| were| does| do| did)(?:n't| not) [^,;]+)[,;] "
    r"(?:it|he|she|they)\b[^,;]*$"
)
CLAUSES = re.compile(r"[.!?;,\n]+|\bbut\b|^\W*(?:yes|no)\b\s*[,.:]?")
EITHER = re.compile(r"\b(?:yes ?(?:and|or|/) ?no|no ?(?:and|or|/) ?yes)\b")
NOT_ALL = re.compile(r"^\W*not\b(?P<rest>[^,;:]*)$")
LIKE = re.compile(r"\w-like\b|\bresembl\w+|\bsimilar to\b")
APPEARS = re.compile(
    r"^\W*it (?P<not>does not |doesn't |did not |didn't )?(?:seems?|appears?|looks?)(?: to me)? (?:that|like|as if|"
    r"as though)\s"
)
FOREIGN = frozenset(
    [
        "il",
        "ne",
        "pas",
        "hay",
        "un",
        "una",
        "une",
        "ist",
        "sind",
        "ein",
        "eine",
        "kein",
        "keine",
        "nicht",
        "gibt",
        "es",
        "y",
        "non",
        "em",
        "há",
        "é",
        "não",
        "está",
        "c",
        "è",
        "ha",
        "una",
        "der",
        "das",
        "les",
        "des",
    ]
)
STRANGE = re.compile(r"[^\W\d_]")


def options(texts: Sequence[str]) -> dict[str | None, int]:
    """The indices of the options yes and no, if both are options; else empty."""
    places: dict[str | None, int] = {}
    for place, text in enumerate(texts):
        first = (WORD.findall(text.lower()) or [""])[0]
        if first in (YES, NO, "true", "false"):
            key = YES if first in (YES, "true") else NO
            if key in places:
                return {}
            places[key] = place
    plain = len(texts) == 2 and all(len(WORD.findall(text)) == 1 for text in texts)
    return places if len(places) == 2 and plain else {}


def yes_no_mentions(text: str, question: str) -> list[Mention]:
    """Mentions of yes and no in `text` (lower case, softened), ignoring words repeated from the question."""
    mentions: list[Mention] = []
    before, after = "", 0
    for m in few(list(SAID.finditer(text))):
        word = MEANT.get(m[1] or m[2], YES)
        if (
            m[2]
            and re.search(
                r"\b(?:there (?:is|are|was|were)|with|has|have|had|of|"
                r"in)\s*$",
                text[max(0, m.start() - 20) : m.start()],
            )
            and text[m.end() : m.end() + 20].lstrip()[:1] not in ".,;!"
        ):
            continue
        again, before = before == word and not text[after : m.start()].strip(), word
        after = m.end()
        if again:  # "no no no"
            mentions[-1] = replace(mentions[-1], end=m.end())
            continue
        mentions.append(Mention(m.start(), m.end(), word, least=HEAD))
    if (first := FIRST.match(text)) and not any(one.start == first.start(1) for one in mentions):
        mentions.append(Mention(first.start(1), first.end(1), NO, least=HEAD))
    spans = [m.span() for m in EITHER.finditer(text)]
    mentions = [
        replace(m, strength=PASSING, fixed=True) if any(a <= m.start < b for a, b in spans) else m for m in mentions
    ]
    mentions += [Mention(b - 1, b, word, PASSING, fixed=True) for _, b in spans for word in (YES, NO)]
    ends = [0, *(m.end() for m in ENDS.finditer(text)), len(text)]
    for begin, end in few(list(pairwise(ends))):
        sentence = text[begin:end]
        if sentence.strip() and not any(begin <= m.start < end for m in mentions if m.least == HEAD):
            meant = _implied(sentence, question, alone=not text[:begin].strip() and not text[end:].strip())
            if meant:
                mentions.append(Mention(begin, end, meant[0], meant[1], fixed=True))
    explicit = {m.value for m in mentions if not m.fixed}
    if len(explicit) == 1:
        mentions += _against(text, question, next(iter(explicit)))
    return sorted(mentions, key=lambda m: m.start)


def _implied(sentence: str, question: str, alone: bool) -> tuple[str, int] | None:
    """(yes or no, strength) of a sentence that contains neither word."""
    bare = sentence.strip()
    if m := AGREES.match(bare):
        return (YES if m["yes"] else NO), (HEAD if alone or len(bare) < 30 else PLAIN)
    if " but " in bare and (m := AGREES.match(bare.rpartition(" but ")[2])):
        return (YES if m["yes"] else NO), HEAD
    if m := BEGINS.match(bare):
        return (YES if m["yes"] else NO), HEAD
    if (m := TRUTH.search(bare)) and not UNSURE.search(bare):
        if m["rest"] and re.search(r"\bbut\b", m["rest"]):
            return None
        positive = bool(m["yes"]) != bool(m["not"])
        if m["rest"] and len(NEGATES.findall(m["rest"])) % 2:
            positive = not positive
        return (YES if positive else NO), STATED
    return _echoed(bare, question)


def _echoed(sentence: str, question: str) -> tuple[str, int] | None:
    """`_affirmed`, without a yes that is limited to a part ("The trumpet plays only in the intro")."""
    if LIKE.search(sentence):
        return None
    if appears := APPEARS.match(sentence):
        meant = _affirmed(sentence[appears.end() :], question)
        return (NO if meant[0] == YES else YES, meant[1]) if meant and appears["not"] else meant
    if (denied := DENIES.match(sentence)) and not PARTLY.search(sentence):
        sentence = denied[1]
    meant = _affirmed(sentence, question)
    partly = {m[0] for m in PARTLY.finditer(sentence)} - {m[0] for m in PARTLY.finditer(question.lower())}
    return None if meant and meant[0] == YES and partly else meant


def _affirmed(sentence: str, question: str) -> tuple[str, int] | None:
    """The answer of a sentence that repeats the question's words: "There is a violin", "It is not making sound"."""
    asked = question.lower()
    if not AUX.match(asked) or sentence.endswith("?"):
        return None
    if FOREIGN & set(WORD.findall(sentence)) or any(
        not c.isascii() for c in STRANGE.findall(sentence)
    ):  # another language, of which only some words are translated
        return None
    denied = NOT_ALL.match(sentence)
    if denied and WORD.search(denied["rest"]) and set(WORD.findall(denied["rest"])) <= set(WORD.findall(asked)):
        return NO, HEAD
    senses = SENSES.search(sentence)
    if UNSURE.search(sentence) and not senses:
        return None
    wanted = content(asked)
    pronoun = PRONOUN.match(sentence)
    if pronoun and not re.match(r"\W*there\b", sentence):
        rest = content(NEGATES.sub(" ", pronoun["rest"]))
        generic = {w for w in WORD.findall(pronoun["rest"]) if w in EMPTY}
        if rest <= wanted and (rest or generic & set(WORD.findall(asked)) or not pronoun["rest"].strip(" .!")):
            odd = (1 if pronoun["not"] else 0) + len(NEGATES.findall(pronoun["rest"].replace(" not", " ", 0)))
            if re.search(r"\b(?:is|are|was|were|does|do|did|has|have|can)(?:'?n't| not)\b", sentence):
                odd = len(re.findall(r"n't|\bnot\b|\bno\b|\bnever\b|\bsilent\b", sentence))
            return (NO if odd % 2 else YES), HEAD
        return None
    existence = re.match(
        r"\W*(?:i (?:can )?(?:see|hear) |there(?:'s| is| are| was| were| appears to be| seems to be)\s)", sentence
    )
    have = content(sentence)
    if not wanted or not wanted <= have:
        return None
    if not existence and not senses:
        order = [w for w in ordered(sentence) if w in wanted]
        if list(dict.fromkeys(order)) != [w for w in dict.fromkeys(ordered(asked)) if w in wanted]:
            return None
    odd = len(NEGATES.findall(sentence))
    if odd > 1:
        return None
    return (NO if odd else YES), HEAD


def _against(text: str, question: str, value: str | int | None) -> list[Mention]:
    """Mentions of yes or no in sentences that contradict an explicit one: "Yes, there is no dog"."""
    mentions = []
    ends = [0, *(m.end() for m in CLAUSES.finditer(text)), len(text)]
    for begin, end in few(list(pairwise(ends))):
        clause = text[begin:end].strip(" ,.;:!\n")
        if (
            re.match(r"\W*there(?:'s| is| are)\b|\W*the\b", clause)
            and (meant := _echoed(clause, question))
            and meant[0] != value
        ):
            mentions.append(Mention(end - 1, end, meant[0], HEAD, fixed=True))
    return mentions
