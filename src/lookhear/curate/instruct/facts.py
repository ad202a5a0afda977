"""Compare the claims of a text with what is known of its clip: times, places, and named things.

    times     must be inside the clip; times of an event with known times must agree with them
    places    boxes and points must be inside the picture of 224 x 224 pixels; boxes must not be inverted
    things    instruments, animals, vehicles and machines must be known of the clip, or seen or heard in it

`late`, `contradicted_time`, `outside` and `unsupported_thing` return the first contradiction, "" if there is none.
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

SLACK = 0.5  # seconds by which a time may exceed the known length
NEAR = 1.0  # seconds within which two times agree: people and labels use whole seconds
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
    """The first time in `text` after the end of a clip of `length` seconds; "" for an unknown length (0)."""
    bare = _PLACE.sub(" ", text)
    named = [time for sentence in _SENTENCE.split(bare) for _, times in dated(sentence) for time in times]
    beyond = next((time for time in named if length > 0 and time > length + SLACK), None)
    return "" if beyond is None else f"{beyond:g} s"


def dated(sentence: str) -> Iterator[tuple[int, tuple[float, ...]]]:
    """(position, (start, end) or (moment,)) of each time in a sentence; times are in seconds."""
    taken = [(0, 0)]
    for match in _RANGE.finditer(sentence):
        if not _ONE.search(match[0]) and not re.search(rf"{_UNIT}|\bseconds? (?:from )?$", _around(sentence, match)):
            continue  # two numbers that are no times
        start, end = seconds(match["a"]), seconds(match["b"])
        if start is not None and end is not None:
            taken.append(match.span())
            yield match.start(), (start, end)
    for match in _ONE.finditer(sentence):
        time = seconds(match[0])
        if time is not None and not any(a <= match.start() < b for a, b in taken):
            yield match.start(), (time,)


def _around(sentence: str, found: re.Match[str]) -> str:
    return sentence[max(0, found.start() - 12) : found.start()]


def seconds(text: str) -> float | None:
    """A time in seconds, None without a number: 7, 7.5 s, 1:15, 1 minute 15 seconds, the 7th second, seven seconds."""
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


def contradicted_time(text: str, segments: Sequence[Segment], whole: bool) -> str:
    """The first time of a known event that contradicts its known times.

    A time belongs to the events named since the previous time, or else to the next event. `whole`: `segments` are all
    occurrences of each event, so every time must lie inside them. Otherwise they are only the evidence of the answer,
    and an event is at fault only if none of its times in the text agrees.
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
    """(events out of `labels`, their times), sentence by sentence; sentences with a negation are skipped."""
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
    """Spans with gaps of up to NEAR seconds closed."""
    joined: list[tuple[float, float]] = []
    for a, b in sorted(spans):
        if joined and a <= joined[-1][1] + NEAR:
            joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
        else:
            joined.append((a, b))
    return joined


def _mentions(sentence: str, label: str) -> list[int]:
    """Positions in a sentence that name the event, by its label or by a word for the same concept."""
    concept = concepts.meaning(label.replace("_", " ")).concept
    own = re.escape(label.replace("_", " ").split(",")[0].split("(")[0].strip())
    found = [m.start() for m in re.finditer(rf"\b{own}", sentence, re.IGNORECASE)] if own else []
    found += [at for at, _, other in things(sentence) if concept and other.name == concept.name]
    return sorted(set(found))


def outside(text: str) -> str:
    """The first box or point that is not inside the picture, or inverted box."""
    for match in _PLACE.finditer(text):
        rectangles, points = replies.coordinates(match[0])
        for box in rectangles:
            if min(box) < 0 or max(box) >= boxes.SIZE or box[0] >= box[2] or box[1] >= box[3]:
                return match[0]
        for point in points if match[0][0] == "[" else ():
            if min(point) < 0 or max(point) >= boxes.SIZE:
                return match[0]
    return ""


def unsupported_thing(text: str, known: Sequence[str]) -> str:
    """The first thing that `text` affirms and that is not in `known`, nor broader or narrower than a thing in it."""
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
        related = concept.name in names or any(  # a nameless concept has only the class of a broader one
            not concept.nameless and (name in heard or name in above or heard & set(tree.above.get(name, ())))
            for name in concept.heard
        )
        said = set(reader.words(word))
        if not related and not said & names and not _denied(text[:at]):
            return word
    return ""


def _denied(before: str) -> bool:
    """Whether the last five words of `before` in the same sentence contain a negation."""
    return bool(_DENIAL.search(" ".join(_SENTENCE.split(before)[-1].split()[-5:])))


@lru_cache(maxsize=1)
def _unambiguous_things() -> dict[str, Concept]:
    """Words for instruments, animals, vehicles and machines that rarely have another meaning."""
    table, common = concepts.table(), set(lines("common.txt"))
    found = {w: c for w, c in table.items() if any(c.within(*kind) for kind in KINDS) and w not in common}
    return found | {w: table[w] for w in lines("machines.txt") if w in table}


def things(text: str, every: bool = False) -> Iterator[tuple[int, str, Concept]]:
    """(position, words, concept) of each thing in `text`, the longest match first; `every`: of any concept at all."""
    table = concepts.table() if every else _unambiguous_things()
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
    """Every phrase about the content of the example's clip; for questions also all possible answers."""
    reference, meta = example.reference, example.meta
    phrases = [example.question, reference.text if reference else ""]
    phrases += [s.label for s in reference.segments] + [r.label for r in reference.regions] if reference else []
    phrases += [str(one) for one in (*meta.get("options", ()), *meta.get("events", ()), *meta.get("items", ()))]
    phrases += [str(meta.get(key) or "") for key in ("because", "reasoning", "caption", "description")]
    if example.task == "question_answering":
        phrases += [*vocabulary, *meta.get("labels", ())]
    return [phrase for phrase in dict.fromkeys(phrases) if phrase]
