"""Teach tiny_omni's eyes and ears what is on stage, from scenes that are drawn for it: step one of `make.py`.

Every patch learns whose it is; every token who is in it, where they stand and whether they move; every token of sound
who is heard, how loud and how busily. The linear readings that teach are thrown away afterwards: what they read
from, the tokens a language model gets, is kept.

    sights.py  frames of scenes and what they show   ─▶ eyes.py ─┐
    sounds.py  sound of scenes and what is heard     ─▶ ears.py ─┴ course.py  losses, steps, checks ─▶ FOLDER

Run:   python -m research.tiny_omni.towers vision FOLDER    (and `audio`; `make.py` runs both)
Cost:  about 10 CPU-minutes each on one thread
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch

from lookhear.llms import tiny_omni
from research.tiny_omni.course import write
from research.tiny_omni.ears import LENGTHS, teach_ears
from research.tiny_omni.eyes import teach_eyes


def main() -> None:
    """Make the scenes, train, write the tower."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("which", choices=["vision", "audio"])
    options.add_argument("out", type=Path)
    options.add_argument("--scenes", type=int, default=0)
    options.add_argument("--steps", type=int, default=0)
    options.add_argument("--lr", type=float, default=2e-3)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--go-on", action="store_true", help="from the tower that FOLDER holds, on other scenes")
    options.add_argument("--whole", action="store_true", help="audio: always hear ten seconds at once")
    given = options.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    model = tiny_omni.thinker(tiny_omni.Config(), {name: k for k, name in enumerate(tiny_omni.SPECIAL)})
    teach, tower = (
        (teach_eyes, model.model.visual) if given.which == "vision" else (teach_ears, model.model.audio_tower)
    )
    scenes, steps = (8000, 3200) if given.which == "vision" else (5000, 4000)
    if given.whole:
        teach = partial(teach_ears, lengths=[max(LENGTHS)])
    if given.go_on:
        tower.load_state_dict(torch.load(given.out / f"{given.which}.pt", weights_only=True))
    kept = given.out / f"{given.which}.pt"
    teach(model, given.scenes or scenes, given.steps or steps, given.lr, given.seed, keep=kept)
    write(tower, kept)


if __name__ == "__main__":
    main()
