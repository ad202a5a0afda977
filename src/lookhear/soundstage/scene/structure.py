"""Random structure of scenes: number of players, times of sounding and moving; instruments are assigned later.

A `Plan` restricts the distribution to the needs of a question; everything else is sampled broadly. Sound and picture
are kept independent: there are sources off stage, silent players, players who mime, and players who sound without
moving.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from lookhear.soundstage.scene.facts import AWAY, ORDER, PART
from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Look, Player, Scene

Spans = tuple[tuple[float, float], ...]

LEVELS = (-6.0, 0.0, 6.0)  # dB: steps of 6 dB in a range of 12 dB; in a wider range the soft players could not be heard
RATES = (1.0, 2.0, 4.0)  # notes per second
TIMES = ("free", "chain", "sequence", "pair")
LOOKS = 8  # indices of skin, hair, clothes and stage light are drawn from 0..7 and taken modulo the palette's length


@dataclass(frozen=True)
class Plan:
    """Restrictions on the random scene: each tuple holds the choices for one number; an empty tuple is unrestricted."""

    visible: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()  # number among the visible players
    offstage: tuple[int, ...] = (0, 1, 1, 2, 2)
    alike: tuple[int, ...] = (0, 0, 0, 2, 3)  # size of a group of players of one type; 0 means no group
    times: tuple[str, ...] = TIMES
    voice: float = 0.35  # probability of a voiceover
    ends: bool = False  # the two players of a group of two stand at the two ends of the row


def draw(rng: Random, plan: Plan, seconds: float, musicians: int, name: str = "") -> Scene:
    """A scene of `seconds` seconds with up to `musicians` players on stage, restricted by `plan`."""
    count = min(
        rng.choice(plan.visible) if plan.visible else round(rng.triangular(1, musicians + 0.49, musicians)), musicians
    )
    group = min(rng.choice(plan.alike), count)
    kinds = rng.sample(INSTRUMENTS, min(count + 3, len(INSTRUMENTS)))  # 3 is more than the number of sources off stage
    alike, rest = ([kinds[0]] * group, kinds[1:]) if group > 1 else ([], kinds)
    stage = alike + [rest[i % len(rest)] for i in range(count - len(alike))]
    if plan.ends and group == 2:
        stage = [stage[0], *stage[2:], stage[1]]
    else:
        rng.shuffle(stage)
    silent = rng.choice(plan.silent) if plan.silent else sum(rng.random() < 0.5 for _ in range(count))
    quiet = set(rng.sample(range(count), min(silent, count)))
    hidden = [k for k in kinds if k not in stage][: rng.choice(plan.offstage)]
    spans = timeline(rng, rng.choice(plan.times), count - len(quiet) + len(hidden), seconds)
    players = []
    for place, kind in enumerate(stage):
        sounding = () if place in quiet else spans.pop()
        miming = sounding if stage.count(kind) > 1 else moves(rng, sounding, seconds)
        x = (place + 0.5 + rng.uniform(-0.12, 0.12)) / count
        depth = int(count > 2 and rng.random() < (0.25 if count < 5 else 0.5))
        skin, hair, clothes = (rng.randrange(LOOKS) for _ in range(3))
        look = Look(skin, hair, clothes, round(rng.uniform(0.85, 1.15), 2), depth)
        players.append(_player(rng, kind, round(0.09 + 0.82 * x, 3), sounding, miming, look))
    players += [_player(rng, kind, None, spans.pop(), (), Look()) for kind in hidden]
    talk = None
    if rng.random() < plan.voice:
        start = round(rng.uniform(0, seconds - 2.5), 1)
        talk = (start, round(min(seconds, start + rng.uniform(2.0, 5.0)), 1))
    return Scene(
        name,
        rng.getrandbits(31),
        seconds,
        tuple(players),
        rng.random() < 0.5,
        rng.choice(MOODS),
        rng.randrange(LOOKS),
        talk,
    )


def silenced(rng: Random, scene: Scene, which: int) -> Scene:
    """The scene with one player silenced; the player may mime if it is the only one of its type."""
    player = scene.players[which]
    alike = sum(p.instrument == player.instrument for p in scene.players) > 1
    quiet = replace(player, sounding=(), miming=() if alike else moves(rng, (), scene.seconds))
    return replace(scene, players=(*scene.players[:which], quiet, *scene.players[which + 1 :]))


def joined(rng: Random, scene: Scene) -> Scene:
    """The scene with one more source off stage, if there are fewer than two."""
    if sum(p.x is None for p in scene.players) >= AWAY:
        return scene
    kind = rng.choice([k for k in INSTRUMENTS if all(p.instrument != k for p in scene.players)])
    extra = _player(rng, kind, None, _alone(rng, scene.seconds), (), Look())
    return replace(scene, players=(*scene.players, extra))


def _player(rng: Random, kind: str, x: float | None, sounding: Spans, miming: Spans, look: Look) -> Player:
    register = rng.choice((-1, 0, 0, 1))
    return Player(kind, x, sounding, rng.choice(LEVELS), rng.choice(RATES), register, miming, look)


def moves(rng: Random, sounding: Spans, seconds: float) -> Spans:
    """Spans in which a player moves as if playing: half of the sounding players sit still, half of the silent ones
    mime."""
    if rng.random() < 0.5:
        return ()
    return sounding or _alone(rng, seconds)


def timeline(rng: Random, times: str, sources: int, seconds: float) -> list[Spans]:
    """Sounding spans of each of `sources` sources, in random order of sources. Times lie on a grid of 0.1 s.

    `times` is the pattern: "free" samples each source independently; in "chain" the sources enter one after another and
    continue together; in "sequence" one sounds at a time; "pair" is a sequence in which two sound together; in "unison"
    all sound together.
    """
    if times == "unison":
        start = rng.uniform(0, seconds - 4)
        shared = _span(start, rng.uniform(start + 3, seconds))
        return [shared] * sources
    if times == "free" or sources < 2:
        return [_alone(rng, seconds) for _ in range(sources)]
    turns = sources - 1 if times == "pair" and sources > 2 else sources
    gap = min(2.6, (seconds - ORDER) / turns)
    starts = [rng.uniform(0, max(0.0, seconds - ORDER - gap * turns) if times == "chain" else 0.8)]
    for _ in range(turns - 1):
        longest = gap if times == "chain" else (seconds - starts[-1]) / (turns - len(starts) + 1) + 0.4
        starts.append(starts[-1] + rng.uniform(min(ORDER + 0.1, longest), longest))
    starts = [min(start, seconds - 0.6) for start in starts]
    if times == "chain":
        spans = _chained(rng, starts, seconds)
    else:
        stops = [*starts[1:], seconds]
        spans = [_span(a, max(a + 0.6, b - rng.uniform(0, 0.4))) for a, b in zip(starts, stops, strict=True)]
        if times == "pair" and sources > 2:
            spans.append(rng.choice(spans))
    rng.shuffle(spans)
    return spans


def _chained(rng: Random, starts: list[float], seconds: float) -> list[Spans]:
    """Ends for sources that enter in turn: all sound to the end, or only the last remains, or each ends at random."""
    manner = rng.choice(("on", "last", "free"))
    latest = seconds - ORDER - 0.2 if manner == "last" else seconds
    spans = []
    for place, start in enumerate(starts):
        final = place == len(starts) - 1
        least = min(start + ORDER, seconds)
        if manner == "on" or final:
            stop = seconds if rng.random() < 0.7 else rng.uniform(max(least, seconds - 0.3), seconds)
        else:
            stop = rng.uniform(min(least, latest), latest)
        spans.append(_span(start, max(stop, start + 0.6)))
    return spans


def _alone(rng: Random, seconds: float) -> Spans:
    """Spans of an independent source: the whole clip, one span, or two with a rest; never nearly the whole clip."""
    manner = rng.random()
    if manner < 0.25:
        return ((0.0, float(seconds)),)
    most = PART * seconds
    if manner < 0.75:
        size = rng.uniform(1.5, most)
        start = rng.uniform(0, seconds - size)
        return _span(start, start + size - 0.05)
    sizes = [rng.uniform(1.2, most / 2) for _ in range(2)]
    rest = rng.uniform(0.8, seconds - sum(sizes))
    start = rng.uniform(0, seconds - sum(sizes) - rest)
    second = start + sizes[0] + rest
    return (*_span(start, start + sizes[0] - 0.05), *_span(second, second + sizes[1] - 0.05))


def _span(start: float, stop: float) -> Spans:
    return ((round(start, 1), round(stop, 1)),)
