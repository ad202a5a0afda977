"""Referring expressions for exactly one player on stage, or for none, each defined by a rule.

A rule is true, false or unclear (None) for every player on stage. An expression is used if it is never unclear and true
for exactly one player, or, as a null expression, false for all. Families occur with and without a referent in the same
proportion, so that the words alone are uninformative. `UNSEEN` types are neither referred to nor named in training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from lookhear.soundstage.scene.facts import LOUDER, NEAR, ORDER, PART, Facts, beyond, end, length, onset
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player

UNSEEN = ("bassoon", "erhu", "guzheng", "tuba", "ukulele")
SIDES = ("left", "right", "middle")
NULL = 1 / 4  # fraction of expressions without a referent
Rule = Callable[[Player], bool | None]


@dataclass(frozen=True)
class Expression:
    """The words, the player referred to (None for a null expression), the types named, and the expression's family."""

    words: str
    player: Player | None
    named: tuple[str, ...]
    family: str


def expressions(rng: Random, facts: Facts) -> list[Expression]:
    """All expressions that have exactly one clear referent on this stage, or clearly none."""
    chosen = []
    for family, words, named, rule in _candidates(rng, facts):
        truth = [rule(p) for p in facts.visible]
        if None in truth or sum(bool(t) for t in truth) > 1:
            continue
        meant = next((p for p, t in zip(facts.visible, truth, strict=True) if t), None)
        chosen.append(Expression(words, meant, named, family))
    return chosen


def kind_of(said: Expression) -> str:
    """Seen, Unseen (it refers to or names a type that does not occur in training) or Null."""
    if said.player is None:
        return "Null"
    return "Unseen" if {said.player.instrument, *said.named} & set(UNSEEN) else "Seen"


class Choice:
    """Balanced choice of expressions: families are equally frequent, each with the same fraction of null
    expressions."""

    def __init__(self, rng: Random, known: Sequence[str] = INSTRUMENTS) -> None:
        self.rng, self.known = rng, set(known)
        self.counts: Counter[tuple[str, bool]] = Counter()

    def take(self, facts: Facts, count: int = 2) -> list[Expression]:
        """Up to `count` expressions of different families for one stage, with known types only."""
        pool = [e for e in expressions(self.rng, facts) if self._allowed(e)]
        chosen: list[Expression] = []
        while pool and len(chosen) < count:
            self.rng.shuffle(pool)
            best = min(pool, key=self._surplus)
            if self._surplus(best) > 8:
                break
            self.counts[best.family, best.player is None] += 1
            chosen.append(best)
            pool = [e for e in pool if e.family != best.family]
        return chosen

    def _allowed(self, e: Expression) -> bool:
        return {*e.named, *([e.player.instrument] if e.player else [])} <= self.known

    def _surplus(self, e: Expression) -> float:
        """How far null (or other) expressions exceed their share within the family; ties go to the rarest family."""
        null = e.player is None
        share = NULL if null else 1 - NULL
        same, other = self.counts[e.family, null], self.counts[e.family, not null]
        return 10 * max(0.0, same + 1 - share * (same + other + 1) - 1) + 0.01 * (same + other)


def _candidates(rng: Random, facts: Facts) -> Iterator[tuple[str, str, tuple[str, ...], Rule]]:
    on_stage = list(facts.on_stage)
    hidden = [p.instrument for p in facts.offstage]
    absent = [k for k in INSTRUMENTS if k not in facts.on_stage and k not in hidden]
    for kind in (*on_stage, *hidden, *rng.sample(absent, 2)):
        name = kind.replace("_", " ")
        alone = rng.choice((f"the {name} on the stage", f"the {name} in the picture", f"the musician with the {name}"))
        yield "kind", alone, (kind,), _of_type(kind)
        if not facts.distinguishable:
            continue
        yield (
            *("sounding kind", rng.choice((f"the {name} that is being played", f"the {name} that can be heard"))),
            *((kind,), _conjunction(_of_type(kind), _sounds)),
        )
        yield (
            *("silent kind", rng.choice((f"the {name} that makes no sound", f"the {name} that stays silent"))),
            *((kind,), _conjunction(_of_type(kind), _silent)),
        )
    for side in [s for s in SIDES if s in facts.places]:
        where = "in the middle" if side == "middle" else f"on the far {side}"
        place = facts.places[side]
        for kind in (*on_stage, *hidden):
            words = f"the {kind.replace('_', ' ')} {where}"
            yield "placed kind", words, (kind,), _conjunction(_is_player(place), _of_type(kind))
        if facts.distinguishable:
            words = rng.choice((f"the instrument {where} that sounds", f"the instrument heard {where}"))
            yield "placed sounding", words, (), _conjunction(_is_player(place), _sounds)
    for kind in [k for k in on_stage if facts.on_stage[k] == 1]:
        anchor = next(p for p in facts.visible if p.instrument == kind)
        for side in ("left", "right"):
            words = f"the instrument next to the {kind.replace('_', ' ')} on its {side}"
            yield "beside", words, (kind,), _is_player(facts.beside(anchor, side))
    if facts.distinguishable:
        yield from _by_ear(rng, facts)


def _by_ear(rng: Random, facts: Facts) -> Iterator[tuple[str, str, tuple[str, ...], Rule]]:
    yield (
        *("the silent one", rng.choice(("the instrument that is never played", "the one on stage that is not heard"))),
        *((), _silent),
    )
    yield (
        *(
            "the sounding one",
            rng.choice(("the instrument on stage that is heard", "the one in the picture that sounds")),
        ),
        *((), _sounds),
    )
    yield (
        *("throughout", rng.choice(("the one that plays from beginning to end", "the instrument that never pauses"))),
        *((), lambda p: _throughout(facts, p)),
    )
    yield "first", "the first on stage to be heard", (), lambda p: _most(facts, p, lambda q: -onset(q), ORDER)
    last = rng.choice(("the last on stage to be heard", "the one in the picture that sounds until last"))
    yield "last", last, (), lambda p: _most(facts, p, end, ORDER)
    yield "loudest", "the loudest instrument on stage", (), lambda p: _most(facts, p, lambda q: q.level, LOUDER)


def _of_type(kind: str) -> Rule:
    return lambda player: player.instrument == kind


def _is_player(meant: Player | None) -> Rule:
    return lambda player: player is meant


def _sounds(player: Player) -> bool:
    return bool(player.sounding)


def _silent(player: Player) -> bool:
    return not player.sounding


def _conjunction(first: Rule, second: Rule) -> Rule:
    return lambda player: first(player) and second(player)


def _throughout(facts: Facts, player: Player) -> bool | None:
    part = length(player) / facts.scene.seconds
    return True if part >= 1 - NEAR else False if part <= PART + NEAR else None


def _most(facts: Facts, player: Player, value: Callable[[Player], float], margin: float) -> bool | None:
    """Whether the player exceeds every other sounding player on stage; None if the first two are too close."""
    ranked = sorted(facts.sounding, key=value, reverse=True)
    if not ranked:
        return False
    if len(ranked) > 1 and beyond(value(ranked[0]) - value(ranked[1]), margin) is None:
        return None
    return player is ranked[0]
