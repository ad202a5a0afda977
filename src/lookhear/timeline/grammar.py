"""Parse a question into a query: the program that answers it, the modality, and the named things.

    "When does the puppy bark?" ─▶ Query(program="when", stream="heard", things=(dog,))

Rules (`tables/questions.txt`) are regular expressions, tried in order from specific to general. A question that matches
no rule is compared with example sentences of the programs by word vectors; if none is similar, it is not answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, zip_longest

from lookhear.errors import well_formed
from lookhear.timeline import claims, phrases, spelling, vectors, wording
from lookhear.timeline.concepts import Concept, Meaning, meaning
from lookhear.timeline.ontology import TABLES
from lookhear.timeline.phrases import Place

ALIKE = 0.6  # smallest cosine at which a question is treated like an example sentence

HEAR = (
    r"hear|heard|hearing|sound|sounds|sounding|audio|audible|listen|noise|noises|loud|louder|loudest|say|playing|plays|"
    r"play"
)
SEE = (
    r"see|seen|seeing|visible|appear|appears|appeared|appearing|show|shown|shows|picture|image|frame|screen|look|looks|"
    r"watch|visual|visually|scene|displayed|in view"
)

LISTEN = r"hear|heard|hearing|sounds?|sounding|audio|audible|listen|noises?|loud|louder|loudest"
PLAYED = re.compile(
    r"\bwhat (?:is|are|was|were|does|do|did) "
    r"(?!.*\b(?:game|sport|movie|film|song|video)\b|(?:all )?(?:that|this|the|those|these) \w+ing\b)(?:\w+ ){1,4}"
    r"(?:play|drumm?|strumm?|blow|bow|pluck|bang|tapp?|perform)(?:ing|ed)?(?: (?:on|at|into|with|upon))?$"
)
AUXILIARY = re.compile(r"(?:is|are|was|were|do|does|did|can|could|what|which|who|where|when|how)\b")
SEEKS = ("exist", "when", "how_long", "how_often", "where", "always", "mostly", "stops", "lasts", "both", "alongside")
TWO = ("together", "order", "longer", "louder")  # programs that compare two things
KIND_WORDS = {  # word -> kind of `scene.KINDS`
    "string instrument": "string instrument", "stringed instrument": "string instrument",
    "wind instrument": "wind instrument", "brass": "wind instrument", "percussion instrument": "percussion instrument",
    "instrument": "instrument", "bird": "bird", "insect": "insect", "animal": "animal", "creature": "animal",
    "pet": "animal", "beast": "animal", "vehicle": "vehicle", "transport": "vehicle", "machine": "machine",
    "machinery": "machine", "device": "machine", "appliance": "machine", "tool": "tool",
    "sport": "sport", "exercise": "sport",
}  # fmt: skip


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


@dataclass(frozen=True)
class Query:
    """A parsed question. `things` are the named things in order; `word` is the key word ("first")."""

    program: str
    stream: str = ""  # "heard", "seen", or "" for both
    things: tuple[Meaning, ...] = ()
    kind: str = ""  # "instrument", "animal", "vehicle"
    word: str = ""
    quote: str = ""
    many: bool = False  # asked for all of them, not for one
    claims: claims.Claims = claims.NONE  # of a yes/no question
    choice: bool = False  # the question offers things to choose from
    misspelt: tuple[tuple[str, str], ...] = ()  # (word, corrected word)


LONGEST = 1_000  # longest question in characters: some patterns take quadratic time


def read(question: str, pictures: tuple[str, ...] = ()) -> Query:
    """Parse `question`; its program is "" if no rule matches. `pictures` are further class names of pictures."""
    question = well_formed(question[:LONGEST])
    wording_read = wording.plain(question)
    text = spelling.mended(wording_read.text)
    misspelt = tuple((a, b) for a, b in zip(wording_read.text.split(), text.split(), strict=True) if a != b)
    program, match = _program(text)
    if not program and "," in text and AUXILIARY.match(clause := text.rpartition(",")[2].strip()):
        text, (program, match) = clause, _program(clause)  # "woof, is that a dog"
    spoken = phrases.split(text)
    found = phrases.named_things(spoken, pictures)
    choice = _alternatives(spoken, found)
    if program in ("", "what") and (wording_read.stated or choice):
        program, match = "exist", None
    words = {} if match is None else {k.rstrip("23"): v for k, v in match.groupdict().items() if v}
    places = _named(spoken, pictures, program, found)
    stream, doing = _stream(text, places), _doing(found, places)
    if doing and not stream:
        stream = "heard"  # a dog that is seen need not bark
    if doing and stream == "heard" and program == "exist" and not phrases.usual(doing, places[0]):
        places = [Place(places[0].first, places[0].last, Meaning(places[0].meaning.phrase, doing, 1.0))]
    kind = "" if program == "exist" and places else _kind(text)
    if program in ("", "what") and not kind and PLAYED.search(text):
        program, kind = "what", "instrument"
    return Query(
        program,
        stream,
        tuple(place.meaning for place in places),
        kind,
        words.get("word", "") or words.get("trend", ""),
        _quote(question) or words.get("quote", ""),
        bool(re.search(r"\b(?:sounds|noises|instruments|animals|objects|things|all|list|everything)\b", text)),
        claims.read(spoken, places, found) if program == "exist" else claims.Claims(),
        choice,
        misspelt,
    )


def _doing(found: list[Place], places: list[Place]) -> Concept | None:
    """What the only thing of a question does, where that is a sound: the Bark of "does the dog bark"."""
    if len(places) != 1:
        return None
    others = [p for p in found if p.first not in range(places[0].first, places[0].last)]
    done = (phrases.deed(place, places[0]) or phrases.deed(places[0], place) for place in others)
    return next((concept for concept in done if concept), None)


def _alternatives(words: list[str], places: list[Place]) -> bool:
    """Whether a question without a verb offers things to choose from: "sax or trumpet", "which: a or b"."""
    return len(places) > 1 and any("or" in words[a.last : b.first] for a, b in pairwise(places))


def _stream(text: str, places: list[Place]) -> str:
    """The modality that a question asks about; "playing" means "heard" only for things that make sounds."""
    hears, sees = bool(re.search(rf"\b(?:{HEAR})\b", text)), bool(re.search(rf"\b(?:{SEE})\b", text))
    known = [p.meaning.concept for p in places if p.meaning.concept]
    silent = known and not any(c.heard for c in known) and not re.search(rf"\b(?:{LISTEN})\b", text)
    if hears and not sees and not silent:
        return "heard"
    return "seen" if sees and not hears else ""


def _program(text: str) -> tuple[str, re.Match | None]:
    for program, pattern in rules():
        if found := pattern.search(text):
            return program, found
    if not vectors.is_installed():
        return "", None
    example, cosine = vectors.nearest_sentence(text, tuple(EXAMPLES.values()))
    return (next(p for p, e in EXAMPLES.items() if e == example) if cosine >= ALIKE else ""), None


def _kind(text: str) -> str:
    """The kind of thing that a question asks for: the first word of KINDS in it."""
    said = {re.sub(r"(?:e?s)$", "", w) if w.endswith("s") else w for w in phrases.split(text)}
    return next((kind for word, kind in KIND_WORDS.items() if word in said or f" {word}" in f" {text}"), "")


def _quote(question: str) -> str:
    found = re.search(r"[\"“‘']([^\"“”‘’']{2,})[\"”’'](?:\W|$)", question)
    return found[1].strip() if found else ""


def _named(words: list[str], pictures: tuple[str, ...], program: str, places: list[Place]) -> list[Place]:
    """The things of a question; if none is known, the remaining words are one unknown thing."""
    named = [p for p in places if p.meaning.concept and not (p.meaning.concept.nameless and _person(p))]
    compound = any(p.meaning.concept is None and p.meaning.near for p in places)  # a guitar case: parsed as written
    if program == "exist" and len(named) == 2 and words[named[0].last : named[1].first][:1] in (["from"], ["by"]):
        named, places = named[1:], named[1:]  # "is that buzzing from a mower": the question is whether that is there
    if not named and not compound and program in SEEKS:
        places = _left_over(words, pictures) or places
    if named and program in SEEKS:
        after = named[0].last
        places = [
            p for p in places if p.meaning.concept is None or not _person(p) or (p.first >= after and _is_a(words, p))
        ]
    if program in TWO:  # "does anyone talk while …": the person is the one who talks
        places = [p for p, after in zip_longest(places, places[1:]) if not (_person(p) and after and _does(p, after))]
    return phrases.distinct(places, words)


def _does(person: Place, after: Place) -> bool:
    """Whether the next place is what a person does."""
    return after.first - person.last <= 1 and phrases.human(after)


def _person(place: Place) -> bool:
    return place.meaning.concept is not None and place.meaning.concept.name == "person"


def _is_a(words: list[str], place: Place) -> bool:
    """Whether a person is the predicate of another thing, or one of two alternatives: "is the singer a woman"."""
    return words[place.first] in ("a", "an") or "or" in words[max(0, place.first - 2) : place.first]


def _left_over(words: list[str], pictures: tuple[str, ...]) -> list[Place]:
    """The words outside the form of the question, as one phrase: an unknown thing, or a similar known one."""
    rest = [i for i, w in enumerate(words) if w not in phrases.fixed() and len(w) > 1]
    known = [i for i in rest if (m := meaning(words[i], pictures)).concept and m.concept.name != "person"]
    if not rest:
        return []
    if len(known) == 1:
        return [Place(known[0], known[0] + 1, meaning(words[known[0]], pictures))]
    return [Place(rest[0], rest[-1] + 1, meaning(" ".join(words[i] for i in rest), pictures))]
