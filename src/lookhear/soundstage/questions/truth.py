"""Ground-truth evidence: the times in sound and picture that determine a question's answer.

The times are exact, because the scene defines when each player sounds. They are used to test evidence: removing these
seconds should reduce accuracy more than removing others. Evidence that is only visible lasts for the whole clip, and so
does the absence of a sound ("is there a tuba sound?" no).
"""

from __future__ import annotations

from collections.abc import Iterable

from lookhear.soundstage.questions import programs
from lookhear.soundstage.questions.programs import TEMPLATES, at
from lookhear.soundstage.scene.facts import Facts, end, extreme, onset
from lookhear.soundstage.scene.scene import Player, Scene
from lookhear.types import Segment

AV = "audio-visual"


def evidence(scene: Scene | Facts, template: str, values: tuple[str, ...]) -> tuple[Segment, ...]:
    """The evidence segments of a question in order of time; empty if it has no clear answer."""
    facts = scene if isinstance(scene, Facts) else Facts(scene)
    program = TEMPLATES[template].answer
    answer = program(facts, *values)
    if answer is None:
        return ()
    stream = {"Audio": "audio", "Visual": "visual", AV.title(): AV}[TEMPLATES[template].kind[0]]
    if stream == "visual":
        found = [_whole(facts, name, stream) for name in _visible_labels(facts, program, values, answer)]
    else:
        found = list(_evidence_segments(facts, program, values, answer, stream))
    return tuple(sorted(found or [_whole(facts, "stage", stream)], key=lambda s: (s.start, s.end, s.label)))


def _whole(facts: Facts, label: str, stream: str) -> Segment:
    return Segment(label, 0.0, float(facts.scene.seconds), stream)


def _visible_labels(facts: Facts, program: programs.Program, values: tuple[str, ...], answer: str) -> Iterable[str]:
    if program is programs.where:
        return ["stage"]
    if program is programs.types_seen:
        return list(facts.on_stage)
    if program in (programs.neighbour, programs.at_the_end, programs.which_kind):
        return [*(v for v in values if v in facts.on_stage), answer]
    return values


def _sounds(
    players: Iterable[Player], stream: str, start: float = 0.0, stop: float = float("inf")
) -> Iterable[Segment]:
    """Segments in which the players sound between `start` and `stop`."""
    for player in players:
        for a, b in player.sounding:
            if min(b, stop) > max(a, start):
                yield Segment(player.instrument, max(a, start), min(b, stop), stream)


def _evidence_segments(
    facts: Facts, program: programs.Program, values: tuple[str, ...], answer: str, stream: str
) -> Iterable[Segment]:
    named = [p for p in facts.heard if p.instrument in values]
    if program is programs.voiceover:
        talk = facts.scene.voiceover
        return [Segment("voice", *talk, "audio")] if talk else [_whole(facts, "voice", "audio")]
    if program is programs.always:
        return _silent_segments(facts, named[0]) if answer == "no" else _sounds(named, stream)
    if program in (programs.placed_louder, programs.placed_busier, programs.side_louder, programs.side_busier):
        both = [at(facts, side) for side in values if side in facts.places]
        return _sounds([p for p in both if p], stream)
    if program in (programs.is_heard, programs.both_heard):
        missing = [v for v in values if v not in facts.heard_types]
        return [_whole(facts, v, stream) for v in missing] or _sounds(named, stream)
    if program in (programs.number_heard, programs.from_the_stage, programs.types_sounding, programs.number_sounding):
        return _sounds(facts.heard, stream)
    if program is programs.number_silent:
        return [_whole(facts, p.instrument, stream) for p in facts.silent] or _sounds(facts.sounding, stream)
    if program is programs.number_sounding_of:
        return _sounds(named, stream) if named else [_whole(facts, values[0], stream)]
    if program is programs.where_loudest:
        place = extreme([p.level for p in facts.heard], programs.LOUDER, highest=values[0] == "loudest")
        return _sounds([facts.heard[place or 0]], stream)
    if program is programs.together:
        return _shared(next(p for p in facts.heard if p.instrument == answer), named[0])
    if program is programs.before_after:
        other = next(p for p in facts.heard if p.instrument == answer)
        apart = (0.0, onset(named[0])) if values[0] == "before" else (end(named[0]), float("inf"))
        return [*_sounds([other], stream, *apart), *_sounds(named, stream)]
    if program is programs.nth_entry:
        order = facts.entries
        nth = next(i for i, p in enumerate(order) if p.instrument == answer)
        return _entry(order[nth], order[nth + 1 :], stream)
    if program is programs.which_of:
        return _sounds(named, stream) if answer == "simultaneously" else _outermost(named, values[-1], stream)
    if program in (programs.sound_from, programs.where_outermost, programs.beside_sounding):
        return _outermost(facts.heard, "last" if "last" in values else "first", stream)
    return _sounds(named, stream)  # the three comparisons of sounds


def _entry(player: Player, later: Iterable[Player], stream: str) -> list[Segment]:
    """From the player's onset until the next player enters, as long as it sounds."""
    return list(_sounds([player], stream, onset(player), min((onset(p) for p in later), default=float("inf"))))


def _outermost(players: Iterable[Player], which: str, stream: str) -> list[Segment]:
    order = sorted(players, key=onset)
    if which == "first":
        return _entry(order[0], order[1:], stream)
    return list(_sounds([order[-1]], stream))


def _silent_segments(facts: Facts, player: Player) -> list[Segment]:
    edges = [0.0, *(edge for span in player.sounding for edge in span), float(facts.scene.seconds)]
    return [Segment(player.instrument, a, b, AV) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _shared(one: Player, other: Player) -> list[Segment]:
    return [
        Segment(one.instrument, max(a, c), min(b, d), AV)
        for a, b in one.sounding
        for c, d in other.sounding
        if min(b, d) > max(a, c)
    ]
