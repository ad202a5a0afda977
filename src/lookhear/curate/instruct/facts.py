"""What a text claims of its clip, held against what is known: times, places, and things that are named.

    times     inside the clip; where a sentence dates an event whose times are known, in agreement with them
    places    boxes and points lie in the picture of 224 x 224 pixels and are not inside out
    things    instruments, animals, vehicles and machines are among those known of the clip, or seen or heard in it

Each function returns what contradicts, "" where nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from lookhear.curate.instruct.phrases import lines
from lookhear.datasets.reading import replies
from lookhear.tasks.reading import boxes, reader
from lookhear.timeline import concepts
from lookhear.timeline.concepts import Concept
from lookhear.timeline.ontology import sounds
from lookhear.types import Example, Segment

SLACK = 0.5  # seconds that a clip may be longer than is known
NEAR = 1.0  # seconds within which two times agree: people and labels count in whole seconds
ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
        "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = {word: n for n, word in enumerate(ONES)} | {word: 10 * n for n, word in enumerate(TENS, 2)}
WORDS |= {f"{ten}{mark}{ONES[n]}": 10 * t + n for t, ten in enumerate(TENS, 2) for n in range(1, 10) for mark in "- "}
_WORD = "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True))
_N = rf"(?:(?<!\d)\d{{1,9}}(?:\.\d{{1,9}})?(?!\d)|\b(?:{_WORD})\b)"  # of so many digits at most
_UNIT = r"(?:[- ]?(?:s|secs?|seconds?)\b)"
_CLOCK = r"\d{1,2}:[0-5]\d(?:\.\d+)?"
_LONG = rf"{_N} ?(?:min|minutes?)\b(?:(?: and)? {_N}{_UNIT})?"
_TIME = rf"(?:{_CLOCK}|{_LONG}|(?:the )?{_N}(?:st|nd|rd|th)(?: seconds?\b)|seconds? {_N}|{_N}{_UNIT}?)"
_RANGE = re.compile(
    rf"(?:(?:from|between)(?: about| around| second| seconds){{0,3}} )?(?P<a>{_TIME}) ?(?:to|and|until|till|through"
    rf"|(?<=[\ds])[-–—](?=\d)|(?<=[\ds] )[-–—](?= \d))(?: about| around)? ?(?P<b>{_TIME})",
    re.IGNORECASE,
)
_ONE = re.compile(
    rf"{_CLOCK}|{_LONG}|\b{_N}(?:st|nd|rd|th) seconds?\b|\bseconds? {_N}(?!\d)|(?<![\d:.]){_N}{_UNIT}", re.IGNORECASE
)
_DENIAL = re.compile(r"\b(?:not?|never|nor|neither|without|silent|silence|quiet|absent|nothing|none|\w+n['’]t)\b", re.I)
_PLACE = re.compile(
    r"\[[^\[\]\n]{0,60}\]|\(\s*-?\d+(?:\.\d+)?\s*,\s*-?\d+(?:\.\d+)?(?:\s*,\s*-?\d+(?:\.\d+)?){0,2}\s*\)"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_TAGGED = re.compile(  # from the last opening tag to its end, so that time grows with length alone
    r"<(event|range|visual|audio|visual_event|audio_event|answer)>[^<]*+(?:<(?!/?\1>)[^<]*+)*+</\1>", re.IGNORECASE
)

KINDS = (("Musical instrument", "musical instrument"), ("Animal", "animal"), ("Vehicle", "vehicle"))


def late(text: str, length: float) -> str:
    """The first time named that a clip of `length` seconds does not have; "" too where the length is not known."""
    bare = _PLACE.sub(" ", text)
    named = [time for sentence in _SENTENCE.split(bare) for _, times in dated(sentence) for time in times]
    beyond = next((time for time in named if length > 0 and time > length + SLACK), None)
    return "" if beyond is None else f"{beyond:g} s"


def dated(sentence: str) -> Iterator[tuple[int, tuple[float, ...]]]:
    """(place, (start, end) or (moment,)) of the times a sentence names."""
    taken = [(0, 0)]
    for found in _RANGE.finditer(sentence):
        if not _ONE.search(found[0]) and not re.search(rf"{_UNIT}|\bseconds? (?:from )?$", _around(sentence, found)):
            continue  # two numbers that count something else
        start, end = seconds(found["a"]), seconds(found["b"])
        if start is not None and end is not None:
            taken.append(found.span())
            yield found.start(), (start, end)
    for found in _ONE.finditer(sentence):
        time = seconds(found[0])
        if time is not None and not any(a <= found.start() < b for a, b in taken):
            yield found.start(), (time,)


def _around(sentence: str, found: re.Match[str]) -> str:
    return sentence[max(0, found.start() - 12) : found.start()]


def seconds(text: str) -> float | None:
    """A time in seconds: 7, 7.5 s, 1:15, 1 minute 15 seconds, the 7th second, seven seconds."""
    low = text.lower().strip()
    if clock := re.search(r"(\d{1,2}):([0-5]\d(?:\.\d+)?)", low):
        return 60 * int(clock[1]) + float(clock[2])
    numbers = [
        float(n) if n[0].isdigit() else float(WORDS[n]) for n in re.findall(rf"\d+(?:\.\d+)?|\b(?:{_WORD})\b", low)
    ]
    if not numbers:
        return None
    if re.search(r"min", low):
        return 60 * numbers[0] + (numbers[1] if len(numbers) > 1 else 0)
    return numbers[0]


def untrue_time(text: str, segments: Sequence[Segment], whole: bool) -> str:
    """A time of a known event that its known times exclude.

    A time is about the events named since the last one, or about the next. `whole`: `segments` are all there is of each
    event, so stretches must lie inside them. Else they are some of it, those an answer rests on: then it is a fault
    only where all that is said of an event's times lies elsewhere.
    """
    spans: dict[str, list[tuple[float, float]]] = {}
    for segment in segments:
        if segment.end > segment.start:
            spans.setdefault(segment.label, []).append((segment.start, segment.end))
    wrong: dict[str, str] = {}
    right: set[str] = set()
    for labels, times in _told(text, tuple(spans)):
        known = [span for label in labels for span in spans[label]]
        if _agrees(times, known, whole):
            right |= set(labels)
            continue
        said = " to ".join(f"{t:g}" for t in times)
        known_times = ", ".join(f"{a:g} to {b:g}" for a, b in dict.fromkeys(known))
        wrong.setdefault(labels[-1], f"{labels[-1]} at {said} s, known are {known_times}")
    return next((why for label, why in wrong.items() if whole or label not in right), "")


def _told(text: str, labels: Sequence[str]) -> Iterator[tuple[list[str], tuple[float, ...]]]:
    """(which of `labels`, the times said of them), sentence by sentence; what is denied does not count."""
    for sentence in _SENTENCE.split(_TAGGED.sub(" ", text)):
        if _DENIAL.search(sentence):
            continue
        places = sorted((at, label) for label in labels for at in _mentions(sentence, label))
        before = 0
        for at, times in sorted(dated(sentence)):
            about = [label for place, label in places if before <= place < at]
            about = about or [label for place, label in places if place > at][:1]
            if about:
                yield about, times
            before = at


def _agrees(times: tuple[float, ...], spans: Sequence[tuple[float, float]], whole: bool) -> bool:
    start, end = times[0], times[-1]
    if whole:
        return any(a - NEAR <= start and end <= b + NEAR for a, b in [*spans, *_joined(spans)])
    return any(start <= b + NEAR and end >= a - NEAR for a, b in spans)


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans with gaps of up to a second closed."""
    found: list[tuple[float, float]] = []
    for a, b in sorted(spans):
        if found and a <= found[-1][1] + NEAR:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        else:
            found.append((a, b))
    return found


