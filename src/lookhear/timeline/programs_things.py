"""Programs about one or two named things: is it there, when, how long, how often, where, and two compared."""

from __future__ import annotations

from dataclasses import replace

from lookhear.timeline import place
from lookhear.timeline.concepts import Concept
from lookhear.timeline.finding import (
    STREAM,
    Finding,
    Unknown,
    boxes_of,
    concept,
    named,
    number,
    seconds,
    senses,
    stretches_of,
    unknown,
)
from lookhear.timeline.grammar import Query
from lookhear.timeline.ontology import sounds
from lookhear.timeline.scene import Scene
from lookhear.types import Segment

SURE = 0.5  # probability from which a thing counts as present
UNSEEN = 0.75  # highest confidence of a "no" if the thing may be visible but only sound classes are known
GLIMPSED = 0.8  # highest confidence that a thing is not in the picture: its classifier names one thing of a frame
OBJECTS = {"Animal", "Musical instrument", "Vehicle", "Tools", "Household sounds", "Engine"}
LOUDER = 2.0  # smallest difference in dB at which one thing is louder
LAST = 1.0  # seconds before the end up to which a thing must last to go on until the end


def exist(scene: Scene, query: Query) -> Finding:
    """Is there …? Do you hear …? For several: each as claimed, present or absent; or which of two."""
    if not query.things and query.kind:
        return _any_of(scene, query)
    claimed = query.claims
    if claimed.either:
        return _either(scene, query)
    findings = [_presence(scene, thing, query) for thing in named(query)]
    likely = [f.among["yes"] if w else 1 - f.among["yes"] for f, w in zip(findings, _wanted(query), strict=True)]
    worst = (max if claimed.some else min)(range(len(findings)), key=lambda i: likely[i])  # it decides the answer
    parts = tuple(s for f in findings for s in f.segments), tuple(r for f in findings for r in f.regions)
    text, sure = _yes_no(likely[worst])
    if claimed.unchecked:
        _checked(query, findings, text)
    if claimed.spatial and (text == "yes" or not all(t.seen for t in named(query))):
        raise Unknown(f"Labels and times do not tell whether one is {claimed.spatial!r} the other.")
    if text == "no" and _unseen(scene, query):
        sure = min(sure, UNSEEN)
    elif _overlooked(findings[worst]):
        sure = min(sure, GLIMPSED)
    among = {"yes": likely[worst], "no": 1 - likely[worst]}
    return Finding(text, sure, *parts, _denied(query), among, findings[worst].opinions)


def _unseen(scene: Scene, query: Query) -> bool:
    """Whether the thing may be visible and silent although no picture class exists for it."""
    above = sounds().above
    silent = [t for t in named(query) if not t.seen and any(OBJECTS & set(above.get(h, ())) for h in t.heard)]
    return query.stream == "" and scene.has("seen") and bool(silent)


def _overlooked(finding: Finding) -> bool:
    """Whether a thing counts as absent because the picture alone does not show it."""
    return finding.among["yes"] < SURE and list(finding.opinions) == [STREAM["seen"]]


def _wanted(query: Query) -> tuple[bool, ...]:
    """For each thing, whether the question claims that it is present."""
    wanted = query.claims.wanted
    return wanted if len(wanted) == len(query.things) else (True,) * len(query.things)


def _denied(query: Query) -> tuple[str, ...]:
    """What "yes" means if the question is negated."""
    if all(_wanted(query)):
        return ()
    said = [t.phrase if w else f"no {t.phrase}" for t, w in zip(query.things, _wanted(query), strict=True)]
    return (f"yes means: {', '.join(said)}",)


def _checked(query: Query, found: list[Finding], text: str) -> None:
    """Raises Unknown if the question is about a property of a thing: labels cannot confirm it."""
    rest = " ".join(query.claims.unchecked)
    if text == "yes" or query.claims.definite:
        there = all(f.among["yes"] >= SURE for f in found)
        name = query.things[0].phrase
        start = f"{name!r} is there" if there else f"{name!r} is not clearly there"
        raise Unknown(f"{start}; labels, times and words do not tell whether {rest!r} is true of it.")


