"""Synthesis parameters of the 22 instruments, from which `voices_tones` makes notes.

There are two families. A `SustainedTone` (bowed, blown) has harmonics with a roll-off and fixed formants, vibrato,
noise and an attack. A `DecayingTone` (plucked, struck) has partials with individual decays and a noise burst at the
onset.
"""

from __future__ import annotations

from dataclasses import dataclass

Formants = tuple[tuple[float, float, float], ...]  # centre Hz, gain dB, width Hz


@dataclass(frozen=True)
class SustainedTone:
    """A sustained tone: bowed, blown or reed."""

    slope: float  # slope of the harmonics in dB per octave
    formants: Formants = ()
    even: float = 0.0  # gain of the even harmonics in dB: a cylindrical reed pipe lacks them
    attack: float = 0.03  # seconds
    bloom: float = 0.05  # seconds until the upper harmonics are present
    vibrato: tuple[float, float] = (5.5, 0.0)  # Hz, cents
    beat: tuple[float, float] = (6.0, 0.0)  # amplitude tremolo: Hz, depth 0..1
    noise: tuple[float, float, float] = (-60.0, 200.0, 4000.0)  # dB relative to the tone, band in Hz
    chiff: float = -60.0  # dB of the noise at the attack
    scoop: float = 0.0  # cents below the pitch at the start
    reeds: tuple[float, ...] = (0.0,)  # detuning in cents of reeds that sound together
    drones: tuple[int, ...] = ()  # MIDI notes that sound continuously
    release: float = 0.04


@dataclass(frozen=True)
class DecayingTone:
    """A decaying tone: plucked or struck."""

    slope: float  # slope of a string's partials in dB per octave
    ring: float  # seconds for the fundamental to decay by 60 dB at the middle pitch
    dull: float = 2000.0  # Hz above which partials decay twice as fast
    place: float = 0.2  # position at which a string is plucked or struck, 0..0.5 of its length
    ratios: tuple[float, ...] = ()  # frequency ratios of a bar's or a skin's partials; empty for a string
    gains: tuple[float, ...] = ()  # dB of these partials
    stiff: float = 0.0  # inharmonicity of a string
    formants: Formants = ()
    click: tuple[float, float, float, float] = (-20.0, 1000.0, 5000.0, 0.01)  # dB, band Hz, seconds
    pair: float = 0.0  # detuning in cents between doubled strings
    bend: tuple[float, float, float] = (0.0, 5.0, 0.0)  # cents at the start, vibrato Hz, vibrato cents
    attack: float = 0.001
    release: float = 0.05


