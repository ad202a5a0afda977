"""Sample scenes for a given question and answer.

A plan restricts the random scene to what the question needs, and the question's program checks whether the scene has
the wanted answer. Since any instrument can play any part, instruments are then permuted to the wanted ones.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from random import Random

from lookhear.soundstage.questions import programs
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import COMPARATIVE, ORDER, PLACED, SIDED, Question, answer, harvest
from lookhear.soundstage.scene.facts import AWAY, NUMBERS, Facts
from lookhear.soundstage.scene.scene import INSTRUMENTS, Scene
from lookhear.soundstage.scene.structure import RATES, TIMES, Plan, draw, joined, moves, silenced, timeline

TRIES = 120


@dataclass(frozen=True)
class QuestionRequest:
    """A wanted question and answer. Empty `objects` leaves the instruments open; `cue=None` leaves the cue open."""

    template: str
    fixed: tuple[str, ...]
    objects: tuple[str, ...]
    answer: str
    cue: Hashable = None


def sample(
    rng: Random, wish: QuestionRequest, seconds: float = 10.0, musicians: int = 4, name: str = "", crowd: int = 0
) -> Scene | None:
    """A scene that fulfils the wish, or None if none was found within the number of tries.

    `crowd` is the wanted number of players on stage, where the wish leaves a choice; 0 means any number.
    """
    for _ in range(TRIES):
        wanted = plan(rng, wish, musicians)
        if crowd and crowd in (wanted.visible or (crowd,)):
            wanted = replace(wanted, visible=(crowd,))
        scene = draw(rng, wanted, seconds, musicians, name)
        asked = harvest(Facts(scene), wish.template)
        if right := [q for q in asked if q.fixed == wish.fixed and _same(q.answer, wish.answer)]:
            question = rng.choice(right)
            if wish.cue is None:
                return relabel(blur(rng, scene, question), parts(question, wish))
            if wish.cue == question.cue:
                return scene
    return None


def blur(rng: Random, scene: Scene, question: Question) -> Scene:
    """The scene with random players silenced and random sources added off stage, if the answer stays the same."""
    changes = ["silence", "silence", "add", "add"]
    for change in rng.sample(changes, rng.randint(0, 3)):
        if change == "silence":
            sounding = [i for i, p in enumerate(scene.players) if p.x is not None and p.sounding]
            changed = silenced(rng, scene, rng.choice(sounding)) if sounding else scene
        else:
            changed = joined(rng, scene)
        if answer(changed, question.template, question.values) == question.answer:
            scene = changed
    return scene


def fits(wish: QuestionRequest, crowd: int, musicians: int) -> bool:
    """Whether a wish can be fulfilled with `crowd` players on stage."""
    return crowd in (plan(Random(0), wish, musicians).visible or (crowd,))


def twin(rng: Random, scene: Scene, name: str) -> Scene:
    """The same instruments in the same places with every comparison of loudness and note rate reversed.

    Silent players stay silent. The times at which the others sound, looks, light and everything else are drawn anew.
    """
    order = {id(p): place for place, p in enumerate(scene.visible)}
    other = draw(rng, Plan(visible=(len(order),), alike=(0,)), scene.seconds, len(order), name)
    times = timeline(rng, rng.choice(TIMES), len(scene.heard), scene.seconds)
    players = []
    for p in scene.players:
        spans = times.pop() if p.sounding else ()
        there = other.visible[order[id(p)]] if p.x is not None else None
        alike = sum(q.instrument == p.instrument for q in scene.players) > 1
        moving = spans if alike else () if there is None else moves(rng, spans, scene.seconds)
        x, look = (there.x, there.look) if there else (None, p.look)
        players.append(
            replace(p, x=x, look=look, sounding=spans, miming=moving, level=-p.level or 0.0, rate=max(RATES) / p.rate)
        )
    return replace(other, players=tuple(players))


def _same(answer: str, wanted: str) -> bool:
    return answer == wanted or (answer in INSTRUMENTS and wanted in INSTRUMENTS)


def parts(question: Question, wish: QuestionRequest) -> dict[str, str]:
    """A permutation of the instruments that turns the question into the wish."""
    given = [*(question.objects if wish.objects else ()), question.answer]
    wanted = [*wish.objects, wish.answer]
    swap = {kind: kind for kind in INSTRUMENTS}
    for old, new in zip(given, wanted, strict=True):
        if old in swap and swap[old] != new:
            holder = next(k for k, v in swap.items() if v == new)
            swap[holder], swap[old] = swap[old], new
    return swap


def relabel(scene: Scene, swap: dict[str, str]) -> Scene:
    """The same scene with instruments replaced according to `swap`."""
    return replace(scene, players=tuple(replace(p, instrument=swap[p.instrument]) for p in scene.players))


def plan(rng: Random, wish: QuestionRequest, musicians: int) -> Plan:
    """Restrictions under which a random scene is likely to fulfil the wish."""
    template, program = wish.template, TEMPLATES[wish.template].answer
    count = NUMBERS.index(wish.answer) if wish.answer in NUMBERS else 0
    many = tuple(range(4, musicians + 1)) or (musicians,)
    three = (3,) if "middle" in (*wish.fixed, wish.answer) else (3, 3, 4)
    some = tuple(n for n in range(1, musicians + 1) if n >= max(count, 1))
    if program is programs.number_silent:
        return Plan(visible=some, silent=(count,))
    if program is programs.number_sounding:
        size = rng.choice(some)
        return Plan(visible=(size,), silent=(size - count,), offstage=(0,))
    if program is programs.types_sounding:
        return Plan(visible=some, silent=(0, 0, 1), offstage=(0,))
    if program is programs.types_seen:
        return Plan(visible=some, alike=(0, 2, 3, 4) if count < 2 else (0, 2, 3))
    if program in (programs.number_of, programs.number_sounding_of) and count > 1:
        return Plan(visible=some, alike=tuple(n for n in some if n >= count), silent=(0, 0, 1, 2))
    if program is programs.number_heard:
        return Plan(visible=tuple(range(1, musicians + 1)), offstage=(0, 1, 2))
    if program is programs.from_the_stage:
        numbers = wish.cue or (rng.randint(2, musicians), rng.randint(1, AWAY), None)
        assert isinstance(numbers, tuple), "the cue of this template is (seen, heard, who speaks)"
        visible, heard, _ = numbers
        if wish.answer == "no":
            return Plan(voice=0.0, visible=(visible,), silent=(visible,), offstage=(heard,), alike=(0,))
        return Plan(voice=0.0, visible=(visible,), silent=(visible - heard,), offstage=(0,), alike=(0,))
    if program is programs.which_kind:
        return Plan(visible=(1,))
    if program is programs.which_of:
        size = 3 if wish.answer == "middle" or rng.random() < 0.4 else 2
        times = ("unison",) if wish.answer == "simultaneously" else ("chain", "chain", "sequence")
        return Plan(visible=(size, 3), silent=(0, 0, 1), alike=(size,), times=times, ends=size == 2)
    if program in (programs.where_outermost, programs.where_loudest):
        return Plan(
            visible=three, silent=(0, 1, 1, 2), offstage=(0, 1, 2), alike=(0, 0, 2), times=("chain", "sequence")
        )
    if program is programs.together:
        return Plan(visible=many, silent=(1,), offstage=(0, 1, 1, 2), alike=(0,), times=("pair",))
    if program in (programs.nth_entry, programs.before_after):
        return Plan(visible=many, silent=(1,), offstage=(0, 1, 1, 2), alike=(0,), times=("chain", "sequence"))
    if template in ORDER:
        voice = 0.0 if program is programs.sound_from else 0.35
        return Plan(three, (1, 1, 2), (0, 1, 1, 2), alike=(0,), times=("chain", "sequence"), voice=voice)
    if template in PLACED | SIDED:
        return Plan(visible=(3,) if "middle" in wish.fixed else (2, 3, 4, 4), silent=(0, 1, 1, 2), alike=(0,))
    if template in COMPARATIVE:
        return Plan(offstage=(0, 1, 2), alike=(0,))
    if program is programs.neighbour:
        return Plan(visible=(3, 4))
    return Plan()
