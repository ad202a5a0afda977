"""Captions: one sentence on positions, playing, sounds off stage, and the narrator."""

from __future__ import annotations

from random import Random
from typing import Any

from lookhear.soundstage.scene.facts import NEAR, Facts, length
from lookhear.soundstage.scene.scene import Player

WHERE = {
    True: ("On an indoor stage", "In a hall", "Indoors, on a stage with curtains"),
    False: ("Outdoors", "In the open air", "On an outdoor stage"),
}
PLAYS = ("plays", "is played", "sounds")
SILENT = ("stays silent", "makes no sound", "is not heard")
UNSEEN = ("{} can be heard off stage", "the sound of {} comes from off stage", "from off stage one hears {}")
SPEAKS = ("someone speaks over the music", "a voice talks over it", "a narrator speaks")


def caption(rng: Random, facts: Facts) -> dict[str, Any]:
    """The caption record of a scene; `rng` chooses between wordings."""
    row = [f"{article(p.instrument)} {_action(rng, facts, p)}" for p in facts.visible]
    hidden = list(dict.fromkeys(article(p.instrument) for p in facts.offstage))
    beside = [rng.choice(UNSEEN).format(listed(hidden))] if hidden else []
    beside += [rng.choice(SPEAKS)] if facts.scene.voiceover else []
    place = ", from left to right," if len(row) > 1 else ","
    main = f"{rng.choice(WHERE[facts.scene.indoor])}{place} {listed(row) or 'nobody is seen'}"
    return {"answer": main + (f", while {listed(beside)}" if beside else "") + "."}


def _action(rng: Random, facts: Facts, player: Player) -> str:
    if not player.sounding:
        return rng.choice(SILENT)
    whole = length(player) >= facts.scene.seconds - NEAR
    return rng.choice(PLAYS) + (" from beginning to end" if whole else "")


def article(kind: str) -> str:
    """The name with its article: `an acoustic guitar`, `a flute`, `congas`."""
    word = kind.replace("_", " ")
    return word if word == "congas" else f"an {word}" if word[0] in "aeio" else f"a {word}"


def listed(parts: list[str]) -> str:
    """An enumeration: `a, b and c`."""
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