VOICES: dict[str, SustainedTone | DecayingTone] = {
    # bowed: the noise of hair on string, a slow attack, vibrato
    "violin": SustainedTone(
        slope=-6,
        formants=((480, 8, 200), (1100, 5, 400), (2800, 16, 800)),
        attack=0.05,
        bloom=0.06,
        vibrato=(6.0, 28),
        noise=(-26, 2500, 7000),
    ),
    "cello": SustainedTone(
        slope=-5,
        formants=((230, 8, 120), (600, 7, 250), (1500, 9, 500)),
        attack=0.07,
        bloom=0.1,
        vibrato=(4.8, 14),
        noise=(-30, 600, 2500),
    ),
    "erhu": SustainedTone(  # nasal, wide vibrato, starts each note with a slide
        slope=-4,
        formants=((750, 18, 220), (1500, 12, 250), (3900, 9, 500)),
        attack=0.06,
        bloom=0.03,
        vibrato=(6.4, 45),
        noise=(-24, 3500, 6500),
        scoop=90,
    ),
    # blown
    "flute": SustainedTone(  # nearly a sine, with breath noise
        slope=-15,
        formants=((900, 6, 700),),
        attack=0.05,
        bloom=0.08,
        vibrato=(5.2, 10),
        beat=(5.2, 0.25),
        noise=(-20, 900, 6500),
        chiff=-12,
    ),
    "clarinet": SustainedTone(
        slope=-7,
        formants=((1500, 6, 500), (3600, 4, 600)),
        even=-25,
        attack=0.03,
        bloom=0.05,
        noise=(-44, 1000, 4000),
    ),
    "bassoon": SustainedTone(
        slope=-7,
        formants=((480, 20, 130), (1180, 11, 220)),
        attack=0.035,
        bloom=0.03,
        noise=(-36, 300, 1500),
        chiff=-24,
    ),
    "saxophone": SustainedTone(
        slope=-6,
        formants=((620, 9, 300), (1650, 11, 400), (2700, 6, 500)),
        bloom=0.06,
        vibrato=(5.0, 18),
        noise=(-22, 1500, 5500),
        chiff=-12,
        scoop=60,
    ),
    "trumpet": SustainedTone(  # in a brass attack the upper harmonics come late
        slope=-3,
        formants=((1300, 15, 500), (2300, 11, 700)),
        attack=0.02,
        bloom=0.12,
        vibrato=(5.5, 6),
        chiff=-26,
        scoop=-40,
    ),
    "tuba": SustainedTone(
        slope=-9,
        formants=((180, 8, 160), (420, 6, 200)),
        attack=0.05,
        bloom=0.08,
        noise=(-40, 80, 500),
        chiff=-18,
    ),
    "suona": SustainedTone(  # more treble than fundamental
        slope=0,
        formants=((1000, 6, 300), (3000, 20, 500), (4600, 14, 500)),
        attack=0.02,
        bloom=0.01,
        vibrato=(6.0, 25),
        noise=(-28, 4000, 7500),
        scoop=-50,
    ),
    "bagpipe": SustainedTone(
        slope=-2,
        formants=((1500, 12, 400), (2300, 8, 300)),
        attack=0.012,
        bloom=0.01,
        drones=(45, 57),
        noise=(-40, 1000, 5000),
        release=0.012,
    ),
    # free reeds: three slightly detuned reeds beat against each other
    "accordion": SustainedTone(
        slope=-4,
        formants=((900, 6, 300), (2000, 8, 500), (5200, 12, 700)),
        even=-3,
        attack=0.04,
        bloom=0.02,
        reeds=(-9, 0, 9),
        noise=(-36, 500, 6000),
    ),
    # plucked: instruments differ by body, decay and plectrum
    "acoustic_guitar": DecayingTone(
        slope=-7,
        ring=2.6,
        dull=2200,
        place=0.18,
        formants=((105, 8, 50), (215, 7, 70), (430, 4, 150)),
        click=(-16, 400, 2500, 0.012),
    ),
    "banjo": DecayingTone(
        slope=-2,
        ring=0.65,
        dull=4500,
        place=0.09,
        formants=((700, 12, 300), (1500, 8, 500)),
        click=(-10, 1200, 5000, 0.008),
    ),
    "ukulele": DecayingTone(
        slope=-10,
        ring=0.9,
        dull=1800,
        place=0.3,
        formants=((420, 12, 130), (820, 6, 200)),
        click=(-14, 500, 2000, 0.01),
    ),
    "guzheng": DecayingTone(  # pressed strings: the pitch bends and has vibrato
        slope=-4,
        ring=3.2,
        dull=4200,
        place=0.12,
        formants=((380, 5, 150), (2500, 10, 600)),
        click=(-18, 3000, 7000, 0.006),
        pair=4,
        bend=(60, 5.5, 22),
    ),
    "pipa": DecayingTone(  # finger nails
        slope=-1,
        ring=0.8,
        dull=5500,
        place=0.06,
        formants=((560, 6, 150), (1900, 12, 350), (4800, 12, 700)),
        click=(-6, 3500, 7500, 0.012),
        bend=(-25, 5, 0),
    ),
    "electric_bass": DecayingTone(
        slope=-9,
        ring=4.0,
        dull=900,
        place=0.28,
        formants=((90, 6, 60), (700, 5, 250)),
        click=(-22, 1200, 2600, 0.015),
    ),
    # struck
    "piano": DecayingTone(
        slope=-8,
        ring=3.2,
        dull=2600,
        place=0.125,
        stiff=3e-4,
        formants=((250, 3, 200),),
        click=(-20, 80, 700, 0.03),
        pair=1.5,
        attack=0.003,
    ),
    "xylophone": DecayingTone(
        slope=0,
        ring=0.5,
        dull=3000,
        ratios=(1, 3.0, 6.1, 10.2),
        gains=(0, -10, -17, -24),
        click=(-12, 2500, 7000, 0.006),
    ),
    "congas": DecayingTone(
        slope=0,
        ring=0.4,
        dull=900,
        ratios=(1, 1.59, 2.14, 2.65, 3.6),
        gains=(0, -5, -10, -14, -18),
        click=(-9, 700, 2600, 0.02),
        bend=(40, 5, 0),
    ),
    "drum": DecayingTone(  # of the three drums of a kit; the click is its cymbal
        slope=0,
        ring=0.5,
        ratios=(1, 1.6, 2.3, 3.1),
        gains=(0, -8, -13, -17),
        click=(0, 3500, 7900, 0.11),
        bend=(150, 5, 0),
    ),
}
