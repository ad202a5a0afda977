"""The 33 MUSIC-AVQA question templates with their programs: pure functions from the facts of a scene to the answer.

A program returns an answer word, or None if the question has no clear answer. An answer is clear if all readings of the
question agree: it must not depend on whether a source off stage counts as "an instrument in the video", or on which of
two nearly equal players is louder. Two wordings need a definition: "more rhythmic" is a higher rate of notes, and the
"lowest" instrument is the softest one.
"""

from __future__ import annotations

from itertools import pairwise

from lookhear.soundstage.questions.template import TEMPLATES as TEMPLATES
from lookhear.soundstage.questions.template import Program as Program
from lookhear.soundstage.questions.template import Template as Template
from lookhear.soundstage.questions.template import at as at
from lookhear.soundstage.questions.template import compare, template, yes
from lookhear.soundstage.scene.facts import (
    AWAY,
    LOUDER,
    NEAR,
    ORDER,
    OVERLAP,
    PART,
    Facts,
    beyond,
    end,
    extreme,
    length,
    number,
    onset,
    overlap,
)

# ---- Audio


@template("Is the <Object> louder than the <Object>?", "Audio", "Comparative")
def louder(facts: Facts, one: str, other: str) -> str | None:
    return compare(facts.by_type.get(one), facts.by_type.get(other), "louder")


@template("Is the <Object> more rhythmic than the <Object>?", "Audio", "Comparative")
def busier(facts: Facts, one: str, other: str) -> str | None:
    return compare(facts.by_type.get(one), facts.by_type.get(other), "busier")


@template("Is the <Object> playing longer than the <Object>?", "Audio", "Comparative")
def longer(facts: Facts, one: str, other: str) -> str | None:
    return compare(facts.by_type.get(one), facts.by_type.get(other), "longer")


@template("Are there <Object> and <Object> sound? ", "Audio", "Counting")
def both_heard(facts: Facts, one: str, other: str) -> str | None:
    return None if one == other else yes({one, other} <= facts.heard_types)


@template("How many musical instruments were heard throughout the video?", "Audio", "Counting")
def number_heard(facts: Facts) -> str | None:
    return number(len(facts.heard)) if facts.heard and facts.distinguishable else None


@template("Is there a <Object> sound?", "Audio", "Counting")
def is_heard(facts: Facts, one: str) -> str | None:
    return yes(one in facts.heard_types)


# ---- Visual


@template("Are there <Object> and <Object> instruments in the video?", "Visual", "Counting")
def both_seen(facts: Facts, one: str, other: str) -> str | None:
    return None if one == other else yes(bool(facts.on_stage[one] and facts.on_stage[other]))


@template("How many <Object> are in the entire video?", "Visual", "Counting")
def number_of(facts: Facts, one: str) -> str | None:
    return number(facts.on_stage[one])


@template("How many types of musical instruments appeared in the entire video?", "Visual", "Counting")
def types_seen(facts: Facts) -> str | None:
    return number(len(facts.on_stage)) if facts.visible else None


@template("Is there a <Object> in the entire video?", "Visual", "Counting")
def is_seen(facts: Facts, one: str) -> str | None:
    return yes(facts.on_stage[one] > 0)


@template("What is the instrument on the <LR> of <Object>?", "Visual", "Location")
def neighbour(facts: Facts, side: str, one: str) -> str | None:
    if len(facts.visible) < 3 or facts.on_stage[one] != 1:
        return None  # with two players the answer is simply the other one, without needing its position
    beside = facts.beside(next(p for p in facts.visible if p.instrument == one), side)
    return beside.instrument if beside else None


@template("What kind of instrument is the <LRer> instrument? ", "Visual", "Location")
def at_the_end(facts: Facts, most: str) -> str | None:
    there = facts.places.get(most.removesuffix("est"))
    return there.instrument if there else None


@template("What kind of musical instrument is it?", "Visual", "Location")
def which_kind(facts: Facts) -> str | None:
    return facts.visible[0].instrument if len(facts.visible) == 1 else None


