"""The kinds of twins: one cause of a scene is changed, everything else is equal sample for sample and pixel for pixel.

    kind       what changes                                       seen   heard
    mute       a player falls silent, and moves on                =      changed
    swap       its sound is another instrument's, the same notes  =      changed
    shift      it plays some seconds earlier or later             =      changed
    louder     the softer of two becomes the louder               =      changed
    order      two players change the times at which they play    =      changed
    offstage   a player that sounds leaves the stage              changed  =
    hide       a silent player leaves the stage                   changed  =
    move       two players change places                          changed  =
    hands      another instrument in a player's hands             changed  =

A twin holds three scenes: `truth` is the one from which questions are answered, `picture` is rendered as frames and
`sound` as waveform. The latter two keep the players in the base's order, because melodies and movements are drawn by a
player's index. So in a twin with another sound everyone moves as in the base, and in a twin with another picture
everyone plays as in the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations

from lookhear.catalog import unknown
from lookhear.errors import DatasetError
from lookhear.soundstage.scene.facts import AWAY, LOUDER, NEAR, ORDER
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player, Scene
from lookhear.soundstage.scene.structure import LEVELS

SHIFTS = (-4.0, -3.0, -2.0, 2.0, 3.0, 4.0)  # seconds, all beyond the margin for an order


@dataclass(frozen=True)
class Twin:
    """A scene with one change. `players` are the indices of the changed players, `stream` is the stream that differs.

    Figures are drawn as tall as for `crowd` players on stage, which is the number of the base.
    """

    id: str
    kind: str
    stream: str
    players: tuple[int, ...]
    truth: Scene
    picture: Scene
    sound: Scene
    crowd: int


Makes = Callable[[Scene], Iterator[tuple[str, tuple[int, ...], Scene, Scene]]]  # mark, players, truth, rendered
KINDS: dict[str, tuple[str, Makes]] = {}


def twins(scene: Scene, kind: str) -> list[Twin]:
    """All twins of a kind that the scene allows, in a fixed order."""
    stream, make = KINDS[kind]
    made = []
    for mark, players, truth, changed in make(scene):
        name = f"{scene.id}-{kind}{mark}"
        picture, sound = (changed, scene) if stream == "visual" else (scene, changed)
        truth = replace(truth, id=name, players=tuple(p for p in truth.players if p.x is not None or p.sounding))
        made.append(Twin(name, kind, stream, players, truth, picture, sound, len(scene.visible)))
    return made


def twin_of(scene: Scene, name: str) -> Twin:
    """The twin of a scene with the name `name`. Raises DatasetError if there is none."""
    found = next((t for kind in KINDS if kind in name for t in twins(scene, kind) if t.id == name), None)
    if found is None:
        raise DatasetError(f"Scene {scene.id!r} has no twin called {name!r}.")
    return found


def chosen(names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The kinds that `names` select: `all`, or kinds separated by commas or spaces. Raises DatasetError for unknown
    ones."""
    words = [word for name in names for word in name.split(",") if word]
    wrong = next((word for word in words if word not in (*KINDS, "all")), None)
    if wrong is not None or not words:
        raise DatasetError(unknown("kind of twin", wrong or "", ("all", *KINDS)))
    return tuple(kind for kind in KINDS if kind in words or "all" in words)


def kind(stream: str) -> Callable[[Makes], Makes]:
    def add(make: Makes) -> Makes:
        KINDS[make.__name__] = stream, make
        return make

    return add


def with_players(scene: Scene, changes: dict[int, Player]) -> Scene:
    """The scene with some players replaced."""
    return replace(scene, players=tuple(changes.get(i, p) for i, p in enumerate(scene.players)))


def _only(scene: Scene) -> list[int]:
    """Indices of players that are the only one of their type, so that a change can be assigned to them."""
    kinds = [p.instrument for p in scene.players]
    return [i for i, kind in enumerate(kinds) if kinds.count(kind) == 1]