def _either(scene: Scene, query: Query) -> Finding:
    """Which of the named things are there."""
    if query.claims.unchecked or len(set(named(query))) < 2:
        raise Unknown("Labels, times and words do not tell these apart.")
    findings = {thing.phrase: _presence(scene, concept(thing), query) for thing in query.things}
    likely = {name: f.among["yes"] for name, f in findings.items()}
    best = max(likely, key=lambda name: likely[name])
    if likely[best] < SURE:
        sure = min(1 - likely[best], GLIMPSED if any(map(_overlooked, findings.values())) else 1.0)
        return Finding("neither" if len(findings) == 2 else "none", sure, among=likely)
    names = [concept(t).name for t in query.things if likely[t.phrase] >= SURE]
    others = [p for p in likely.values() if p < SURE]
    chosen = [f for name, f in findings.items() if likely[name] >= SURE]
    sure = min([likely[n] for n in likely if likely[n] >= SURE] + [1 - p for p in others])
    shown = tuple(s for f in chosen for s in f.segments), tuple(r for f in chosen for r in f.regions)
    return Finding(", ".join(dict.fromkeys(names)), sure, *shown, opinions=findings[best].opinions)


def _presence(scene: Scene, thing: Concept, query: Query) -> Finding:
    likely = {stream: scene.probability(thing, stream) for stream in senses(scene, thing, query)}
    best = max(likely, key=lambda s: likely[s])
    yes = likely[best]
    shown = stretches_of(scene, thing, best) if yes >= SURE else ()
    boxes = boxes_of(scene, thing) if yes >= SURE and "seen" in likely else ()
    opinions = {STREAM[s]: {"yes": round(p, 3), "no": round(1 - p, 3)} for s, p in likely.items()}
    return Finding("yes", yes, shown, boxes, among={"yes": yes, "no": 1 - yes}, opinions=opinions)


def _any_of(scene: Scene, query: Query) -> Finding:
    """Is there any instrument, any animal?"""
    events = [e for s in ([query.stream] if query.stream else ["heard", "seen"]) for e in scene.events(s, query.kind)]
    sure = max((e.score for e in events), default=0.1)
    return Finding(*_yes_no(sure if events else 0.25), among={"yes": sure, "no": 1 - sure})


def _yes_no(yes: float) -> tuple[str, float]:
    return ("yes", yes) if yes >= SURE else ("no", 1 - yes)


def _present(scene: Scene, thing: Concept, query: Query) -> tuple[str, float]:
    """(modality in which a thing is present, probability). Raises Unknown if it is present in none."""
    likely = {stream: scene.probability(thing, stream) for stream in senses(scene, thing, query)}
    best = max(likely, key=lambda s: likely[s])
    if likely[best] < SURE:
        raise Unknown(f"No {thing.name} is {best} here (probability {likely[best]:.2f}).")
    return best, likely[best]


def when(scene: Scene, query: Query) -> Finding:
    """When is … heard or seen?"""
    thing = named(query)[0]
    stream, sure = _present(scene, thing, query)
    found = stretches_of(scene, thing, stream)
    text = ", ".join(f"{s.start:g} to {s.end:g} s" for s in found)
    return Finding(text, 0.8 * sure, found, boxes_of(scene, thing) if stream == "seen" else ())


def how_long(scene: Scene, query: Query) -> Finding:
    """How long is … heard or seen?"""
    if not query.things:
        return unknown("The question does not say of what; ask 'How long is the video?' for its length.")
    thing = named(query)[0]
    stream, sure = _present(scene, thing, query)
    found = stretches_of(scene, thing, stream)
    return Finding(seconds(round(sum(s.end - s.start for s in found), 1)), 0.7 * sure, found)


def how_often(scene: Scene, query: Query) -> Finding:
    """How often is … heard? Counts stretches; gaps of less than a second are ignored."""
    thing = named(query)[0]
    stream, sure = _present(scene, thing, query)
    found = stretches_of(scene, thing, stream)
    note = "Counted in stretches; repetitions within a second count as one."
    return Finding(number(len(found)), 0.5 * sure, found, notes=(note,))


def always(scene: Scene, query: Query) -> Finding:
    """Is … always heard (seen)?"""
    return _shared(scene, query, 0.9)


def mostly(scene: Scene, query: Query) -> Finding:
    """Is … heard (seen) for most of the time?"""
    return _shared(scene, query, 0.5)


def stops(scene: Scene, query: Query) -> Finding:
    """Does … ever stop? The opposite of `always`."""
    lasting = always(scene, query)
    return replace(lasting, text="no" if lasting.text == "yes" else "yes")


def lasts(scene: Scene, query: Query) -> Finding:
    """Does … go on until the end? A thing must be there in the last second."""
    thing = named(query)[0]
    stream, sure = _present(scene, thing, query)
    found = stretches_of(scene, thing, stream)
    last = max((s.end for s in found), default=0.0)
    return Finding("yes" if last > scene.timeline.duration - LAST else "no", 0.9 * sure, found)