def _mentions(sentence: str, label: str) -> list[int]:
    """Where a sentence names the event: its label's words, or a word for the same thing."""
    concept = concepts.meaning(label.replace("_", " ")).concept
    own = re.escape(label.replace("_", " ").split(",")[0].split("(")[0].strip())
    found = [m.start() for m in re.finditer(rf"\b{own}", sentence, re.IGNORECASE)] if own else []
    found += [at for at, _, other in things(sentence) if concept and other.name == concept.name]
    return sorted(set(found))


def outside(text: str) -> str:
    """A box or point that is not inside the picture, or a box that is inside out."""
    for found in _PLACE.finditer(text):
        some, points = replies.coordinates(found[0])
        for box in some:
            if min(box) < 0 or max(box) >= boxes.SIZE or box[0] >= box[2] or box[1] >= box[3]:
                return found[0]
        for point in points if found[0][0] == "[" else ():
            if min(point) < 0 or max(point) >= boxes.SIZE:
                return found[0]
    return ""


def strange(text: str, known: Sequence[str]) -> str:
    """A thing that `text` says is there and that is none of `known`, nor a kind of one, nor what one is a kind of."""
    names, heard = set[str](), set[str]()
    for phrase in known:
        plain = re.sub(r"[_/,;()<>\[\]]", " ", phrase)
        some = [concept for _, _, concept in things(plain, every=True)]
        some += [c] if (c := concepts.meaning(plain).concept) and len(plain.split()) < 5 else []
        names |= {concept.name for concept in some} | set(reader.words(plain))
        heard |= {name for concept in some if not concept.nameless for name in concept.heard}
    tree = sounds()
    above = {upper for name in heard for upper in tree.above.get(name, ())} - {k for k, _ in KINDS}
    for at, word, concept in things(text):
        related = concept.name in names or any(  # a nameless one has but the class of something larger
            not concept.nameless and (name in heard or name in above or heard & set(tree.above.get(name, ())))
            for name in concept.heard
        )
        said = set(reader.words(word))
        if not related and not said & names and not _denied(text[:at]):
            return word
    return ""


