"""Find the options of a multiple-choice question in a statement: by letter, by text, or by position in the list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from lookhear.tasks.reading import clocks, focus, numbers, yes_no
from lookhear.tasks.reading.claims import (
    PASSING,
    PLAIN,
    Mention,
    Reading,
    few,
    softened,
)
from lookhear.tasks.reading.content import content
from lookhear.tasks.reading.firmness import FUNCTION, NEGATIONS, firmness, refuses
from lookhear.tasks.reading.listings import LETTERS, listed, lower, shares
from lookhear.tasks.reading.names import Words, echoes

MARKED = re.compile(r"\(([A-Za-z])\)")
BARE = re.compile(r"(?<![^\W_])(?<!['’&.#+-])([A-Z])(?![^\W_])(?!['’&#♯♭+]|-[A-Za-z]|\.[A-Za-z]\.)")
SMALL = re.compile(
    r"(?:^|\n)([a-z])(?=[.):]\s|[.):]?$)|\b(?:option|choice|answer(?: is)?:?|letter)[ _]([b-hj-z])(?![^\W_]|['’])|"
    r"\banswer(?: is)?\s?:? ([a-z])(?=[.\s]*$)"
)
VERBS = (
    r"is|was|isn|fits?|match(?:es)?|seems?|looks?|sounds?|appears?|would|could|should|must|may|might|can|cannot|"
    r"has|does|doesn|and|or|because|"
    r"since|as|but|no|yes|not|if|when|while|then|than|wins|describes|corresponds|shows|aligns|to|in|with|for|"
    r"from|at|on|i|it|also|clearly|definitely"
)
ARTICLE = re.compile(rf"^ (?!(?:{VERBS})\b)[A-Za-z\d][\w-]")
ARTICLES = re.compile(r"\b(?:a|an|the)\b")
NAMED = re.compile(r"\b(?:answer is|answer:|option|choice)\s*[.!\s]*$")
LINE = re.compile(r"^\s*\(?([A-Z])\)?\s*[.):–-]?\s+(\S[^\n]*)\s*$")
MUSICAL = re.compile(r"^[ -]?(?:major|minor|flat|sharp|chord|note|string|clef|scale)\b")
KEY = re.compile(r"\b(?:note|notes|key of|vitamin|plan|type|group|string|chord|hepatitis|channel|part)\s$")
NONE = re.compile(
    r"^\W*(?:none|neither)(?: of (?:the |these|those|them)?.*)?\W*$|^no (?:correct|right) (?:answer|option)",
    re.IGNORECASE,
)
ALL = re.compile(r"^\W*all (?:of )?(?:the |these|them|those).*$", re.IGNORECASE)
NONE_SAID = re.compile(
    r"\bnone of (?:the|these|those|them)\b(?: (?:above|provided|given|listed|options?|answers?|choices?|other))*"
)
ALL_SAID = re.compile(r"\ball of (?:the|these|those|them)\b(?: (?:above|options?|choices?))*|\ball the above\b")
LONGEST = 1_000  # most characters of a clause that can say one thing
ORDINAL = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"]
PLACED = re.compile(
    rf"\b({'|'.join(ORDINAL)}|last|[1-8](?:st|nd|rd|th)) (?:option|choice|answer|alternative|one listed)\b|"
    rf"\b(?:option|choice|alternative)\s*(?:no\.?|number|#)?\s*([1-9]|one|two|three|four|five|six|seven|"
    rf"eight)\b(?!\s*(?:instruments|times))"
)
PREFIX = re.compile(r"^\s*\(?([A-Z])\)?\s*[.):]\s*")


def bare(options: Sequence[str]) -> list[str]:
    """Options without their leading letters, if each has its own ("A. a cat")."""
    found = [PREFIX.match(option) for option in options]
    if options and all(m and m[1] == LETTERS[i] for i, m in enumerate(found[:26])):
        return [option[m.end() :].strip() if m else option for m, option in zip(found, options, strict=True)]
    return list(options)


def choose(statement: str, options: Sequence[str], question: str = "") -> Reading:
    """The index of the option that a statement (in English, original case) chooses."""
    texts = bare(options)
    written = {_line(f"{letter}. {text}"): i for i, (letter, text) in enumerate(zip(LETTERS, texts, strict=False))}
    if (place := written.get(_line(statement))) is not None:
        return Reading(place)
    if (shared := shares(statement, len(options))) is not None:
        return shared
    soft = softened(lower(statement))
    words = Words(soft)
    letters, restated = listed(statement, _letters(statement, soft, len(options)))
    binary = yes_no.options(texts)
    mentions = [*letters, *_placed(soft, texts), *_kinds(soft, texts), *_numbers(soft, texts, question)]
    mentions += clocks.mentions(soft, texts)
    if binary:
        mentions += [
            m if m.value is None else _as(m, binary[str(m.value)]) for m in yes_no.yes_no_mentions(soft, question)
        ]
    else:
        mentions += [m for m in few(_texts(words, texts)) if not any(a <= m.start < b for a, b in restated)]
    mentions = few(_once([m for m in mentions if not echoes(soft, question, m)]))
    if clash := _clash(soft, mentions):
        return Reading(why=f"the reply is ambiguous: the letter {clash} stands with the words of another option")
    reading = focus.claimed(soft, focus.ranked(soft, mentions, question), question)
    if reading.value is None and not any(m.strength > PASSING for m in mentions):
        part = _part(words, texts)
        part = _subject(soft, texts, question) if part is None else part
        return reading if part is None else Reading(part)
    if reading.value is not None and refuses(soft, mentions) and not firmness(soft, mentions, reading.value):
        return Reading(why="the reply names an answer and refuses to answer")
    return reading


def _line(text: str) -> str:
    """Normalised form of a letter with its option: "(B) A cat." and "B: a cat" become "b. a cat"."""
    found = LINE.match(text[:2000])
    return f"{found[1]}. {' '.join(found[2].split()).rstrip(' .')}".lower() if found else ""


def _as(mention: Mention, value: int | None) -> Mention:
    return replace(mention, value=value)


def _letters(statement: str, soft: str, count: int) -> list[Mention]:
    """Mentions by letter; a letter past the last option has the value None."""
    matches = [(m.start(), m.end(), m[1].upper(), True) for m in few(list(MARKED.finditer(statement)))]
    taken = {start + 1 for start, *_ in matches}
    whole = re.fullmatch(r"\W*([A-Za-z])(?:\W+\1)*\W*", statement)
    for m in few(list(BARE.finditer(statement))):
        if (
            m.start() in taken
            or MUSICAL.match(soft[m.end() : m.end() + 10])
            or KEY.search(soft[max(0, m.start() - 14) : m.start()])
        ):
            continue
        if (
            m[1] == "I"
            and not whole
            and not NAMED.search(soft[max(0, m.start() - 20) : m.start()] + soft[m.end() : m.end() + 4])
        ):
            continue
        if m[1] == "A" and ARTICLE.match(statement[m.end() : m.end() + 20]):
            continue
        matches.append((m.start(), m.end(), m[1], False))
    for m in SMALL.finditer(statement):
        group = next(i for i in (1, 2, 3) if m[i])
        matches.append((m.start(group), m.end(group), m[group].upper(), True))
    mentions = []
    for start, end, letter, marked in sorted(set(matches)):
        place = LETTERS.index(letter)
        if place >= max(count, 2) and not (whole or place < 8):
            continue
        least = (
            PLAIN
            if marked or re.search(r"\b(?:option|choice|letter|answer) $", soft[max(0, start - 8) : start])
            else PASSING
        )
        mentions.append(Mention(start, end, place if place < count else None, least=least, letter=True))
    return mentions


def _texts(words: Words, texts: Sequence[str]) -> list[Mention]:
    """Mentions by the whole text of an option; of two at one offset the longer. Single-letter options are excluded."""
    known = {i: text for i, text in enumerate(texts) if not re.fullmatch(r"\W*[A-Za-z]\W*", text)}
    return [Mention(start, end, place) for start, end, place in words.spans(known)]


def _placed(soft: str, texts: Sequence[str]) -> list[Mention]:
    """Mentions by position in the list ("the second option", "option 2"), unless the options are numbers."""
    numeric = any(numbers.of_option(text) is not None for text in texts)
    mentions = []
    for m in PLACED.finditer(soft):
        if m[1]:
            place = len(texts) - 1 if m[1] == "last" else ORDINAL.index(m[1]) if m[1] in ORDINAL else int(m[1][0]) - 1
        elif numeric:
            continue
        else:
            place = numbers.value(m[2]) - 1
        mentions.append(Mention(m.start(), m.end(), place if place < len(texts) else None))
    return mentions


def _kinds(soft: str, texts: Sequence[str]) -> list[Mention]:
    """Mentions of "none of the above" and "all of the above", if they are options."""
    mentions = []
    for said, option in ((NONE_SAID, NONE), (ALL_SAID, ALL)):
        places = [i for i, text in enumerate(texts) if option.match(text)]
        whole = option is NONE and re.fullmatch(r"\W*(?:none|neither|no correct answer)\W*", soft)
        for m in [whole] if whole else said.finditer(soft):
            if places:
                mentions.append(Mention(m.start(), m.end(), places[0]))
    return mentions


def _numbers(soft: str, texts: Sequence[str], question: str) -> list[Mention]:
    """Mentions by number, if every option is a number: "three" for "3", "2" for "Twice"."""
    values = [numbers.of_option(text) for text in texts]
    if not texts or None in values or len(set(values)) < len(values):
        return []
    found = numbers.counts(soft, question)
    return [_as(m, values.index(m.value)) if m.value in values else _as(m, None) for m in found]


def _once(mentions: list[Mention]) -> list[Mention]:
    """Mentions in order, without those inside a longer mention of another kind."""
    kept: list[Mention] = []
    for m in sorted(mentions, key=lambda m: (m.start, -m.end)):
        if kept and m.end <= kept[-1].end and not (m.letter and kept[-1].letter):
            continue
        kept.append(m)
    return kept


def _clash(soft: str, mentions: Sequence[Mention]) -> str:
    """A letter directly beside the text of another option, separated by punctuation only; else ""."""
    for a, b in pairwise(mentions):
        if (
            a.letter == b.letter
            or a.value == b.value
            or None in (a.value, b.value)
            or PASSING in (a.strength, b.strength)
        ):
            continue
        letter = a if a.letter else b
        between = ARTICLES.sub("", soft[a.end : b.start])
        after = soft[b.end : b.end + 1]
        if (
            re.fullmatch(r"[\s.):(\-–—]{1,4}", between)
            and "\n" not in between
            and (b.letter or after in ("", ".", "\n", "!", ","))
        ):
            if (a.letter and between.strip() in ("", "-")) or (
                b.letter and "(" not in between and soft[b.start] != "("
            ):
                continue
            return LETTERS[letter.value] if isinstance(letter.value, int) else ""
    return ""


def _subject(soft: str, texts: Sequence[str], question: str) -> int | None:
    """The only option with the words of which a clause says what was asked: "the siren is heard first"."""
    wanted = content(question.lower()) - focus.ASKING
    held = set()
    clauses = [clause for clause in focus.CLAUSE.split(soft) if len(clause) <= LONGEST] if wanted else []
    for clause in few(clauses):
        words = content(clause)
        if not wanted <= words or NEGATIONS & set(clause.split()) or "n't" in clause:
            continue
        rest = words - wanted
        some = [i for i, text in enumerate(texts) if rest and rest <= content(text.lower())]
        held.add(some[0] if len(some) == 1 and len(rest) <= 6 else None)
    return held.pop() if len(held) == 1 else None


def _part(words: Words, texts: Sequence[str]) -> int | None:
    """The only option that contains a short reply contiguously: "A dog" for "A dog starts barking"."""
    reply = words.words
    if (
        not 0 < len(reply) <= 6
        or set(reply) <= FUNCTION
        or NEGATIONS & set(reply)
        or all(w in numbers.VALUES or w.isdigit() for w in reply)
    ):
        return None
    held = [i for i, text in enumerate(texts) if Words(text.lower()).holds(reply)]
    return held[0] if len(held) == 1 else None
