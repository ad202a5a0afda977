"""Sounds with known seconds: pieces of labelled real sounds laid into other sounds, and what the rule makes of them.

A piece is the two to four seconds of a clip in which its label is clearest; the bed is faint noise or another clip,
12 dB softer, whose labels are other ones. A second counts by its middle, as in the field's per-second accuracy.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np

from lookhear.encoders import yamnet
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.model import clip_of
from lookhear.timeline import calibrated, decide
from lookhear.timeline.listening import Listening
from lookhear.timeline.ontology import sounds
from lookhear.timeline.value import Track
from lookhear.types import Media

RATE, LONG = 16_000, 10
GRID = tuple(
    product((0.2, 0.3, 0.4, 0.5, 0.6), (0.5, 0.7, 0.85), (0.6, 1.0, 1.5, 2.0), (0.0, 0.12, 0.24), (False, True))
)
NOW = (0.5, 0.5, 1.0, 0.0, True)  # beginning, the end as a share of it, pause, seconds off both ends, rows smoothed


def heard(wave: np.ndarray, ears) -> Track:
    """YAMNet's rows for a waveform."""
    listening = Listening(ears, lambda: None)
    listening.take(Media(None, None, wave.astype(np.float32), RATE, len(wave) / RATE))
    listening.finish()
    track = listening.track()
    assert track is not None
    return track


def made(data: Path, truth: list[dict]) -> list[dict]:
    """The mixtures: waveform, source file, columns of the label, first and last second."""
    ears, tree, waves = yamnet.build(yamnet.Config()), sounds(), []
    for one in truth:
        media = decode(clip_of(data / one["file"]), Sampling(sample_rate=RATE))
        columns = [tree.names.index(n) for n in one["accept"] if n in tree.names]
        if media.waveform is not None and len(media.waveform) >= 4 * RATE and columns:
            rows = calibrated.heard_rows(heard(media.waveform, ears))[:, columns].max(axis=1)
            waves.append((one["file"], columns, media.waveform / max(np.abs(media.waveform).max(), 1e-4), rows))
    rng, mixtures = np.random.default_rng(0), []
    for file, columns, wave, rows in waves:
        for turn in range(3):
            length = 2 + turn
            count = round(length / 0.48)
            sums = np.convolve(rows, np.ones(count), "valid") if len(rows) > count else np.array([0.0])
            begin = int(sums.argmax() * 0.48 * RATE)
            piece = wave[begin : begin + length * RATE]
            at = float(rng.uniform(1, LONG - length - 1))
            bed = rng.normal(0, 0.002, LONG * RATE)
            if turn:
                others = [w for f, c, w, _ in waves if f != file and not set(c) & set(columns)]
                other = others[int(rng.integers(len(others)))]
                bed += 0.25 * np.resize(other, LONG * RATE) * np.sqrt((piece**2).mean() / max((other**2).mean(), 1e-8))
            bed[int(at * RATE) : int(at * RATE) + len(piece)] += piece
            track = heard(bed / max(1.0, float(np.abs(bed).max())), ears)
            mixtures.append(
                {"file": file, "columns": columns, "start": at, "end": at + len(piece) / RATE, "track": track}
            )
    return mixtures


def accuracy(one: dict, rule: tuple[float, float, float, float, bool]) -> float:
    """Share of the ten seconds that the rule dates rightly, given that the label is there."""
    begins, ends, pause, trim, smooth = rule
    used = decide.Rule(begins, begins * ends, pause, trim)
    spans = decide.stretches(one["track"], one["rows"][smooth], float(LONG), used)
    middles = np.arange(LONG) + 0.5
    said = np.any([(middles >= s.start) & (middles < s.end) for s in spans], axis=0) if spans else np.zeros(LONG, bool)
    truth = (middles >= one["start"]) & (middles < one["end"])
    return float((said == truth).mean())


def chosen(data: Path, truth: list[dict]) -> dict:
    """The rule with the best mean accuracy, and how rules chosen without a source do on it."""
    mixtures = made(data, truth)
    for one in mixtures:
        sharp = calibrated.heard_sharp(one["track"])
        both = [rows[:, one["columns"]] for rows in (sharp, calibrated.smoothed(sharp))]
        one["rows"] = [1 - np.prod(1 - np.clip(rows, 0, 1), axis=1) for rows in both]
    table = np.array([[accuracy(one, rule) for rule in (*GRID, NOW)] for one in mixtures])
    sources = np.array([one["file"] for one in mixtures])
    held = []
    for file in dict.fromkeys(sources):
        best = int(table[sources != file, :-1].mean(axis=0).argmax())
        held.append(table[sources == file, best].mean())
    best = int(table[:, :-1].mean(axis=0).argmax())
    return {
        "mixtures": len(mixtures),
        "sources": len(held),
        "begins, ends, pause, trim, smoothed": GRID[best],
        "accuracy, fitted": round(float(table[:, best].mean()), 4),
        "accuracy, source left out": round(float(np.mean(held)), 4),
        "accuracy of the rule as it was": round(float(table[:, -1].mean()), 4),
        "always absent": round(float(np.mean([1 - (m["end"] - m["start"]) / LONG for m in mixtures])), 4),
    }
