"""Spectrograms of drawn scenes and what is heard in each token: who, how loud, how busily."""

from __future__ import annotations

from random import Random

import numpy as np
import torch
from torch import Tensor

from lookhear.llms import tiny_omni
from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Scene
from lookhear.soundstage.sound.melody import notes
from lookhear.soundstage.sound.mix import sound
from research.encoders.scenes import scene
from research.tiny_omni.course import KINDS, SECONDS

TOKENS = 62
STEP = SECONDS / 62.5  # seconds of a token of sound: four columns of the spectrogram
LEVEL = 12.0  # dB in one unit


def sounds(scenes: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Log-mels float16 (scene, 64, 250) and what is heard, by name, (scene, token, …)."""
    rng, listen, heard, truths = Random(seed), tiny_omni.extractor(tiny_omni.Config()), [], []
    for number in range(scenes):
        made = scene(rng, SECONDS, str(number))
        features = listen(sound(made), sampling_rate=16000, padding="longest", return_tensors="pt")["input_features"]
        heard.append(features[0].half())
        truths.append(audible(made))
    return torch.stack(heard), {k: torch.from_numpy(np.stack([t[k] for t in truths])) for k in truths[0]}


def audible(made: Scene) -> dict[str, np.ndarray]:
    """What is heard in each token, (62, …); NaN or -1 is not asked."""
    edge = np.arange(TOKENS + 1) * STEP

    def share(spans: tuple[tuple[float, float], ...]) -> np.ndarray:
        return sum((np.clip(np.minimum(b, edge[1:]) - np.maximum(a, edge[:-1]), 0, None) / STEP for a, b in spans), 0.0)

    present, onset, power, rate = (np.zeros((TOKENS, KINDS), np.float32) for _ in range(4))
    players, number = np.zeros((TOKENS, KINDS)), np.zeros(TOKENS)
    for player, melody in zip(made.players, notes(made), strict=True):
        if not player.sounding:
            continue
        kind, part = INSTRUMENTS.index(player.instrument), share(player.sounding)
        present[:, kind] = np.maximum(present[:, kind], part)
        for note in melody:
            onset[min(int(note.onset / STEP), TOKENS - 1), kind] = 1
        plays = part >= 0.5
        players[:, kind] += plays
        power[:, kind] += plays * 10 ** (player.level / 10)
        rate[plays, kind] = np.log2(player.rate) / 4
        number += plays
    with np.errstate(divide="ignore"):
        level = np.where(players > 0, 10 * np.log10(power) / LEVEL, np.nan).astype(np.float32)
    return {
        "present": present,
        "onset": onset,
        "level": level,
        "rate": np.where(players == 1, rate, np.nan).astype(np.float32),
        "voice": np.asarray(share((made.voiceover,)) if made.voiceover else np.zeros(TOKENS), np.float32),
        "indoor": np.full(TOKENS, float(made.indoor), np.float32),
        "number": np.minimum(number, 5).astype(np.int64),
        "mood": np.where(number > 0, MOODS.index(made.mood), -1),
        "time": (np.arange(TOKENS) / TOKENS).astype(np.float32),
    }


def together(one: Tensor, a: dict[str, Tensor], other: Tensor, b: dict[str, Tensor]) -> tuple[Tensor, dict]:
    """Two scenes heard at once: energies add, and so do levels; what only one scene can have is not asked."""
    nan, ten = torch.tensor(float("nan")), float(np.log(10.0))
    power = [torch.where(t["level"].isfinite(), 10 ** (t["level"] * LEVEL / 10), 0.0) for t in (a, b)]
    loud = power[0] + power[1]
    true = {k: torch.maximum(a[k], b[k]) for k in ("present", "onset", "voice")} | {"time": a["time"]}
    true["level"] = torch.where(loud > 0, 10 * loud.clamp(min=1e-9).log10() / LEVEL, nan)
    both = a["rate"].isfinite() & b["rate"].isfinite()
    true["rate"] = torch.where(both, nan, torch.where(a["rate"].isfinite(), a["rate"], b["rate"]))
    true["indoor"] = torch.where(a["indoor"] == b["indoor"], a["indoor"], nan)
    true["number"] = (a["number"] + b["number"]).clamp(max=5)
    true["mood"] = torch.where(a["mood"] == b["mood"], a["mood"], -1)
    return torch.logaddexp(4 * one * ten, 4 * other * ten) / ten / 4, true
