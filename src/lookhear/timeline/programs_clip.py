"""Programs about the clip: what is heard and seen, first and last, how many kinds, speech, loudness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lookhear.timeline.concepts import table
from lookhear.timeline.finding import (
    STREAM,
    Finding,
    Unknown,
    named,
    number,
    regions_of,
    segments_of,
    streams,
    stretches_of,
    unknown,
)
from lookhear.timeline.grammar import Query
from lookhear.timeline.ontology import sounds
from lookhear.timeline.scene import Scene, basic, of_kind, short
from lookhear.timeline.value import Event

EVENT = 0.4  # smallest probability of an event that is named
KIND_EVENT = 0.2  # the same if the question names the kind
FAINT_EVENT = 0.02  # the same if the thing is also seen
MATCHED = 0.5  # probability from which a thing counts as present


def candidates(scene: Scene, query: Query) -> dict[str, Event]:
    """Label -> its most probable event, of the modalities and kind asked for, most probable first."""
    best: dict[str, Event] = {}
    for stream in streams(scene, query):
        for event in scene.events(stream, query.kind):
            specific = stream == "seen" or sounds().specific(event.label)
            if not specific and not (query.kind == "" and event.score > 0.7):
                continue
            name = basic(event)
            if name not in best or best[name].score < event.score:
                best[name] = event
    if not best and query.kind:
        best = _of_ranked(scene, query)
    return dict(sorted(best.items(), key=lambda pair: -pair[1].score))


def _of_ranked(scene: Scene, query: Query) -> dict[str, Event]:
    """If no event is of the kind asked for: the classes of that kind with the highest probability in the whole clip."""
    events = {}
    for stream in streams(scene, query):
        for label, score in (scene.timeline.ranked or {}).get(stream, ()):
            event = Event(label, 0.0, scene.timeline.duration, score, stream)
            if score >= KIND_EVENT and of_kind(event, query.kind):
                events[basic(event)] = event
            elif stream == "heard" and score >= FAINT_EVENT and of_kind(event, query.kind) and _in_view(scene, event):
                events[basic(event)] = replace(event, score=KIND_EVENT)
    seen = {name: event for name, event in events.items() if event.stream == "heard" and _in_view(scene, event)}
    return seen or events  # of faintly heard things, only those that are also seen


def _in_view(scene: Scene, event: Event) -> bool:
    """Whether what is heard is also seen."""
    thing = table().get(basic(event))
    return thing is not None and scene.has("seen") and scene.probability(thing, "seen", asked=False) >= MATCHED


def opinions(found: Mapping[str, Event]) -> dict[str, dict[str, float]]:
    """The answer of each modality alone."""
    said: dict[str, dict[str, float]] = {}
    for name, event in found.items():
        said.setdefault(STREAM[event.stream], {})[name] = event.score
    return said


def what(scene: Scene, query: Query) -> Finding:
    """What do you hear (see)? Which instrument, which animal?"""
    events = candidates(scene, query)
    if not events:
        near = [
            f"{short(n)} {p:.2f}"
            for s in streams(scene, query)
            for n, p in (scene.timeline.ranked or {}).get(s, ())[:2]
        ]
        return unknown(
            f"No {query.kind or 'thing that has a class'} stands out; nearest: {', '.join(near) or 'nothing'}."
        )
    names = list(events)[: 3 if query.many or not query.kind else 1]
    if query.stream == "" and not query.many and not query.kind:
        names = [next((n for n in events if events[n].stream == s), "") for s in ("heard", "seen")]
        names = list(dict.fromkeys(n for n in names if n))
    shown = [events[name] for name in names]
    among = {name: event.score for name, event in events.items()}
    return Finding(
        ", ".join(names),
        events[names[0]].score,
        segments_of(shown),
        regions_of(shown),
        among=among,
        opinions=opinions(events),
        notes=tuple(
            f"{name}: most like {short(e.label)}"
            for name, e in zip(names, shown, strict=True)
            if short(e.label) != name
        ),
    )


def extreme(scene: Scene, query: Query) -> Finding:
    """What is heard first, last, second, …? What is loudest?"""
    if query.choice and len(query.things) > 1 and query.word not in ("loudest", "louder"):
        return _first_of(scene, query)
    heard = Query(query.program, query.stream or "heard", (), query.kind)
    ranked = candidates(scene, heard)
    if not ranked:
        raise Unknown(f"No {query.kind or 'sound'} with a class stands out.")
    if query.word in ("loudest", "louder"):
        return _loudest(scene, ranked)
    firsts: dict[str, Event] = {}
    for event in sorted(scene.events(heard.stream, query.kind), key=lambda e: e.start):
        if basic(event) in ranked:
            firsts.setdefault(basic(event), event)
    firsts = firsts or ranked
    names = list(firsts)
    late = query.word.startswith(("last", "final", "at the end", "end"))
    place_of = {"second": 1, "third": 2, "fourth": 3, "fifth": 4}.get(query.word, -1 if late else 0)
    if place_of >= len(names):
        return unknown(f"Only {number(len(names))} of them stand out: {', '.join(names)}.")
    if late:
        events = scene.events(heard.stream)  # not of the classes ranked for the whole clip
        names.sort(key=lambda n: max([e.end for e in events if basic(e) == n], default=firsts[n].end))
    chosen = firsts[names[place_of]]
    clear = len(names) == 1 or abs(firsts[names[0]].start - firsts[names[1 if len(names) > 1 else 0]].start) >= 0.5
    return Finding(
        names[place_of],
        chosen.score * (0.85 if clear else 0.5),
        segments_of([chosen]),
        among={n: firsts[n].score / 2 for n in names},
    )


def _first_of(scene: Scene, query: Query) -> Finding:
    """The named thing that begins first, or ends last. Raises Unknown if fewer than two are present."""
    stream = query.stream or "heard"
    spans = {t.name: stretches_of(scene, t, stream) for t in named(query) if scene.probability(t, stream) >= MATCHED}
    if len(spans) < 2:
        raise Unknown(f"Of what is named only {', '.join(spans) or 'nothing'} is {stream} here.")
    late = query.word.startswith(("last", "final", "at the end", "end"))
    times = {name: -some[-1].end if late else some[0].start for name, some in spans.items()}
    first, second = sorted(times, key=lambda name: times[name])[:2]
    sure = min(scene.probability(t, stream) for t in named(query) if t.name in (first, second))
    clear = 0.75 if abs(times[first] - times[second]) >= 0.5 else 0.4
    return Finding(first, clear * sure, spans[first] + spans[second])


def _loudest(scene: Scene, found: Mapping[str, Event]) -> Finding:
    levels = {name: scene.loudness(event.start, event.end) for name, event in found.items()}
    best = max(levels, key=lambda name: levels[name])
    note = "Loudness is that of the whole mixture while each is heard."
    return Finding(
        best, found[best].score * (0.8 if len(found) == 1 else 0.4), segments_of([found[best]]), notes=(note,)
    )


def neighbour(scene: Scene, query: Query) -> Finding:
    """What is heard before (after) …?"""
    anchor = named(query)[0]
    stream = query.stream or ("heard" if scene.has("heard") and scene.columns(anchor, "heard") else "seen")
    spans = stretches_of(scene, anchor, stream)
    if not spans or scene.probability(anchor, stream) < 0.5:
        raise Unknown(f"No {anchor.name} is {stream} here.")
    own = {short(label) for label in (*anchor.heard, *anchor.seen)} | {anchor.name}
    before = query.word in ("before", "precedes", "preceding")
    others = [e for e in scene.events(stream, query.kind) if short(e.label) not in own]
    if before:
        fit = [e for e in others if e.start < spans[0].start - 0.25]
        chosen = max(fit, key=lambda e: (e.start, e.score), default=None)
    else:
        fit = [e for e in others if e.start > spans[0].start + 0.25]
        chosen = min(fit, key=lambda e: (e.start, -e.score), default=None)
    if chosen is None:
        return unknown(f"Nothing with a class begins {'before' if before else 'after'} the {anchor.name}.")
    return Finding(short(chosen.label), 0.6 * chosen.score, (*spans, *segments_of([chosen])))


def simultaneous(scene: Scene, query: Query) -> Finding:
    """What is heard at the same time as …?"""
    anchor = named(query)[0]
    stream = query.stream or "heard"
    spans = stretches_of(scene, anchor, stream)
    own = {short(label) for label in (*anchor.heard, *anchor.seen)} | {anchor.name}
    fit = [
        e
        for e in scene.events(stream, query.kind)
        if short(e.label) not in own and any(min(e.end, s.end) - max(e.start, s.start) > 0.5 for s in spans)
    ]
    if not fit:
        return unknown(f"Nothing else with a class is {stream} together with the {anchor.name}.")
    best = max(fit, key=lambda e: e.score)
    return Finding(short(best.label), 0.7 * best.score, segments_of([best]))


def count(scene: Scene, query: Query) -> Finding:
    """How many kinds of instruments (animals, sounds) are heard or seen?"""
    if query.things and not query.kind:
        thing = named(query)[0]
        return unknown(f"How many {thing.name}s there are cannot be told: only kinds are known, not single ones.")
    if not query.kind and not query.many:
        raise Unknown("Only kinds of sounds, instruments, animals and things can be counted.")
    kinds = _kinds(candidates(scene, query))
    if not kinds:
        return Finding("zero", 0.4, notes=(f"No {query.kind or 'sound'} with a class stands out.",))
    note = "Kinds are counted, not single players: two violins count as one."
    return Finding(
        number(len(kinds)), 0.5 * min(e.score for e in kinds), segments_of(kinds), regions_of(kinds), (note,)
    )


def _kinds(found: Mapping[str, Event]) -> list[Event]:
    """Events that are neither a subclass of nor the same as another: a violin heard and a violin seen count once."""
    kept: list[Event] = []
    known = table()
    for name, event in found.items():
        tree = sounds()
        above = set(tree.above.get(event.label, ())) | ({event.label} if event.stream == "heard" else set())
        concept = known.get(name)
        same = any(
            k.label in above
            or event.label in tree.above.get(k.label, ())
            or (concept and known.get(short(k.label)) is concept)
            for k in kept
        )
        if not same:
            kept.append(event)
    return kept
