"""Clip-level labels: action, mood, and whether a sound belongs to a picture.

The action is the one instrument that is both seen and heard; others may be only seen or only heard. If others are seen
(kind "Among others"), both modalities are needed. The mood shows in faces and in the scale and style of playing. Pairs
are balanced so that neither picture nor sound alone is informative: each occurs in one pair that matches and in one
that does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from lookhear.soundstage.scene.facts import NEAR, Facts, length
from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Player, Scene

PLAYS = 2.0  # shortest duration of an action in seconds
FACE = 0.47  # smallest height of a front-row figure, as a fraction of the picture, at which its face can be read
NOTES = 6  # fewest notes of a melody from which scale and style can be heard
UNPITCHED = ("congas", "drum")
CROWDS = (0.74, 0.74, 0.65, 0.54, 0.45, 0.42, 0.4, 0.38, 0.37, 0.36, 0.35)  # height of a figure, by how many are seen
ACTIONS = {kind: f"playing {kind.replace('_', ' ')}" for kind in INSTRUMENTS}
MATCHES = ("yes", "no")


def action(facts: Facts) -> dict[str, Any] | None:
    """The only type of instrument that is both seen and heard; None if there is no such type or more than one."""
    kinds = {p.instrument for p in facts.sounding}
    if len(kinds) != 1 or kinds & {p.instrument for p in facts.offstage}:
        return None
    if max(map(length, facts.sounding)) < PLAYS - NEAR:
        return None
    return {"answer": ACTIONS[kinds.pop()], "kind": company(facts)}


def company(facts: Facts) -> list[str]:
    """Kind of an action: whether the picture shows one type of instrument, so that it suffices alone, or several."""
    return ["Alone" if len(facts.on_stage) == 1 else "Among others"]


def emotion(facts: Facts) -> dict[str, Any] | None:
    """The mood of a scene with a face large enough to read and a melody long enough to hear its style."""
    faces = any(_height(facts, p) >= FACE for p in facts.visible)
    tunes = any(p.instrument not in UNPITCHED and length(p) * p.rate >= NOTES for p in facts.heard)
    return {"answer": facts.scene.mood} if faces and tunes and facts.scene.mood in MOODS else None


def _height(facts: Facts, player: Player) -> float:
    crowd = CROWDS[min(len(facts.visible), len(CROWDS) - 1)]
    return 0.0 if player.look.depth else crowd * player.look.scale


def matching(rng: Random, scenes: Sequence[Scene]) -> Iterator[tuple[Scene, Scene, dict[str, Any]]]:
    """(picture, sound, record), two for each scene whose sources are all on stage: with its own and with another's
    sound.

    The other sound contains an instrument that is not in the picture. Every picture and every sound occurs in as many
    matching pairs as non-matching pairs.
    """
    fit = [scene for scene in scenes if _all_seen(Facts(scene))]
    for scene, other in zip(fit, _deranged(rng, fit), strict=True):
        if other is not None:
            yield scene, scene, {"answer": "yes"}
            yield scene, other, {"answer": "no"}


def _all_seen(facts: Facts) -> bool:
    return bool(facts.sounding) and not facts.offstage and facts.scene.voiceover is None


def _foreign(picture: Scene, sound: Scene) -> bool:
    """Whether the sound contains an instrument that is not in the picture."""
    return not {p.instrument for p in sound.heard} <= {p.instrument for p in picture.visible}


def _deranged(rng: Random, scenes: Sequence[Scene]) -> list[Scene | None]:
    """For each scene another scene whose sound does not fit its picture, in cycles, so that each sound is used once.

    Scenes that fit into no cycle get None.
    """
    order = list(scenes)
    rng.shuffle(order)
    for _ in range(20):
        for i in _wrong(order):
            j = rng.randrange(len(order))
            order[i], order[j] = order[j], order[i]
    while wrong := _wrong(order):
        del order[wrong[0]]
    after = {one.id: other for one, other in zip(order, order[1:] + order[:1], strict=True)}
    return [after.get(scene.id) for scene in scenes]


def _wrong(order: Sequence[Scene]) -> list[int]:
    """Positions in a cycle whose successor's sound fits the picture, which it must not."""
    return [i for i, scene in enumerate(order) if not _foreign(scene, order[(i + 1) % len(order)])]