def _denied(before: str) -> bool:
    """Whether what follows these words is said not to be there."""
    return bool(_DENIAL.search(" ".join(_SENTENCE.split(before)[-1].split()[-5:])))


@lru_cache(maxsize=1)
def _plain_things() -> dict[str, Concept]:
    """Words for instruments, animals, vehicles and machines that are hardly ever meant otherwise."""
    table, common = concepts.table(), set(lines("common.txt"))
    found = {w: c for w, c in table.items() if any(c.within(*kind) for kind in KINDS) and w not in common}
    return found | {w: table[w] for w in lines("machines.txt") if w in table}


def things(text: str, every: bool = False) -> Iterator[tuple[int, str, Concept]]:
    """(place, words, concept) of what `text` names, the longest words first; `every`: of all concepts there are."""
    table = concepts.table() if every else _plain_things()
    words = [(m.start(), m[0]) for m in re.finditer(r"[A-Za-z][A-Za-z'-]*", text)]
    i = 0
    while i < len(words):
        for size in (3, 2, 1):
            phrase = " ".join(word for _, word in words[i : i + size]).lower()
            bare = phrase.removesuffix("'s")
            concept = table.get(bare) or table.get(concepts.singular(bare))
            if concept is not None and len(words) >= i + size:
                yield words[i][0], re.sub(r"^(?:an?|the|some) ", "", phrase), concept
                i += size - 1
                break
        i += 1


def known(example: Example, vocabulary: Sequence[str] = ()) -> list[str]:
    """Every phrase that says what is in the example's clip; of questions also the answers there can be."""
    reference, meta = example.reference, example.meta
    found = [example.question, reference.text if reference else ""]
    found += [s.label for s in reference.segments] + [r.label for r in reference.regions] if reference else []
    found += [str(one) for one in (*meta.get("options", ()), *meta.get("events", ()), *meta.get("items", ()))]
    found += [str(meta.get(key) or "") for key in ("because", "reasoning", "caption", "description")]
    if example.task == "question_answering":
        found += [*vocabulary, *meta.get("labels", ())]
    return [phrase for phrase in dict.fromkeys(found) if phrase]