@template("Where is the performance?", "Visual", "Location")
def where(facts: Facts) -> str | None:
    return "indoor" if facts.scene.indoor else "outdoor"


# ---- Audio-Visual


@template("Is this sound from the instrument in the video?", "Audio-Visual", "Existential")
def from_the_stage(facts: Facts) -> str | None:
    if not facts.heard or not facts.visible or facts.scene.voiceover or (facts.sounding and facts.offstage):
        return None  # a narrator's voice is also a sound, and for a mixture both answers are right
    if {p.instrument for p in facts.offstage} & set(facts.on_stage):
        return None
    if len(facts.heard) > min(AWAY, len(facts.visible)):
        return None  # more sources than can be off stage or are on stage: the number would reveal the answer
    return yes(bool(facts.sounding))


@template("Is there a voiceover?", "Audio-Visual", "Existential")
def voiceover(facts: Facts) -> str | None:
    return yes(facts.scene.voiceover is not None)


@template("Is the <Object> in the video always playing?", "Audio-Visual", "Existential")
def always(facts: Facts, one: str) -> str | None:
    player = facts.by_type.get(one)
    if player is None or player.x is None or not player.sounding:
        return None
    part = length(player) / facts.scene.seconds
    return "yes" if part >= 1 - NEAR else "no" if part <= PART + NEAR else None


@template("How many instruments are sounding in the video?", "Audio-Visual", "Counting")
def number_sounding(facts: Facts) -> str | None:
    clear = facts.sounding and not facts.offstage and facts.distinguishable
    return number(len(facts.sounding)) if clear else None


@template("How many instruments in the video did not sound from beginning to end?", "Audio-Visual", "Counting")
def number_silent(facts: Facts) -> str | None:
    return number(len(facts.silent)) if facts.visible and facts.distinguishable else None


@template("How many sounding <Object> in the video？", "Audio-Visual", "Counting")
def number_sounding_of(facts: Facts, one: str) -> str | None:
    if not facts.distinguishable or any(p.instrument == one for p in facts.offstage):
        return None
    return number(sum(p.instrument == one for p in facts.sounding))


@template("How many types of musical instruments sound in the video?", "Audio-Visual", "Counting")
def types_sounding(facts: Facts) -> str | None:
    return number(len(facts.heard_types)) if facts.sounding and not facts.offstage else None


@template("Is the <Object> on the <LR> louder than the <Object> on the <LR>?", "Audio-Visual", "Comparative")
def placed_louder(facts: Facts, one: str, side: str, other: str, other_side: str) -> str | None:
    return compare(at(facts, side, one), at(facts, other_side, other), "louder")


@template("Is the <Object> on the <LR> more rhythmic than the <Object> on the <LR>?", "Audio-Visual", "Comparative")
def placed_busier(facts: Facts, one: str, side: str, other: str, other_side: str) -> str | None:
    return compare(at(facts, side, one), at(facts, other_side, other), "busier")


@template("Is the instrument on the <LR> louder than the instrument on the <LR>?", "Audio-Visual", "Comparative")
def side_louder(facts: Facts, side: str, other_side: str) -> str | None:
    return compare(at(facts, side), at(facts, other_side), "louder")


@template("Is the instrument on the <LR> more rhythmic than the instrument on the <LR>?", "Audio-Visual", "Comparative")
def side_busier(facts: Facts, side: str, other_side: str) -> str | None:
    return compare(at(facts, side), at(facts, other_side), "busier")


@template("Is the <FL> sound coming from the <LR> instrument?", "Audio-Visual", "Location")
def sound_from(facts: Facts, which: str, side: str) -> str | None:
    player, there = facts.outermost(which), facts.places.get(side)
    if player is None or player.x is None or there is None or facts.scene.voiceover:
        return None
    return yes(player is there)