def _shared(scene: Scene, query: Query, least: float) -> Finding:
    """Whether a thing lasts for a share of the time; less confident near the limit."""
    thing = named(query)[0]
    stream, sure = _present(scene, thing, query)
    found = stretches_of(scene, thing, stream)
    share = sum(s.end - s.start for s in found) / scene.timeline.duration
    clear = share >= least + 0.05 or share < least - 0.2
    return Finding("yes" if share >= least else "no", sure * (0.9 if clear else 0.6), found)


def where(scene: Scene, query: Query) -> Finding:
    """Where is …? From the class activation map; approximate."""
    if not query.things:
        return unknown("The question names nothing that could be placed.")
    wanted = named(query)[0]
    seen = Query(query.program, "seen", query.things)
    _, sure = _present(scene, wanted, seen)
    boxes = boxes_of(scene, wanted)
    if not boxes or boxes[0].box is None:
        return unknown(f"The {wanted.name} is seen, but not clearly enough in any second to be placed.")
    box = boxes[0].box
    text = place.side(box)
    if query.word:
        text = "yes" if query.word.replace("centre", "middle").replace("center", "middle") == text else "no"
    return Finding(
        text,
        0.6 * sure,
        stretches_of(scene, wanted, "seen"),
        boxes,
        notes=("The place is that of the class map: rough.",),
    )


def together(scene: Scene, query: Query) -> Finding:
    """Are … and … there at the same time?"""
    first, second = named(query, 2)[:2]
    spans = [stretches_of(scene, t, _present(scene, t, query)[0]) for t in (first, second)]
    sure = min(_present(scene, t, query)[1] for t in (first, second))
    shared = sum(max(0.0, min(a.end, b.end) - max(a.start, b.start)) for a in spans[0] for b in spans[1])
    return Finding("yes" if shared >= 0.5 else "no", 0.8 * sure, spans[0] + spans[1])


def order(scene: Scene, query: Query) -> Finding:
    """Does … come before (after) …?"""
    first, second = named(query, 2)[:2]
    starts, sure = [], 1.0
    shown: tuple[Segment, ...] = ()
    for thing in (first, second):
        stream, p = _present(scene, thing, query)
        spans = stretches_of(scene, thing, stream)
        starts.append(spans[0].start)
        sure, shown = min(sure, p), shown + spans
    apart = starts[1] - starts[0] if query.word == "before" else starts[0] - starts[1]
    if abs(apart) < 0.5:
        return Finding("no", 0.5 * sure, shown, notes=("Both begin at the same time.",))
    return Finding("yes" if apart > 0 else "no", 0.75 * sure, shown)


def louder(scene: Scene, query: Query) -> Finding:
    """Is … louder than …? Only if each is heard alone for a second, because levels in a mixture cannot be separated."""
    first, second = named(query, 2)[:2]
    hears = Query(query.program, "heard", query.things)
    spans = {t.name: stretches_of(scene, t, _present(scene, t, hears)[0]) for t in (first, second)}
    sure = min(_present(scene, t, hears)[1] for t in (first, second))
    alone = [_seconds_without(spans[a.name], spans[b.name]) for a, b in ((first, second), (second, first))]
    if not all(alone):
        return unknown("The two are never heard apart, and how loud each is in a mixture cannot be told.")
    levels = [max(scene.loudness(a, b) for a, b in parts) for parts in alone]
    if abs(levels[0] - levels[1]) < LOUDER:
        return unknown(f"They are about as loud as each other ({levels[0]:.0f} and {levels[1]:.0f} dB full scale).")
    return Finding("yes" if levels[0] > levels[1] else "no", 0.7 * sure, spans[first.name] + spans[second.name])


def _seconds_without(mine: tuple, others: tuple) -> list[tuple[float, float]]:
    """Whole seconds of `mine` that contain none of `others`."""
    found = []
    for one in mine:
        for second in range(int(one.start), int(one.end)):
            if all(o.end <= second or o.start >= second + 1 for o in others):
                found.append((float(second), second + 1.0))
    return found


def longer(scene: Scene, query: Query) -> Finding:
    """Is … heard longer than …?"""
    first, second = named(query, 2)[:2]
    lasts, sure = [], 1.0
    shown: tuple[Segment, ...] = ()
    for thing in (first, second):
        stream, p = _present(scene, thing, query)
        spans = stretches_of(scene, thing, stream)
        lasts.append(sum(s.end - s.start for s in spans))
        sure, shown = min(sure, p), shown + spans
    return Finding("yes" if lasts[0] > lasts[1] else "no", 0.7 * sure, shown)
