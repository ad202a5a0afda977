"""A second set of drawn voices, with parameters that an audio classifier names better: `--voices 2`.

Found by `python -m research.real.voices`, which changes one parameter after another of the first set and keeps what
YAMNet names no worse; instruments that are not listed keep their first voice. Scenes, melodies and levels are the same.
"""

from __future__ import annotations

from lookhear.soundstage.sound.voices import VOICES, DecayingTone, SustainedTone

NAME = "drawn voices 2"  # takes the place of a sound font's path
VERSION = 1  # a Soundstage must be finished with the version it was started with
SECOND: dict[str, SustainedTone | DecayingTone] = {
    "bagpipe": SustainedTone(
        slope=-1.8,
        formants=((1949.3, 11.5, 142.4), (2177.8, 17.2, 74.5), (798.2, 7.2, 523.7), (4870.3, 10.0, 300.0)),
        attack=0.008,
        bloom=0.008,
        vibrato=(5.5, 8.2),
        beat=(6.0, 0.055),
        noise=(-44.6, 1000, 5000),
        chiff=-24.6,
        drones=(45, 57),
        release=0.012,
    ),
    "banjo": DecayingTone(
        slope=-1.3,
        ring=1.33,
        dull=10444,
        place=0.03,
        stiff=1.5e-05,
        formants=((845.3, 24.6, 137.7), (790.4, 18.8, 1346.5), (227.0, 15.5, 379.4), (1607.2, 10.0, 300.0)),
        click=(-36.1, 1200, 5000, 0.0044),
        pair=0.6,
    ),
    "cello": SustainedTone(  # searched from the violin's voice
        slope=-11.1,
        formants=(
            (1131.1, 1.3, 1299.1),
            (2504.0, 25.9, 700.5),
            (893.6, 11.8, 285.7),
            (3242.3, 15.4, 293.8),
            (1961.3, 10.0, 300.0),
        ),
        even=-5.1,
        attack=0.2,
        bloom=0.042,
        vibrato=(6.0, 7.7),
        beat=(6.0, 0.162),
        noise=(-33.1, 2500, 7000),
        chiff=-38.2,
    ),
    "clarinet": SustainedTone(
        slope=-8.5,
        formants=((1387.1, 4.5, 475.6), (6084.8, -5.7, 781.9), (3531.1, 12.5, 239.4)),
        even=-24.7,
        attack=0.023,
        bloom=0.013,
        vibrato=(5.5, 3.7),
        beat=(6.0, 0.098),
        noise=(-26.1, 1000, 4000),
        chiff=-22.4,
    ),
    "saxophone": SustainedTone(
        slope=-5.4,
        formants=(
            (525.7, 4.1, 507.5),
            (677.2, 10.7, 313.1),
            (3502.6, 1.1, 494.0),
            (3994.6, 13.0, 328.5),
            (534.0, 10.3, 274.9),
        ),
        attack=0.031,
        bloom=0.014,
        vibrato=(5.0, 9.2),
        beat=(6.0, 0.138),
        noise=(-36.4, 1500, 5500),
        chiff=-12.6,
        scoop=60,
    ),
    "ukulele": DecayingTone(
        slope=-10.0,
        ring=1.53,
        dull=3218,
        place=0.3,
        stiff=4.6e-05,
        formants=(
            (527.6, -3.4, 53.0),
            (792.5, 3.7, 93.4),
            (353.3, 6.1, 127.6),
            (340.2, 6.2, 238.7),
            (1149.4, 10.0, 300.0),
        ),
        click=(-19.4, 500, 2000, 0.0048),
    ),
}


def voice(instrument: str, font: str = "") -> SustainedTone | DecayingTone:
    """The drawn voice of an instrument: of the second set if `font` is its NAME, else of the first."""
    return SECOND.get(instrument, VOICES[instrument]) if font == NAME else VOICES[instrument]
