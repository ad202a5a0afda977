"""What YAMNet hears of each instrument of a General MIDI sound font, and the ways of playing that it names best.

    python -m research.real.fonts FONT.sf2 [OTHER.sf2 …] [--search] [--out FILE]

Each instrument plays three melodies of six seconds alone, as a world would have it play them. The rank of its class is
that among YAMNet's specific classes (without genres, moods and general classes such as Music), in brackets that among
all 521. `--search` tries programs, octaves and velocities on the first font and prints the best.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path
from unittest.mock import patch

import numpy as np

from lookhear import files
from lookhear.encoders import yamnet
from lookhear.errors import MediaError
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player, Scene
from lookhear.soundstage.sound import voices_font
from lookhear.soundstage.sound.mix import sound
from lookhear.soundstage.sound.voices_font import PARTS, Part
from lookhear.soundstage.sound.voices_tones import tone
from lookhear.timeline.ontology import sounds
from research.real.mixtures import heard

NAMES = {  # of MUSIC-AVQA's 22 instruments those that YAMNet has a class for
    "accordion": ("Accordion",),
    "acoustic_guitar": ("Acoustic guitar", "Guitar"),
    "bagpipe": ("Bagpipes",),
    "banjo": ("Banjo",),
    "cello": ("Cello",),
    "clarinet": ("Clarinet",),
    "drum": ("Drum", "Drum kit", "Snare drum", "Bass drum"),
    "electric_bass": ("Bass guitar",),
    "flute": ("Flute",),
    "piano": ("Piano", "Electric piano"),
    "saxophone": ("Saxophone",),
    "trumpet": ("Trumpet",),
    "ukulele": ("Ukulele",),
    "violin": ("Violin, fiddle",),
    "xylophone": ("Marimba, xylophone",),
}
PROGRAMS = {
    "accordion": (21, 23),
    "acoustic_guitar": (24, 25),
    "bagpipe": (109,),
    "banjo": (105,),
    "cello": (42, 43),
    "clarinet": (71, 68),
    "electric_bass": (32, 33, 34, 35, 36, 37),
    "flute": (73, 75, 72),
    "piano": (0, 1, 2),
    "saxophone": (64, 65, 66, 67),
    "trumpet": (56, 59),
    "ukulele": (24, 25, 105),
    "violin": (40, 110, 44),
    "xylophone": (13, 12, 11),
}
TAKES = ((1, "happy", 4.0), (2, "neutral", 2.0), (3, "calm", 1.5))  # seed, mood, notes a second


def scores(font: str, instrument: str, ears, part: Part | None = None) -> np.ndarray:
    """YAMNet's scores, the mean over the takes, (521,)."""
    tone.cache_clear()
    rows = []
    with patch.dict(voices_font.PARTS, {instrument: part} if part else {}):
        for seed, mood, rate in TAKES:
            player = Player(instrument, 0.5, ((0.0, 6.0),), rate=rate)
            wave = sound(Scene(f"{instrument}{seed}", seed, 6.0, (player,), mood=mood), font=font)
            rows.append(heard(20 * wave / max(1.0, 20 * float(np.abs(wave).max())), ears).scores.astype(np.float64))
    return np.concatenate(rows).mean(axis=0)


def ranks(mean: np.ndarray, names: tuple[str, ...]) -> tuple[int, int, float]:
    """Rank of a class among the specific ones, among all, and its score."""
    tree = sounds()
    index = [tree.names.index(n) for n in names]
    raised = tree.raised(mean[None])[0]
    own = np.array([tree.specific(n) for n in tree.names])
    own[index] = True
    best = max(raised[index])
    return int((raised[own] > best).sum()) + 1, int((mean > max(mean[index])).sum()) + 1, float(max(mean[index]))


def searched(font: str, ears) -> dict[str, Part]:
    """The part of each instrument that YAMNet names best."""
    chosen = {}
    for instrument, programs in PROGRAMS.items():
        found = []
        for program, octaves, velocity in product(programs, (-1, 0, 1), (60, 90, 115)):
            part = Part(program, octaves, velocity)
            try:
                rank, _, score = ranks(scores(font, instrument, ears, part), NAMES[instrument])
            except MediaError:  # the font has no such notes
                continue
            found.append((-rank, score, -abs(octaves), part))
        best = max(found, key=lambda row: row[:3])
        chosen[instrument] = best[3]
        print(f"{instrument:16s} rank {-best[0]} score {best[1]:.3f} {best[3]}", flush=True)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fonts", nargs="+", help="paths; '' and 'drawn voices 2' are the drawn ones")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    ears, result = yamnet.build(yamnet.Config()), {}
    if args.search:
        PARTS.update({name: replace(part) for name, part in searched(args.fonts[0], ears).items()})
    for font in args.fonts:
        rows = {}
        for instrument in INSTRUMENTS:
            mean = scores(font, instrument, ears)
            own = [i for i, n in enumerate(sounds().names) if sounds().specific(n)]
            top = [sounds().names[i] for i in sorted(own, key=lambda i: -mean[i])[:3]]
            rank = ranks(mean, NAMES[instrument]) if instrument in NAMES else (0, 0, 0.0)
            rows[instrument] = {"rank": rank[0], "of all": rank[1], "score": round(rank[2], 4), "first": top}
            print(f"{Path(font).name:20s} {instrument:16s} {rank[0]:3d} ({rank[1]:3d}) {rank[2]:.3f}  {', '.join(top)}")
        five, first = (sum(0 < r["rank"] <= k for r in rows.values()) for k in (5, 1))
        print(f"{Path(font).name or 'drawn voices'}: {five} of {len(NAMES)} in the top 5, {first} first", flush=True)
        result[Path(font).name or "drawn voices"] = {"top 5": five, "first": first, "rows": rows}
    if args.out:
        files.write_json(args.out, result)


if __name__ == "__main__":
    main()