@template("What is the <LR> instrument of the <FL> sounding instrument?", "Audio-Visual", "Location")
def beside_sounding(facts: Facts, side: str, which: str) -> str | None:
    player = facts.outermost(which)
    beside = facts.beside(player, side) if player and len(facts.visible) >= 3 else None
    return beside.instrument if beside else None


@template("Where is the <LL> instrument?", "Audio-Visual", "Location")
def where_loudest(facts: Facts, which: str) -> str | None:
    found = extreme([p.level for p in facts.heard], LOUDER, highest=which == "loudest")
    player = None if found is None else facts.heard[found]
    if player is None or facts.by_type.get(player.instrument) is not player or len(facts.visible) < 3:
        return None
    return facts.place(player)


@template("Which is the musical instrument that sounds at the same time as the <Object>?", "Audio-Visual", "Location")
def together(facts: Facts, one: str) -> str | None:
    player = facts.by_type.get(one)
    if player is None or not facts.contest:
        return None
    with_it = [p for p in facts.heard if p is not player and overlap(p, player) > NEAR]
    if len(with_it) != 1 or with_it[0].x is None or overlap(with_it[0], player) < OVERLAP - NEAR:
        return None
    return with_it[0].instrument


@template("Which instrument makes sounds <BA> the <Object>?", "Audio-Visual", "Temporal")
def before_after(facts: Facts, side: str, one: str) -> str | None:
    player = facts.by_type.get(one)
    if player is None or not player.sounding or not facts.contest:
        return None
    others = [p for p in facts.heard if p is not player]
    gaps = [beyond(onset(player) - onset(p), ORDER) for p in others]  # True: p enters before the player
    if None in gaps:
        return None
    neighbours = [p for p, earlier in zip(others, gaps, strict=True) if earlier is (side == "before")]
    if len(neighbours) != 1 or neighbours[0].x is None:
        return None
    if side == "after" and any(end(p) > end(player) + NEAR for p in others if p is not neighbours[0]):
        return None  # a player that entered earlier is still heard after it
    if side == "after" and end(neighbours[0]) < end(player) + ORDER - NEAR:
        return None
    return neighbours[0].instrument


@template("What is the <TH> instrument that comes in?", "Audio-Visual", "Temporal")
def nth_entry(facts: Facts, which: str) -> str | None:
    nth = ("first", "second", "third", "fourth", "fifth").index(which)
    order = facts.entries
    if nth >= len(order) or not facts.contest:
        return None
    upto = order[: nth + 1]
    clear = all(onset(b) - onset(a) >= ORDER - NEAR for a, b in pairwise(order[: nth + 2]))
    seen = all(p.x is not None and facts.by_type.get(p.instrument) is p for p in upto)
    return upto[-1].instrument if clear and seen else None


@template("Where is the <FL> sounding instrument?", "Audio-Visual", "Temporal")
def where_outermost(facts: Facts, which: str) -> str | None:
    player = facts.outermost(which)
    return facts.place(player) if player and len(facts.visible) >= 3 else None


@template("Which <Object> makes the sound <FL>?", "Audio-Visual", "Temporal")
def which_of(facts: Facts, one: str, which: str) -> str | None:
    group = [p for p in facts.visible if p.instrument == one]
    if not 2 <= len(group) <= 3 or facts.players[one] != len(group) or not facts.distinguishable:
        return None
    words = ("left", "right") if len(group) == 2 else ("left", "middle", "right")
    if any(facts.place(p) != word for p, word in zip(group, words, strict=True)) or not all(p.sounding for p in group):
        return None  # "the left violin" must also be the leftmost player of the stage
    starts, ends = [onset(p) for p in group], [end(p) for p in group]
    if max(starts) - min(starts) < NEAR and max(ends) - min(ends) < NEAR:
        return "simultaneously"
    begun = extreme(starts, ORDER, highest=which == "last")
    stopped = extreme(ends, ORDER, highest=True) if which == "last" else begun
    return words[begun] if begun is not None and begun == stopped else None
