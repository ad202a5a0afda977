"""Frames of drawn scenes and what they show: whose each patch is, who is in each token, who is there."""

from __future__ import annotations

import io
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lookhear.llms import tiny_omni
from lookhear.soundstage.picture.painter import frames, masks
from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Scene
from research.encoders.scenes import scene
from research.tiny_omni.course import KINDS, SECONDS

NOBODY, RANKS, SEEN = KINDS, 6, 7
SIZE, PATCHES, CELLS = 128, 8, 4
CROWDS = (0, *[1] * 6, *[2] * 8, *[3] * 13, *[4] * 17, *[5] * 3, *[6] * 3)


def pictures(scenes: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Pairs of frames uint8 (pair, 2, 128, 128, 3), and what they show, by name."""
    rng, shown, truths = Random(seed), [], []
    for number in range(scenes):
        made = scene(rng, SECONDS, str(number), CROWDS)
        fps = rng.uniform(0.36, 0.44)
        four = [worn(f, rng) for f in frames(made, SIZE, fps)][:4]
        owned = masks(made, 0.0, SIZE)
        for one, other in ((0, 1), (2, 3)):
            shown.append(np.stack([four[one], four[other]]))
            truths.append(seen(made, owned, (one / fps, other / fps)))
    return torch.from_numpy(np.stack(shown)), {k: torch.from_numpy(np.stack([t[k] for t in truths])) for k in truths[0]}


def worn(frame: np.ndarray, rng: Random) -> np.ndarray:
    """Mostly through lossy compression with halved colour, as video has it."""
    if rng.random() < 0.2:
        return frame
    raw = io.BytesIO()
    Image.fromarray(frame).save(raw, "JPEG", quality=rng.randint(35, 95), subsampling=2)
    return np.asarray(Image.open(raw))


def seen(made: Scene, owned: np.ndarray, times: tuple[float, float]) -> dict[str, np.ndarray]:
    """What two frames show: by patch (8, 8), by token (4, 4), and in all; -1 is not asked."""
    players = made.players
    order = {id(p): k for k, p in enumerate(made.visible)}
    kinds = np.array([INSTRUMENTS.index(p.instrument) for p in players] + [NOBODY])
    moves = np.array([[any(a <= t < b for a, b in p.miming) for t in times] for p in players] + [[-1, -1]], np.float32)
    ranks = np.array([min(order.get(id(p), 0), RANKS - 1) for p in players] + [-1])
    boxes = np.full((len(players) + 1, 4), -1, np.float32)
    for k, mask in enumerate(owned):
        if mask.any():
            y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            boxes[k] = np.array([x[0], y[0], x[-1] + 1, y[-1] + 1]) / SIZE

    def share(parts: int) -> np.ndarray:
        side = SIZE // parts
        return owned.reshape(len(players), parts, side, parts, side).mean((2, 4))

    def whose(shares: np.ndarray, least: float) -> np.ndarray:
        if not len(players):
            return np.full(shares.shape[1:], -1)
        return np.where(shares.max(0) >= least, shares.argmax(0), -1)

    patch, cells = share(PATCHES), share(CELLS)
    owner, main = whose(patch, 0.12), whose(cells, 0.04)
    within = np.zeros((CELLS, CELLS, KINDS), np.float32)
    for k in range(len(players)):
        within[..., kinds[k]] = np.maximum(within[..., kinds[k]], cells[k] >= 0.04)
    count = np.bincount(kinds[[k for k, p in enumerate(players) if p.x is not None]], minlength=KINDS)[:KINDS]
    return {
        "owner": kinds[owner],
        "owner_moves": moves[owner],
        "within": within,
        "moves": moves[main],
        "rank": ranks[main],
        "box": boxes[main],
        "count": np.minimum(count, 3),
        "number": np.array(min(len(order), SEEN - 1)),
        "types": np.array(min(int((count > 0).sum()), SEEN - 1)),
        "indoor": np.array(float(made.indoor), np.float32),
        "mood": np.array(MOODS.index(made.mood) if order else -1),
    }


def packed(shown: Tensor) -> Tensor:
    """Frames (pair, 2, height, width, 3) in 0..1 as the patches the tower takes, normalised as CLIP's are."""
    mean, spread = (torch.tensor(v) for v in tiny_omni.NORMAL)
    x = ((shown - mean) / spread).unflatten(2, (CELLS, 2, -1)).unflatten(5, (CELLS, 2, -1))
    # pair time row 2 height column 2 width colour -> pair row column 2 2 colour time height width
    return x.permute(0, 2, 5, 3, 6, 8, 1, 4, 7).flatten(0, 4).flatten(1)


def ungrouped(grid: Tensor) -> Tensor:
    """(pair, 8, 8, …) in the order of patches: the four of a token follow one another."""
    return grid.unflatten(1, (CELLS, 2)).unflatten(3, (CELLS, 2)).transpose(2, 3).flatten(0, 4)
