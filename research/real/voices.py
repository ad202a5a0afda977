"""Search parameters of drawn voices that YAMNet names better: the second set, `lookhear soundstage --voices 2`.

    python -m research.real.voices bagpipe banjo clarinet saxophone ukulele --tries 70
    python -m research.real.voices cello --start violin --tries 130 --seed 3

From the first set's voice, one change after another is kept if YAMNet's score of the instrument's class, relative to
the best other specific class, is no smaller. Each try plays the three melodies of `fonts`. What is found is printed as
a line for `voices_second`, with its rank on these melodies and on three others, which were not searched on.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from unittest.mock import patch

import numpy as np

from lookhear.encoders import yamnet
from lookhear.soundstage.sound import voices
from lookhear.soundstage.sound.voices import DecayingTone, SustainedTone
from lookhear.timeline.ontology import sounds
from research.real import fonts

OTHERS = ((11, "happy", 3.0), (12, "sad", 1.5), (13, "neutral", 2.5))


def changed(voice: SustainedTone | DecayingTone, rng: np.random.Generator) -> SustainedTone | DecayingTone:
    """The voice with one or two of its parameters changed."""
    for _ in range(int(rng.integers(1, 4))):
        scale, shift = float(np.exp(rng.normal(0, 0.5))), float(rng.normal(0, 1))
        if rng.random() < 0.3:
            formants = [
                (
                    c * float(np.exp(rng.normal(0, 0.2))),
                    g + 4 * float(rng.normal()),
                    w * float(np.exp(rng.normal(0, 0.3))),
                )
                for c, g, w in voice.formants
            ]
            if not formants or rng.random() < 0.3:
                formants.append((float(np.exp(rng.uniform(np.log(150), np.log(5000)))), 10.0, 300.0))
            voice = replace(voice, formants=tuple(tuple(round(x, 1) for x in f) for f in formants[-5:]))
        elif isinstance(voice, SustainedTone):
            voice = _sustained(voice, int(rng.integers(8)), scale, shift)
        else:
            voice = _decaying(voice, int(rng.integers(8)), scale, shift)
    return voice


def _sustained(voice: SustainedTone, which: int, scale: float, shift: float) -> SustainedTone:
    level, low, high = voice.noise
    options = (
        {"slope": round(min(-1.0, voice.slope + 2 * shift), 1)},
        {"even": round(min(0.0, voice.even + 6 * shift), 1)},
        {"attack": round(min(0.2, voice.attack * scale), 3)},
        {"bloom": round(min(0.4, voice.bloom * scale), 3)},
        {"vibrato": (voice.vibrato[0], round(min(60.0, (voice.vibrato[1] + 4) * scale), 1))},
        {"noise": (round(min(-8.0, max(level, -45.0) + 6 * shift), 1), low, high)},
        {"chiff": round(min(-6.0, max(voice.chiff, -30.0) + 6 * shift), 1)},
        {"beat": (voice.beat[0], round(min(0.5, (voice.beat[1] + 0.05) * scale), 3))},
    )
    return replace(voice, **options[which])


def _decaying(voice: DecayingTone, which: int, scale: float, shift: float) -> DecayingTone:
    level, low, high, length = voice.click
    options = (
        {"slope": round(min(-1.0, voice.slope + 2 * shift), 1)},
        {"ring": round(float(np.clip(voice.ring * scale, 0.1, 12.0)), 2)},
        {"dull": round(float(np.clip(voice.dull * scale, 150.0, 12000.0)))},
        {"place": round(float(np.clip(voice.place * scale, 0.03, 0.5)), 3)},
        {"stiff": round(min(0.002, (voice.stiff + 2e-5) * scale), 6)},
        {"click": (round(level + 6 * shift, 1), low, high, length)},
        {"click": (level, low, high, round(float(np.clip(length * scale, 0.002, 0.1)), 4))},
        {"pair": round(min(20.0, (voice.pair + 1) * scale), 1)},
    )
    return replace(voice, **options[which])


def margin(mean: np.ndarray, names: tuple[str, ...]) -> float:
    """Log of the class's score over that of the best other specific class."""
    tree = sounds()
    index = [tree.names.index(n) for n in names]
    raised = tree.raised(mean[None])[0]
    near = {k for n in names for k in (*tree.kinds(n), *tree.above[n])} | set(names)
    others = [i for i, n in enumerate(tree.names) if tree.specific(n) and n not in near]
    ranked = np.sort(raised[others])[::-1]
    return float(np.log(max(raised[index]) + 1e-5) - np.log(ranked[:3].mean() + 1e-5))


def played(voice: SustainedTone | DecayingTone, instrument: str, ears, takes=fonts.TAKES) -> np.ndarray:
    """YAMNet's scores of the instrument with this voice, (521,)."""
    with patch.dict(voices.VOICES, {instrument: voice}), patch.object(fonts, "TAKES", takes):
        return fonts.scores("", instrument, ears)


def searched(instrument: str, ears, tries: int, seed: int, start: str) -> SustainedTone | DecayingTone:
    """The best voice that was found from the voice of the instrument `start`."""
    rng, names = np.random.default_rng([seed, sum(instrument.encode())]), fonts.NAMES[instrument]
    best = voices.VOICES[start]
    worth = margin(played(best, instrument, ears), names)
    for _ in range(tries):
        voice = changed(best, rng)
        value = margin(played(voice, instrument, ears), names)
        if value >= worth:
            best, worth = voice, value
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("instruments", nargs="*", default=list(fonts.NAMES))
    parser.add_argument("--tries", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", default="", help="instrument whose voice is changed; by default the same")
    args = parser.parse_args()
    ears = yamnet.build(yamnet.Config())
    for instrument in args.instruments:
        voice, names = (
            searched(instrument, ears, args.tries, args.seed, args.start or instrument),
            fonts.NAMES[instrument],
        )
        ranks = [fonts.ranks(played(voice, instrument, ears, takes), names)[0] for takes in (fonts.TAKES, OTHERS)]
        print(f'"{instrument}": {voice},  # ranks {ranks[0]}, elsewhere {ranks[1]}', flush=True)


if __name__ == "__main__":
    main()
