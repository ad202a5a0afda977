"""Facts of a scene with margins, from which the question programs compute answers.

Two events are ordered, or two players differ in loudness, only beyond a margin that people can perceive. Within the
margin the fact is None, and no question is asked about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lookhear.soundstage.scene.scene import Player, Scene

ORDER = 1.5  # smallest difference in seconds between two onsets (or ends) that counts as an order
LOUDER = 6.0  # dB
BUSIER = 2.0  # ratio of note rates
LONGER = 2.0  # seconds
OVERLAP = 1.5  # seconds
PART = 0.7  # "always playing" is the whole clip; "not always" is at most this fraction of it
NEAR = 1e-6  # times lie on a grid of 0.1 s: the tolerance only absorbs floating-point error
AWAY = 2  # largest number of sources off stage

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def number(count: int) -> str:
    """The answer word for a count."""
    return NUMBERS[count] if count < len(NUMBERS) else "more than ten"


def length(player: Player) -> float:
    """Total sounding time of a player in seconds."""
    return sum(end - start for start, end in player.sounding)


def overlap(one: Player, other: Player) -> float:
    """Seconds in which both players sound."""
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in one.sounding for c, d in other.sounding)


def onset(player: Player) -> float:
    """Onset of a player's first sound."""
    return player.sounding[0][0]


def end(player: Player) -> float:
    """End of a player's last sound."""
    return player.sounding[-1][1]


def beyond(value: float, margin: float) -> bool | None:
    """True above the margin, False below minus the margin, None in between."""
    return True if value >= margin - NEAR else False if value <= NEAR - margin else None


@dataclass(frozen=True)
class Facts:
    """A scene with precomputed facts for the question programs."""

    scene: Scene

    @cached_property
    def visible(self) -> tuple[Player, ...]:
        return self.scene.visible

    @cached_property
    def heard(self) -> tuple[Player, ...]:
        return self.scene.heard

    @cached_property
    def sounding(self) -> tuple[Player, ...]:
        """Players on stage that sound at some time, left to right."""
        return tuple(p for p in self.visible if p.sounding)

    @cached_property
    def silent(self) -> tuple[Player, ...]:
        """Players on stage that never sound, left to right."""
        return tuple(p for p in self.visible if not p.sounding)

    @cached_property
    def offstage(self) -> tuple[Player, ...]:
        """Players that are heard but not seen."""
        return tuple(p for p in self.heard if p.x is None)

    @cached_property
    def players(self) -> Counter[str]:
        """Number of players of each type, on stage or off."""
        return Counter(p.instrument for p in self.scene.players)

    @cached_property
    def on_stage(self) -> Counter[str]:
        """Number of visible players of each type."""
        return Counter(p.instrument for p in self.visible)

    @cached_property
    def heard_types(self) -> frozenset[str]:
        return frozenset(p.instrument for p in self.heard)

    @cached_property
    def by_type(self) -> dict[str, Player]:
        """Type -> its player, for types with exactly one player on stage or off, so that the sound identifies the
        player."""
        return {p.instrument: p for p in self.scene.players if self.players[p.instrument] == 1}

    @cached_property
    def distinguishable(self) -> bool:
        """Whether the picture shows which of several players of one type sound: all are on stage and move as they
        sound."""
        return all(
            self.players[p.instrument] == 1 or (p.x is not None and p.miming == p.sounding) for p in self.scene.players
        )

    @cached_property
    def places(self) -> dict[str, Player]:
        """left, middle, right -> player. "middle" needs exactly three players; with more, only the ends are named."""
        if len(self.visible) < 2:
            return {}
        ends = {"left": self.visible[0], "right": self.visible[-1]}
        return ends | ({"middle": self.visible[1]} if len(self.visible) == 3 else {})

    def place(self, player: Player) -> str | None:
        """left, middle or right for a player if at least two are on stage; None if its place has no name."""
        return next((word for word, there in self.places.items() if there is player), None)

    def beside(self, player: Player, side: str) -> Player | None:
        """The next player to the left or right, None at the end of the row."""
        where = next((i for i, p in enumerate(self.visible) if p is player), None)
        where = None if where is None else where + {"left": -1, "right": 1}.get(side, len(self.visible))
        return self.visible[where] if where is not None and 0 <= where < len(self.visible) else None

    @cached_property
    def entries(self) -> tuple[Player, ...]:
        """All heard players in order of their onset."""
        return tuple(sorted(self.heard, key=onset))

    def outermost(self, which: str) -> Player | None:
        """The first or last player to sound among all that are heard, None if that is unclear.

        The first player enters before all others by the margin. "Last" can mean the last to enter or the last to be
        heard: a player must be both.
        """
        order = self.entries
        if len(order) < 2 or not self.distinguishable:
            return None
        if which == "first":
            clear = onset(order[1]) - onset(order[0]) >= ORDER - NEAR
            return order[0] if clear else None
        last, others = order[-1], order[:-1]
        clear = onset(last) - onset(others[-1]) >= ORDER - NEAR and end(last) - max(map(end, others)) >= ORDER - NEAR
        return last if clear else None

    @cached_property
    def contest(self) -> bool:
        """Whether a random guess among seen and heard instruments is not enough: at least three types sound on stage
        and a visible player is silent.
        """
        return len({p.instrument for p in self.sounding}) >= 3 and bool(self.silent)


def extreme(values: Sequence[float], margin: float, highest: bool) -> int | None:
    """Index of the highest (lowest) value, if it differs from every other by the margin, else None."""
    ranked = sorted(range(len(values)), key=values.__getitem__, reverse=highest)
    if len(ranked) < 2 or abs(values[ranked[0]] - values[ranked[1]]) < margin - NEAR:
        return None
    return ranked[0]
