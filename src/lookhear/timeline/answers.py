"""Answer a question from a timeline: parse it, run its program, map the result to the options.

    question ─ grammar.read ─▶ Query ─ program ─▶ Finding ─ the nearest of the options, where there are some ─▶ Answer

An answer that cannot be known has the text "cannot say", no scores, and its reason in the notes. The confidence is a
probability: that of the program's finding (`tables/calibration.json`; "answers" there leaves it as it is).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lookhear.timeline import calibrated, programs_both, programs_clip, programs_things, programs_tracks
from lookhear.timeline.concepts import meaning
from lookhear.timeline.finding import CANNOT, Finding, Unknown, stretches_of, unknown
from lookhear.timeline.grammar import Query, read
from lookhear.timeline.scene import Scene
from lookhear.timeline.value import Timeline
from lookhear.types import Answer, Evidence

Program = Callable[[Scene, Query], Finding]
PROGRAMS: Mapping[str, Program] = {
    "unknown": programs_tracks.not_known,
    "rhythm": programs_tracks.not_known,
    "beside": programs_tracks.not_known,
    "side_first": programs_tracks.not_known,
    "count_silent": programs_tracks.not_known,
    "what": programs_clip.what,
    "extreme": programs_clip.extreme,
    "neighbour": programs_clip.neighbour,
    "count": programs_clip.count,
    "matched": programs_both.matched,
    "heard_not_seen": programs_both.heard_not_seen,
    "alongside": programs_both.alongside,
    "side": programs_both.side,
    "extreme_where": programs_both.extreme_where,
    "both": programs_both.matched,
    "said": programs_tracks.said,
    "said_word": programs_tracks.said_word,
    "said_when": programs_tracks.said_when,
    "who_said": programs_tracks.who_said,
    "silence": programs_tracks.silence,
    "has_sound": programs_tracks.has_sound,
    "has_picture": programs_tracks.has_picture,
    "duration": programs_tracks.duration,
    "cuts": programs_tracks.cuts,
    "black": programs_tracks.black,
    "loudest_when": programs_tracks.loudest_when,
    "louder_time": programs_tracks.louder_time,
    "place": programs_tracks.setting,
    "exist": programs_things.exist,
    "when": programs_things.when,
    "how_long": programs_things.how_long,
    "how_often": programs_things.how_often,
    "always": programs_things.always,
    "mostly": programs_things.mostly,
    "stops": programs_things.stops,
    "lasts": programs_things.lasts,
    "where": programs_things.where,
    "order": programs_things.order,
    "louder": programs_things.louder,
    "longer": programs_things.longer,
}
MISSPELT = 0.75  # highest confidence of an answer to a question whose spelling was corrected
LEAST = 0.25  # smallest score of a chosen option


def answer(about: Timeline | Scene, question: str, options: Sequence[str] = ()) -> Answer:
    """Answer a question about a timeline (or scene); with `options`, one of them or "cannot say"."""
    scene = about if isinstance(about, Scene) else Scene(about)
    timeline = scene.timeline
    query = read(question, _pictures(timeline))
    if query.claims.either and {"yes", "no"} <= {
        option.lower() for option in options
    }:  # "a or b" without a word that names the choice
        query = replace(query, claims=replace(query.claims, either=False, some=True))
    finding = _run(scene, query)
    if options:
        finding = _fitted(scene, query, finding, options)
    if query.misspelt:
        note = ", ".join(f"{one!r} was read as {other!r}" for one, other in query.misspelt)
        finding = replace(finding, confidence=min(finding.confidence, MISSPELT), notes=(*finding.notes, note))
    return _answer(timeline, query, finding)


def _pictures(timeline: Timeline) -> tuple[str, ...]:
    return timeline.seen.names if timeline.seen else ()


def _run(scene: Scene, query: Query) -> Finding:
    program: Program
    if query.program == "together":
        program = programs_things.together if len(query.things) > 1 else programs_clip.simultaneous
    elif query.program in PROGRAMS:
        program = PROGRAMS[query.program]
    else:
        return unknown("The question could not be read as any that labels, times and words can answer.")
    try:
        return program(scene, query)
    except Unknown as reason:
        return unknown(str(reason))


def _fitted(scene: Scene, query: Query, finding: Finding, options: Sequence[str]) -> Finding:
    """The finding mapped to an option: one that matches its text, else the one most likely present, or none."""
    plain = {option.lower().strip(" .").replace("_", " "): option for option in options}
    if finding.known and finding.text.lower() in plain:
        return _with(finding, plain[finding.text.lower()], finding.confidence)
    concepts = {option: meaning(option).concept for option in options}
    likely = {}
    senses = [s for s in ([query.stream] if query.stream else ["heard", "seen"]) if scene.has(s)]
    named = meaning(finding.text.split(",")[0]).concept if finding.known and finding.text else None
    for option, concept in concepts.items():
        if concept is None or concept.nameless:
            continue
        likely[option] = max((scene.probability(concept, s) for s in senses), default=0.0)
        if named is not None and named == concept:
            likely[option] = max(likely[option], finding.confidence) + 1e-6
    if not likely or query.program in ("unknown", "rhythm", "beside", "side_first"):
        return unknown(f"None of the options is what was found ({finding.text}).") if finding.known else finding
    best = max(likely, key=lambda option: likely[option])
    if likely[best] < LEAST:
        return unknown(f"No option is likely; the nearest is {best!r} ({likely[best]:.2f}).")
    rest = sum(likely.values())
    chosen = finding if finding.known else Finding(best)
    thing = concepts[best]
    if thing is not None and (named != thing or not chosen.segments):  # evidence is of the option, not of another thing
        stretches = tuple(s for sense in senses for s in stretches_of(scene, thing, sense))
        chosen = replace(chosen, segments=stretches, regions=chosen.regions if named == thing else ())
    return _with(chosen, best, likely[best], {o: p / max(rest, 1) for o, p in likely.items()})


def _with(finding: Finding, text: str, confidence: float, among: Mapping[str, float] | None = None) -> Finding:
    kept = finding.segments, finding.regions, finding.notes
    return Finding(text, min(confidence, 0.99), *kept, among or {}, finding.opinions)


def _answer(timeline: Timeline, query: Query, finding: Finding) -> Answer:
    notes = tuple(dict.fromkeys((*finding.notes, *timeline.notes)))
    opinions = {
        sense: dict(sorted(said.items(), key=lambda pair: -pair[1])) for sense, said in finding.opinions.items()
    }
    evidence = Evidence(*_weights(timeline, finding), opinions)
    if not finding.known:
        return Answer(CANNOT, {}, finding.segments, finding.regions, evidence, raw=query.program, notes=notes)
    sure = round(confidence(finding.confidence), 4)
    others = {t: round(p, 4) for t, p in finding.among.items() if t != finding.text}
    left = sum(others.values())
    scores = {finding.text: sure} | {t: round(p * min(1.0, (1 - sure) / max(left, 1e-6)), 4) for t, p in others.items()}
    return Answer(finding.text, scores, finding.segments, finding.regions, evidence, raw=query.program, notes=notes)


def confidence(found: float) -> float:
    """Calibrated probability that a program's answer is correct, from its raw confidence."""
    fitted = calibrated.constants()["answers"]
    return float(calibrated.sigmoid(fitted["own"] * calibrated.logit(calibrated.np.array([found])) + fitted["bias"])[0])


def _weights(timeline: Timeline, finding: Finding) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Weights per second for picture and sound, from the finding's segments."""
    count = max(1, round(timeline.duration))
    weights = []
    for stream in ("visual", "audio"):
        weight = [0.0] * count
        for segment in finding.segments:
            if segment.stream == stream:
                for second in range(count):
                    weight[second] = max(weight[second], min(segment.end, second + 1) - max(segment.start, second))
        total = sum(weight)
        weights.append(tuple(round(w / total, 5) for w in weight) if total > 0 else ())
    return weights[0], weights[1]
