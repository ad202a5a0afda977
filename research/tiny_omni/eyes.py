"""tiny_omni's vision tower, the linear readings that teach it, their losses and its course."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.soundstage.scene.scene import MOODS
from research.tiny_omni.course import KINDS, train, yes
from research.tiny_omni.sights import CELLS, NOBODY, PATCHES, RANKS, SEEN, packed, pictures, ungrouped


class Eyes(nn.Module):
    """The vision tower and what reads from it."""

    def __init__(self, tower: nn.Module, width: int):
        super().__init__()
        self.tower = tower
        self.patch = nn.Linear(tower.config.hidden_size, KINDS + 1 + 2)
        self.token = nn.Linear(width, KINDS + 2 + RANKS + 4)
        self.all = nn.Linear(width, 4 * KINDS + 2 * SEEN + 1 + len(MOODS))

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        number = len(patches) // PATCHES**2
        out = self.tower(patches, grid_thw=torch.tensor([[1, PATCHES, PATCHES]] * number))
        tokens = out.pooler_output.unflatten(0, (number, CELLS**2))
        return self.patch(out.last_hidden_state), self.token(tokens), self.all(tokens.mean(1))


def visual_losses(outs: tuple[Tensor, Tensor, Tensor], true: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weighted losses by name."""
    patch, token, whole = (o.float() for o in outs)
    within, moves, rank, box = token.flatten(0, 1).split([KINDS, 2, RANKS, 4], -1)
    count, number, types, indoor, mood = whole.split([4 * KINDS, SEEN, SEEN, 1, len(MOODS)], -1)
    there = true["rank"].flatten() >= 0
    return {
        "owner": 2 * F.cross_entropy(patch[:, :-2], ungrouped(true["owner"])),
        "owner_moves": 0.5 * yes(patch[:, -2:], ungrouped(true["owner_moves"])),
        "within": 10 * yes(within, true["within"].flatten(0, 2)),
        "moves": 0.7 * yes(moves, true["moves"].flatten(0, 2)),
        "rank": F.cross_entropy(rank, true["rank"].flatten(), ignore_index=-1),
        "box": 4 * F.smooth_l1_loss(box[there], true["box"].flatten(0, 2)[there], beta=0.1),
        "count": 3 * F.cross_entropy(count.unflatten(-1, (KINDS, 4)).flatten(0, 1), true["count"].flatten()),
        "number": 0.2 * (F.cross_entropy(number, true["number"]) + F.cross_entropy(types, true["types"])),
        "scene": 0.1 * yes(indoor[:, 0], true["indoor"]) + 0.1 * F.cross_entropy(mood, true["mood"], ignore_index=-1),
    }


def teach_eyes(model: nn.Module, scenes: int, steps: int, lr: float, seed: int, keep: Path | None = None) -> None:
    """Train the vision tower in place."""
    shown, true = pictures(scenes, seed + 1)
    print(f"{len(shown)} pairs of frames", flush=True)
    held = len(shown) - 512
    tower, config = model.model.visual, model.config
    eyes = Eyes(tower, config.text_config.hidden_size)
    projection = tower.patch_embed.proj.weight
    tower.patch_embed.forward = lambda x: F.linear(x, projection.flatten(1))  # the same, four times as fast

    def loss_of(generator: torch.Generator) -> dict[str, Tensor]:
        chosen = torch.randint(held, (32,), generator=generator)
        hue, contrast = (torch.rand(32, 1, 1, 1, n, generator=generator) * 2 - 1 for n in (3, 1))
        light = ((shown[chosen].float() / 255 - 0.5) * (1 + 0.15 * contrast) + 0.5) * (1 + 0.08 * hue)
        with torch.autocast("cpu", torch.bfloat16):
            outs = eyes(packed(light))
        return visual_losses(outs, {k: v[chosen] for k, v in true.items()})

    def check() -> dict[str, float]:
        patch, token, whole = [], [], []
        for part in range(held, len(shown), 64):
            p, t, w = eyes(packed(shown[part : part + 64].float() / 255))
            patch.append(p), token.append(t), whole.append(w)
        p, t, w = torch.cat(patch), torch.cat(token), torch.cat(whole)
        wanted = {k: v[held:] for k, v in true.items()}
        owner, within, rank = ungrouped(wanted["owner"]), wanted["within"].flatten(1, 2) > 0, wanted["rank"].flatten(1)
        moves = wanted["moves"].flatten(1, 2)
        count = w[:, : 4 * KINDS].unflatten(-1, (KINDS, 4)).argmax(-1)
        return {
            "owner": float((p[:, :-2].argmax(-1) == owner)[owner < NOBODY].float().mean()),
            "within exact": float(((t[..., :KINDS] > 0) == within).all(-1)[within.any(-1)].float().mean()),
            "rank": float((t[..., KINDS + 2 : -4].argmax(-1) == rank)[rank >= 0].float().mean()),
            "moves": float(((t[..., KINDS : KINDS + 2] > 0) == (moves > 0))[moves >= 0].float().mean()),
            "box": float((t[..., -4:] - wanted["box"].flatten(1, 2)).abs()[rank >= 0].mean()),
            "counts exact": float((count == wanted["count"]).all(-1).float().mean()),
        }

    train(eyes, loss_of, check, steps, lr, seed, keep)
    del tower.patch_embed.forward
