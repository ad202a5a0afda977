"""Programs about a clip as a whole: setting, speech, silence and loudness, length and cuts."""

from __future__ import annotations

from collections.abc import Sequence

from lookhear.timeline.finding import (
    Finding,
    Unknown,
    number,
    seconds,
    segments_of,
    unknown,
)
from lookhear.timeline.grammar import Query
from lookhear.timeline.ontology import groups, larger_than
from lookhear.timeline.scene import Scene, short
from lookhear.types import Segment


def setting(scene: Scene, query: Query) -> Finding:
    """Where does it take place?"""
    rooms = ("stage", "street", "landscape", "building", "water", "swimming pool")
    among = groups()
    places = []
    for event in scene.events("seen"):
        inside = {event.label, *(larger_than(event.label, among) if event.label in among else ())}
        track = scene.track("seen")
        if event.label not in among and track:
            number_of = track.names.index(event.label)
            inside |= {g for g in rooms if g in among and number_of in among[g].classes}
        places += [event] if inside & set(rooms) else []
    if not places:
        return unknown("No place with a class (stage, street, lakeshore, church, …) is clearly seen.")
    best = max(places, key=lambda e: e.score)
    return Finding(short(best.label), 0.7 * best.score, segments_of([best]))


def said(scene: Scene, query: Query) -> Finding:
    """What is said?"""
    timeline = scene.timeline
    _speech(scene)
    text = " ".join(s.text for s in timeline.sentences)
    sure = sum(s.score for s in timeline.sentences) / len(timeline.sentences)
    return Finding(text, min(0.9, sure), _spoken(timeline.sentences))


def said_word(scene: Scene, query: Query) -> Finding:
    """Is … said?"""
    _speech(scene, needed=False)
    hits = _hits(scene, query.quote)
    if hits:
        return Finding("yes", hits[0].score, _spoken(hits))
    return Finding("no", 0.6 if scene.timeline.sentences else 0.7)


def said_when(scene: Scene, query: Query) -> Finding:
    """When is … said?"""
    _speech(scene)
    hits = _hits(scene, query.quote)
    if not hits:
        raise Unknown(f"{query.quote!r} does not occur in the transcript.")
    return Finding(", ".join(f"{h.start:g} to {h.end:g} s" for h in hits), 0.8 * hits[0].score, _spoken(hits))


def _speech(scene: Scene, needed: bool = True) -> None:
    if not scene.timeline.listened:
        raise Unknown("The speech was not transcribed. Install it with: pip install 'lookhear[speech]'.")
    if needed and not scene.timeline.sentences:
        raise Unknown("The transcript is empty.")


def _spoken(parts: Sequence) -> tuple[Segment, ...]:
    return tuple(Segment(part.text, part.start, part.end, "audio") for part in parts)


def _hits(scene: Scene, quote: str) -> list:
    """The words of a quote where they occur in sequence."""
    wanted = [w.strip(".,!?;:").lower() for w in quote.split()]
    if not wanted:
        raise Unknown("The question does not quote the word; write it between quotation marks.")
    hits = []
    for sentence in scene.timeline.sentences:
        words = [w.text.strip(".,!?;:").lower() for w in sentence.words]
        for i in range(len(words) - len(wanted) + 1):
            if words[i : i + len(wanted)] == wanted:
                first, last = sentence.words[i], sentence.words[i + len(wanted) - 1]
                hits.append(type(first)(quote, first.start, last.end, min(first.score, last.score)))
    return hits


def who_said(scene: Scene, query: Query) -> Finding:
    """Who speaks? Voices are not distinguished."""
    return unknown("Who speaks is not known: voices are not told apart, and people have no class.")


def silence(scene: Scene, query: Query) -> Finding:
    """Is it silent? When?"""
    timeline = scene.timeline
    if not scene.has("heard") and not timeline.loudness:
        return unknown("There is no sound track, which is not the same as silence.")
    share = sum(b - a for a, b in timeline.silence) / max(timeline.duration, 0.1)
    shown = tuple(Segment("silence", a, b, "audio") for a, b in timeline.silence)
    return Finding(
        "yes" if shown else "no", 0.95, shown, notes=(f"Silent for {share:.0%} of the time (below -60 dB full scale).",)
    )


def has_sound(scene: Scene, query: Query) -> Finding:
    """Does it have a sound track?"""
    return Finding("yes" if scene.timeline.loudness else "no", 0.99)


def has_picture(scene: Scene, query: Query) -> Finding:
    """Does it have a picture?"""
    return Finding("yes" if scene.timeline.frames or scene.has("seen") else "no", 0.99)


def duration(scene: Scene, query: Query) -> Finding:
    """How long is the clip?"""
    return Finding(seconds(round(scene.timeline.duration, 1)), 0.99)


def cuts(scene: Scene, query: Query) -> Finding:
    """How many cuts? When? Are there any?"""
    if not scene.has("seen"):
        return unknown("The clip has no picture.")
    found = scene.timeline.cuts
    shown = tuple(Segment("cut", c, c, "visual") for c in found)
    note = "Cuts are hard changes of the picture, to a quarter of a second."
    if query.word == "when" and not found:
        return unknown(f"No cut was found. {note}")
    times = ", ".join(f"{c:g} s" for c in found)
    text = {"how many": number(len(found)), "when": times}.get(query.word, "yes" if found else "no")
    return Finding(text, 0.7, shown, notes=(note,))


def black(scene: Scene, query: Query) -> Finding:
    """Is the screen ever black?"""
    if not scene.has("seen"):
        return unknown("The clip has no picture.")
    shown = tuple(Segment("black", a, b, "visual") for a, b in scene.timeline.black)
    return Finding("yes" if shown else "no", 0.95, shown)


def loudest_when(scene: Scene, query: Query) -> Finding:
    """When is it loudest (quietest)?"""
    levels = scene.timeline.loudness
    if not levels:
        return unknown("There is no sound track.")
    soft = "quiet" in query.word or "soft" in query.word
    second = (min if soft else max)(range(len(levels)), key=lambda i: levels[i])
    shown = (Segment("loudness", float(second), second + 1.0, "audio"),)
    return Finding(f"{second} to {second + 1} s", 0.95, shown, notes=(f"{levels[second]:.0f} dB full scale.",))


def louder_time(scene: Scene, query: Query) -> Finding:
    """Is it louder at the beginning or at the end?"""
    levels = scene.timeline.loudness
    if len(levels) < 2:
        return unknown("There is too little sound to compare.")
    half = scene.timeline.duration / 2
    first, last = scene.loudness(0, half), scene.loudness(half, scene.timeline.duration)
    note = f"{first:.0f} dB full scale in the first half, {last:.0f} in the second."
    if query.word:
        rises = last > first + 1 if query.word == "louder" else last < first - 1
        return Finding("yes" if rises else "no", 0.85, notes=(note,))
    return Finding(
        "the beginning" if first > last else "the end", 0.85 if abs(first - last) > 1 else 0.5, notes=(note,)
    )


def not_known(scene: Scene, query: Query) -> Finding:
    """Questions that labels and times cannot answer."""
    return unknown("Labels, times and words do not tell that.")
