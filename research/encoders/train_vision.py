"""Train stage_vision on random pictures of the Soundstage.

Run:   python -m research.encoders.train_vision            (`make encoders` runs all three)
Cost:  about 8 CPU-minutes on one thread
Score: printed by `python -m research.encoders.probe`, through real mp4 files
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders._stage import INSTRUMENTS, WEIGHTS, save
from lookhear.encoders.stage_vision import COLUMNS, COUNTS, NONE, RANKS, SEEN, SIZE, Viewer, scaled
from lookhear.soundstage.picture.painter import HEIGHTS, WIDE, frames
from lookhear.soundstage.scene.scene import INSTRUMENTS as NAMES
from lookhear.soundstage.scene.scene import MOODS, Scene
from research.encoders.loop import train
from research.encoders.scenes import scene

SECONDS, FPS = 10.0, 0.2  # two pictures of each scene
CROWDS = (0, *[1] * 6, *[2] * 8, *[3] * 13, *[4] * 17, *[5] * 3, *[6] * 3)  # most of a full stage: it is the hardest
SIZES = (128, 128, 128, 128, 160, 224)  # drawn at, then scaled as a decoder would


def pool(scenes: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Pictures uint8 (picture, 128, 128, 3) and what they show, by name."""
    rng, pictures, truths = Random(seed), [], []
    for number in range(scenes):
        made = scene(rng, SECONDS, str(number), CROWDS)
        for k, frame in enumerate(frames(made, rng.choice(SIZES), FPS)):
            pictures.append(_worn(frame, rng))
            truths.append(truth(made, k / FPS))
    return torch.from_numpy(np.stack(pictures)), {k: torch.stack([t[k] for t in truths]) for k in truths[0]}


def _worn(frame: np.ndarray, rng: Random) -> np.ndarray:
    """Scaled to the network's size and, mostly, through lossy compression with halved colour, as video has it."""
    image = Image.fromarray(frame)
    if image.width != SIZE:
        image = image.resize((SIZE, SIZE), rng.choice([Image.Resampling.BICUBIC, Image.Resampling.BOX]))
    if rng.random() < 0.8:
        raw = io.BytesIO()
        image.save(raw, "JPEG", quality=rng.randint(35, 95), subsampling=2)
        image = Image.open(raw)
    return np.asarray(image)


def truth(made: Scene, time: float) -> dict[str, Tensor]:
    """What is seen at a time, as the heads are to say it; -1 is not asked."""
    players = made.visible
    kinds = torch.tensor([NAMES.index(p.instrument) for p in players], dtype=torch.long)
    moving = torch.tensor([any(a <= time < b for a, b in p.miming) for p in players], dtype=torch.float)
    count, moves = torch.zeros(INSTRUMENTS), torch.zeros(INSTRUMENTS)
    count.index_add_(0, kinds, torch.ones(len(kinds)))
    moves.index_add_(0, kinds, moving)
    rank, pose = torch.full((RANKS + 2,), NONE), torch.full((RANKS,), -1.0)
    rank[: len(kinds)] = kinds[: RANKS + 2]
    pose[: len(kinds)] = moving[:RANKS]
    column, column_moves = torch.full((COLUMNS,), NONE), torch.full((COLUMNS,), -1.0)
    x = torch.full((INSTRUMENTS,), -1.0)
    share = HEIGHTS[min(len(players), len(HEIGHTS) - 1)]
    order = sorted(range(len(players)), key=lambda i: -players[i].look.depth)  # the front row overwrites the back
    for i in order:
        player = players[i]
        reach = WIDE * share * player.look.scale * (0.88 if player.look.depth else 1.0)
        at = min(max(player.x, reach), 1 - reach)
        where = min(int(at * COLUMNS), COLUMNS - 1)
        column[where], column_moves[where] = kinds[i], moving[i]
        x[kinds[i]] = at if count[kinds[i]] == 1 else -1.0
    number = len(players)
    return {
        "count": count.clamp(max=COUNTS - 1).long(),
        "moving": moves.clamp(max=COUNTS - 1).long(),
        "rank": rank,
        "pose": pose,
        "column": column,
        "column_moves": column_moves,
        "x": x,
        "middle": kinds[1] if number == 3 else torch.tensor(NONE),
        "right": kinds[-1] if number > 1 else torch.tensor(NONE),
        "seen": torch.tensor(min(number, SEEN - 1)),
        "types": torch.tensor(min(int((count > 0).sum()), SEEN - 1)),
        "indoor": torch.tensor(float(made.indoor)),
        "mood": torch.tensor(MOODS.index(made.mood) if number else -1),
    }


