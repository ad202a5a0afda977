"""The Scene type: the description from which sound, picture, questions and ground truth are generated.

A scene is a frozen value with a lossless JSON form (one line). Time is in seconds, `x` is 0 (left) to 1 (right) across
the stage, levels are in dB relative to a reference level. All facts for questions are defined here, never measured from
the rendered picture or sound.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

INSTRUMENTS = (
    *("accordion", "acoustic_guitar", "bagpipe", "banjo", "bassoon", "cello", "clarinet", "congas", "drum"),
    *("electric_bass", "erhu", "flute", "guzheng", "piano", "pipa", "saxophone", "suona", "trumpet", "tuba"),
    *("ukulele", "violin", "xylophone"),
)
MOODS = ("neutral", "happy", "sad", "calm", "angry")


@dataclass(frozen=True)
class Look:
    """Appearance of a player: indices into the picture's palettes, and a size factor around 1."""

    skin: int = 0
    hair: int = 0
    clothes: int = 0
    scale: float = 1.0
    depth: int = 0  # 0 is the front row, 1 the back row (drawn first, higher up, may be occluded)


@dataclass(frozen=True)
class Player:
    """One sound source: instrument, position, sounding times, level, note rate. `x=None` is off stage (not seen)."""

    instrument: str
    x: float | None
    sounding: tuple[tuple[float, float], ...] = ()  # (start, end), sorted, disjoint; empty means silent throughout
    level: float = 0.0  # dB
    rate: float = 2.0  # notes per second while sounding; "more rhythmic" means a higher rate
    register: int = 0  # octaves above (+) or below (-) the instrument's middle register
    miming: tuple[tuple[float, float], ...] = ()  # spans of playing movements, deliberately independent of `sounding`
    look: Look = Look()


@dataclass(frozen=True)
class Scene:
    """A stage of `seconds` seconds. `voiceover` is the span in which a narrator speaks over the music, if any."""

    id: str
    seed: int  # of everything that is not a stated fact: melodies, noise, small movements
    seconds: float
    players: tuple[Player, ...]
    indoor: bool = True
    mood: str = "neutral"
    light: int = 0  # index into the palettes of the stage
    voiceover: tuple[float, float] | None = None

    @property
    def visible(self) -> tuple[Player, ...]:
        """The players on stage, left to right."""
        return tuple(sorted((p for p in self.players if p.x is not None), key=lambda p: p.x or 0.0))

    @property
    def heard(self) -> tuple[Player, ...]:
        """The players that sound at some time, on stage or off."""
        return tuple(p for p in self.players if p.sounding)


def to_json(scene: Scene) -> str:
    """The scene as one line of JSON."""
    return json.dumps(asdict(scene), separators=(",", ":"), sort_keys=True)


def from_json(line: str) -> Scene:
    """The scene from a line of `to_json`."""

    def spans(value: list) -> tuple[tuple[float, float], ...]:
        return tuple((float(a), float(b)) for a, b in value)

    raw = json.loads(line)
    raw["players"] = tuple(
        Player(**{**p, "sounding": spans(p["sounding"]), "miming": spans(p["miming"]), "look": Look(**p["look"])})
        for p in raw["players"]
    )
    raw["voiceover"] = None if raw["voiceover"] is None else tuple(raw["voiceover"])
    return Scene(**raw)