def _absent(scene: Scene, seed: int) -> str:
    """An instrument that does not occur in the scene."""
    free = [kind for kind in INSTRUMENTS if all(p.instrument != kind for p in scene.players)]
    return free[(scene.seed // 7 + seed) % len(free)]


def _away(scene: Scene) -> int:
    return sum(p.x is None for p in scene.players)


@kind("audio")
def mute(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A player falls silent and keeps moving."""
    for i, player in enumerate(scene.players):
        if player.sounding:
            changed = with_players(scene, {i: replace(player, sounding=())})
            yield str(i), (i,), changed, changed


@kind("audio")
def swap(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A player's sound becomes that of another instrument, which is then heard and not seen."""
    for i in _only(scene):
        player = scene.players[i]
        if player.sounding and (player.x is None or _away(scene) < AWAY):
            other = replace(player, instrument=_absent(scene, i))
            unseen = replace(other, x=None, miming=())
            quiet = with_players(scene, {i: replace(player, sounding=())})
            truth = replace(quiet, players=(*quiet.players, unseen))
            yield str(i), (i,), truth, with_players(scene, {i: other})


@kind("audio")
def shift(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A player plays the same notes some seconds earlier or later."""
    for i, player in enumerate(scene.players):
        for by in SHIFTS if player.sounding else ():
            moved = tuple((round(a + by, 1), round(b + by, 1)) for a, b in player.sounding)
            if moved[0][0] >= 0 and moved[-1][1] <= scene.seconds:
                changed = with_players(scene, {i: replace(player, sounding=moved)})
                yield f"{i}{'+' if by > 0 else '-'}{abs(by):g}", (i,), changed, changed


@kind("audio")
def louder(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A player becomes louder than another one that was louder before."""
    for i, j in permutations(range(len(scene.players)), 2):
        mine, rival = scene.players[i], scene.players[j]
        above = [level for level in LEVELS if level - rival.level >= LOUDER - NEAR]
        if mine.sounding and rival.sounding and rival.level - mine.level >= LOUDER - NEAR and above:
            changed = with_players(scene, {i: replace(mine, level=above[0])})
            yield f"{i}over{j}", (i,), changed, changed


@kind("audio")
def order(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """Two players exchange the times at which they play."""
    for i, j in combinations(range(len(scene.players)), 2):
        one, other = scene.players[i], scene.players[j]
        if one.sounding and other.sounding and abs(one.sounding[0][0] - other.sounding[0][0]) >= ORDER - NEAR:
            exchanged = {i: replace(one, sounding=other.sounding), j: replace(other, sounding=one.sounding)}
            changed = with_players(scene, exchanged)
            yield f"{i}with{j}", (i, j), changed, changed


@kind("visual")
def offstage(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A sounding player leaves the stage; its sound stays."""
    for i, player in enumerate(scene.players):
        if player.sounding and player.x is not None and _away(scene) < AWAY and len(scene.visible) > 1:
            changed = with_players(scene, {i: replace(player, x=None, miming=())})
            yield str(i), (i,), changed, changed


@kind("visual")
def hide(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A silent player leaves the stage; no sound changes."""
    for i, player in enumerate(scene.players):
        if not player.sounding and player.x is not None and len(scene.visible) > 1:
            changed = with_players(scene, {i: replace(player, x=None, miming=())})
            yield str(i), (i,), changed, changed


@kind("visual")
def move(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """Two players of different types exchange places."""
    for i, j in combinations(range(len(scene.players)), 2):
        one, other = scene.players[i], scene.players[j]
        if one.x is not None and other.x is not None and one.instrument != other.instrument:
            changed = with_players(scene, {i: replace(one, x=other.x), j: replace(other, x=one.x)})
            yield f"{i}with{j}", (i, j), changed, changed


@kind("visual")
def hands(scene: Scene) -> Iterator[tuple[str, tuple[int, ...], Scene, Scene]]:
    """A player holds another instrument; its sound stays and now comes from off stage."""
    for i in _only(scene):
        player = scene.players[i]
        if player.x is None or (player.sounding and _away(scene) >= AWAY):
            continue
        other = replace(player, instrument=_absent(scene, i))
        truth = with_players(scene, {i: replace(other, sounding=())})
        if player.sounding:
            truth = replace(truth, players=(*truth.players, replace(player, x=None, miming=())))
        yield str(i), (i,), truth, with_players(scene, {i: other})