def losses(heads: dict[str, Tensor], true: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weighted losses by name: the columns teach the convolutions, the rest teaches the vector."""

    def choose(logits: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(logits.float().flatten(0, -2), label.flatten(), ignore_index=-1)

    def yes(logits: Tensor, label: Tensor) -> Tensor:
        asked = label >= 0
        return F.binary_cross_entropy_with_logits(logits.float()[asked], label[asked])

    x, fifth, sixth, mood = heads["again"].float().split([INSTRUMENTS, NONE + 1, NONE + 1, len(MOODS)], -1)
    seen = true["x"] >= 0
    column = heads["column"].float()
    return {
        "column": 3 * choose(column[..., :-1], true["column"]),
        "column_moves": 0.5 * yes(column[..., -1], true["column_moves"]),
        "rank": 1.5 * choose(heads["rank"], true["rank"][:, :RANKS]),
        "count": 5 * choose(heads["count"], true["count"]),
        "moving": 5 * choose(heads["moving"], true["moving"]),
        "sides": 0.5 * (choose(heads["middle"], true["middle"]) + choose(heads["right"], true["right"])),
        "pose": 0.7 * yes(heads["pose"], true["pose"]),
        "number": 0.3 * (choose(heads["seen"], true["seen"]) + choose(heads["types"], true["types"])),
        "indoor": 0.1 * yes(heads["indoor"][:, 0], true["indoor"]),
        "x": 5 * ((x - true["x"])[seen] ** 2).mean(),
        "far": 0.2 * (choose(fifth, true["rank"][:, RANKS]) + choose(sixth, true["rank"][:, RANKS + 1])),
        "mood": 0.1 * choose(mood, true["mood"]),
    }


def jitter(shown: Tensor, generator: torch.Generator) -> Tensor:
    """A little larger or smaller, up to 3 pixels aside, other colours and contrast: what decoders and cameras vary."""
    size, move, hue, contrast = (
        torch.rand(len(shown), *shape, generator=generator) * 2 - 1 for shape in ((1,), (2,), (3, 1, 1), (1, 1, 1))
    )
    turn = torch.zeros(len(shown), 2, 3)
    turn[:, 0, 0] = turn[:, 1, 1] = 1 + 0.06 * size[:, 0]
    turn[:, :, 2] = 6 / SIZE * move
    moved = F.grid_sample(
        shown, F.affine_grid(turn, list(shown.shape), False), padding_mode="border", align_corners=False
    )
    return ((moved - 0.5) * (1 + 0.15 * contrast) + 0.5) * (1 + 0.08 * hue)


def main() -> None:
    """Make the pool, train, write the weights."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--scenes", type=int, default=13000)
    options.add_argument("--steps", type=int, default=3600)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--lr", type=float, default=3e-3)
    options.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    options.add_argument("--out", type=Path, default=WEIGHTS / "stage_vision.safetensors")
    given = options.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    start = time.process_time()
    pictures, true = pool(given.scenes, given.seed + 1)
    print(f"{len(pictures)} pictures in {time.process_time() - start:.0f} CPU-s", flush=True)
    net = Viewer().to(memory_format=torch.channels_last)

    def loss_of(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        chosen = torch.randint(len(pictures), (32,), generator=generator)
        shown = scaled(pictures[chosen])
        shown = jitter(shown, generator).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=given.precision == "bf16"):
            heads = net(shown)
        return losses(heads, {k: v[chosen] for k, v in true.items()})

    train(net, loss_of, given.steps, given.lr, given.seed)
    save(net, given.out)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB, {time.process_time() - start:.0f} CPU-s in all")


if __name__ == "__main__":
    main()
