"""Read a question: which program answers it, of which sense, about which things.

    "When does the puppy bark?" ─▶ Query(program="when", stream="heard", things=(dog,))

Rules (`tables/questions.txt`) are regular expressions, tried in order, the special before the general. A question that
no rule reads is compared with an example sentence of each program by word vectors; one like none is not answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lookhear.timeline import vectors
from lookhear.timeline.concepts import Meaning, meaning, singular, table
from lookhear.timeline.ontology import TABLES, sounds

ALIKE = 0.6  # cosine from which on a question is read as the example sentence it is most like

HEAR = (
    r"hear|heard|hearing|sound|sounds|sounding|audio|audible|listen|noise|noises|loud|louder|loudest|say|playing|plays|"
    r"play"
)
SEE = (
    r"see|seen|seeing|visible|appear|appears|appeared|appearing|show|shown|shows|picture|image|frame|screen|look|looks|"
    r"watch|visual|visually|scene|displayed|in view"
)


@lru_cache(maxsize=1)
def rules() -> tuple[tuple[str, re.Pattern], ...]:
    """(program, pattern) of each rule of `tables/questions.txt`, in the order in which they are tried."""
    lines = (TABLES / "questions.txt").read_text("utf-8").splitlines()
    pairs = (line.split("\t", 1) for line in lines if line and not line.startswith("#"))
    return tuple((program, re.compile(pattern)) for program, pattern in pairs)


EXAMPLES = {
    "what": "what noises can you make out",
    "said": "tell me the words that are spoken",
    "when": "at which moment does it happen",
    "where": "in which part of the frame is it",
    "count": "the number of different instruments",
    "exist": "does it appear in this clip",
    "extreme": "the one that starts before all others",
    "matched": "does the audio belong to the picture",
    "silence": "nothing can be heard",
    "how_long": "the time that it lasts",
}
PEOPLE = ("somebody", "someone", "anybody", "anyone", "people", "man", "woman", "person", "the man", "the woman")
NO_THING = """
video clip recording film second time moment instrument thing object kind type source picture left right
middle scene first last musician player image screen instruments show stage sound number track audio noise
part end start beginning name voice run play ring note hand tap roll rub hum
"""
NOT_THINGS = frozenset(NO_THING.split()) | {"musical instrument", "sounding object", "camera shot"}


@dataclass(frozen=True)
class Query:
    """A question as it was read. `things` are what it names, in order; `word` is what it turns on ("first")."""

    program: str
    stream: str = ""  # "heard", "seen", or "" for either
    things: tuple[Meaning, ...] = ()
    kind: str = ""  # "instrument", "animal", "vehicle"
    word: str = ""
    quote: str = ""
    many: bool = False  # asked for all of them, not for one


def read(question: str, pictures: tuple[str, ...] = ()) -> Query:
    """How `question` was read; its program is "" where nothing fits. `pictures` are class names that count as words."""
    text = " ".join(question.lower().replace("_", " ").split()).rstrip("?!. ")
    program, found = _program(text)
    words = {} if found is None else {k.rstrip("2"): v for k, v in found.groupdict().items() if v}
    hears, sees = bool(re.search(rf"\b(?:{HEAR})\b", text)), bool(re.search(rf"\b(?:{SEE})\b", text))
    stream = "heard" if hears and not sees else "seen" if sees and not hears else ""
    return Query(
        program,
        stream,
        things(text, pictures, program),
        _kind(text),
        words.get("word", "") or words.get("trend", ""),
        _quote(question) or words.get("quote", ""),
        bool(re.search(r"\b(?:sounds|noises|instruments|animals|objects|things|all|list|everything)\b", text)),
    )


def _program(text: str) -> tuple[str, re.Match | None]:
    for program, pattern in rules():
        if found := pattern.search(text):
            return program, found
    if not vectors.there():
        return "", None
    example, cosine = vectors.nearest(text, tuple(EXAMPLES.values()))
    return (next(p for p, e in EXAMPLES.items() if e == example) if cosine >= ALIKE else ""), None


def _kind(text: str) -> str:
    if re.search(r"\binstruments?\b", text):
        return "instrument"
    if re.search(r"\b(?:animals?|creatures?|pets?)\b", text):
        return "animal"
    return "vehicle" if re.search(r"\bvehicles?\b", text) else ""


def _quote(question: str) -> str:
    found = re.search(r"[\"“‘']([^\"”’']{2,})[\"”’'](?:\W|$)", question)
    return found[1].strip() if found else ""


FORM = """
what which who where when how is are was were do does did can could you there in on at of to the a an this
that it and or than then from with for any some be been has have hear heard see seen sound sounds sounding
sounded loud louder loudest visible audible first last before after same time while during come comes coming
make makes making made play plays playing played always most more many much long longer often times main whole
entire throughout happen happens start starts begin begins end ends appear appears shown seconds second side
left right middle not never both only voice say said says show shows look looks let me tell please us i video
clip recording film movie really ever also different kinds kind type types number picture image screen musical
instrument instruments object objects thing something anything someone rhythmic leftest rightest lowest
quieter quietest softer soundtrack footage one
"""
SKIPPED = frozenset(FORM.split())


def things(text: str, pictures: tuple[str, ...] = (), program: str = "") -> tuple[Meaning, ...]:
    """What a question names: the longest phrases of the tables of words, then what is left over as unknown words."""
    known, words, seen = table(), re.findall(r"[\w'-]+", text), {p.lower() for p in pictures}
    found: list[Meaning] = []
    at = 0
    while at < len(words):
        for size in range(min(4, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + size])
            word = singular(phrase)
            named = word in known or (size > 1 and word in seen)
            if named and word not in NOT_THINGS and not (size == 1 and words[at] in SKIPPED):
                found.append(meaning(phrase, pictures))
                at += size
                break
        else:
            at += 1
    if not found and program in ("exist", "when", "how_long", "how_often", "where", "always", "both"):
        found = _left_over(words, pictures)
    certain = [one for one in found if one.concept and not one.concept.nameless]
    if certain and program in ("exist", "when", "how_long", "how_often", "always"):
        found = [one for one in found if one.concept is None or one.phrase not in PEOPLE or not one.concept.nameless]
    return tuple(dict.fromkeys(one for i, one in enumerate(found) if not any(_manner(one, f) for f in found[:i])))


def _manner(one: Meaning, other: Meaning) -> bool:
    """Whether what is named is another named thing again, or only what it does: the bark in "the dog barks"."""
    if one.concept is None or other.concept is None or one.concept == other.concept:
        return one.concept is not None and one.concept == other.concept
    kinds = {k for h in other.concept.heard for k in sounds().kinds(h)}
    instrument = any("Musical instrument" in sounds().above.get(h, ()) for h in one.concept.heard)
    return bool(one.concept.heard) and set(one.concept.heard) < kinds and not instrument


def _left_over(words: list[str], pictures: tuple[str, ...]) -> list[Meaning]:
    """The words of a question that are not of its form, as one phrase: a thing that the tables do not know."""
    rest = [w for w in words if w not in SKIPPED and len(w) > 1]
    return [meaning(" ".join(rest), pictures)] if rest else []
