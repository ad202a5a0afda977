"""A course of one tower of tiny_omni: kinds of players, length of scenes, losses where they are asked, steps, checks.

What is made of it: `eyes.py` and `ears.py`, of the scenes in `sights.py` and `sounds.py`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.soundstage.scene.scene import INSTRUMENTS
from research.encoders import loop

KINDS, SECONDS = len(INSTRUMENTS), 10.0


def yes(logits: Tensor, label: Tensor) -> Tensor:
    """Binary cross-entropy where it is asked."""
    asked = label.isfinite() & (label >= 0)
    return F.binary_cross_entropy_with_logits(logits[asked], label[asked])


def train(net: nn.Module, loss_of, check, steps: int, lr: float, seed: int, keep: Path | None = None) -> None:
    """One cycle of the learning rate over small batches; prints losses, and what held-out scenes say.

    At every check the tower is written to `keep`, so that an interrupted course can be gone on from (`--go-on`).
    """
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    start = time.perf_counter()
    for step, running in loop.taken(net, lambda _, generator: loss_of(generator), optimizer, steps, lr, seed, 0.1):
        if step % 50 == 49:
            line = {"step": step + 1, "seconds": round(time.perf_counter() - start)} | {
                k: round(v, 4) for k, v in running.items()
            }
            if step % 500 == 499 or step == steps - 1:
                net.eval()
                with torch.no_grad():
                    line["held"] = {k: round(v, 4) for k, v in check().items()}
                net.train()
                if keep is not None:
                    write(net.tower, keep)
            print(json.dumps(line), flush=True)


def write(tower: nn.Module, path: Path) -> None:
    """The weights of a tower, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tower.state_dict(), path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)
