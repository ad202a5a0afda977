"""Programs about both modalities: whether what is heard is seen, what is heard but not seen, and where it is."""

from __future__ import annotations

from itertools import product

from lookhear.timeline import place
from lookhear.timeline.concepts import Concept, table
from lookhear.timeline.finding import Finding, named, regions_of, segments_of, senses, stretches_of, unknown
from lookhear.timeline.grammar import Query
from lookhear.timeline.ontology import sounds
from lookhear.timeline.programs_clip import MATCHED, candidates, extreme
from lookhear.timeline.scene import KINDS, Scene

ALIKE = ("instrument", "animal", "vehicle")  # kinds in which two different things, one heard and one seen, do not match
SURE, SHARED = 0.5, 0.5  # probability from which a thing counts as present; shortest shared time in seconds


def matched(scene: Scene, query: Query) -> Finding:
    """Is what is heard what is seen?"""
    if not (scene.has("heard") and scene.has("seen")):
        return unknown("Both a picture and a sound are needed, and one is not there.")
    concepts = [t.concept for t in query.things if t.concept] or _audible_and_visible(query.kind)
    best = max(concepts, key=lambda c: _audio_visual_probability(scene, c), default=None)
    if best is None:
        return unknown("Nothing that is named can be both heard and seen.")
    both = _audio_visual_probability(scene, best)
    if both >= MATCHED:
        shown = stretches_of(scene, best, "heard") + stretches_of(scene, best, "seen")
        return Finding("yes", both, shown, notes=(f"A {best.name} is both heard and seen.",))
    heard = max(concepts, key=lambda c: scene.probability(c, "heard", asked=False))
    seen = max(concepts, key=lambda c: scene.probability(c, "seen", asked=False))
    if min(scene.probability(heard, "heard", False), scene.probability(seen, "seen", False)) < 0.3:
        return unknown("What is heard and what is seen are not both clear enough to be compared.")
    alike = [pair for kind in ALIKE for pair in product(*KINDS[kind])]
    if not any(heard.within(*pair) and seen.within(*pair) for pair in alike):
        return unknown(f"A {heard.name} is heard, a {seen.name} is seen; whether they belong together is not known.")
    return Finding("no", 0.6, notes=(f"A {heard.name} is heard, a {seen.name} is seen.",))


def _audio_visual_probability(scene: Scene, thing: Concept) -> float:
    return min(scene.probability(thing, "heard"), scene.probability(thing, "seen"))


def _audible_and_visible(kind: str) -> list[Concept]:
    """The concepts of a kind that have classes in both modalities."""
    found = {c.name: c for c in table().values() if c.heard and c.seen and not c.nameless and not _general(c)}
    return [c for c in found.values() if not kind or any(c.within(s, p) for s, p in product(*KINDS[kind]))]


def _general(thing: Concept) -> bool:
    return any(sounds().marks.get(h) == "~" for h in thing.heard)


def alongside(scene: Scene, query: Query) -> Finding:
    """Is … heard while it is seen? The shared time of both must be at least half a second."""
    thing = named(query)[0]
    missing = [s for s in ("heard", "seen") if s not in senses(scene, thing, query)]
    if missing:
        return unknown(f"The {thing.name} cannot be {missing[0]} here, so the two cannot be compared.")
    both = _audio_visual_probability(scene, thing)
    if both < SURE:
        return Finding("no", 1 - both, notes=(f"The {thing.name} is not both heard and seen.",))
    heard, seen = (stretches_of(scene, thing, s) for s in ("heard", "seen"))
    shared = sum(max(0.0, min(a.end, b.end) - max(a.start, b.start)) for a in heard for b in seen)
    return Finding("yes" if shared >= SHARED else "no", 0.8 * both, heard + seen)


def heard_not_seen(scene: Scene, query: Query) -> Finding:
    """What is heard that is not seen?"""
    found = candidates(scene, Query(query.program, "heard", (), query.kind))
    known = table()
    unseen = {n: e for n, e in found.items() if (c := known.get(n)) and c.seen and scene.probability(c, "seen") < 0.3}
    if not unseen:
        return unknown("Of what is heard, nothing could be seen and is not.")
    best = next(iter(unseen))
    return Finding(best, 0.7 * unseen[best].score, segments_of([unseen[best]]))


def side(scene: Scene, query: Query) -> Finding:
    """What is on the left (right, in the middle)?"""
    found = candidates(scene, Query(query.program, "seen", (), query.kind))
    wanted = (
        "middle" if query.word.startswith(("mid", "cent")) else "left" if query.word.startswith("left") else "right"
    )
    there = {n: e for n, e in found.items() if e.box and place.side(e.box) == wanted}
    if not there:
        return unknown(f"Nothing {query.kind or 'with a class'} is clearly on the {wanted}.")
    best = next(iter(there))
    return Finding(best, 0.6 * there[best].score, segments_of([there[best]]), regions_of([there[best]]))


def extreme_where(scene: Scene, query: Query) -> Finding:
    """Where is the loudest (first, last) instrument? Answered only if its class is also seen at one place."""
    first = extreme(scene, query)
    concept = table().get(first.text)
    boxes = (
        [e for e in scene.events("seen") if concept and e.label in concept.seen and e.box] if scene.has("seen") else []
    )
    if not boxes or boxes[0].box is None:
        return unknown(f"It is heard ({first.text}), but what makes it is not seen clearly enough to be placed.")
    return Finding(place.side(boxes[0].box), 0.5 * first.confidence, first.segments, regions_of(boxes))
