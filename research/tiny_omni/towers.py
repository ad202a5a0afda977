"""Teach tiny_omni's eyes and ears what is on stage, from scenes that are drawn for it: step one of `make.py`.

Every patch learns whose it is; every token who is in it, where they stand and whether they move; every token of sound
who is heard, how loud and how busily. The linear readings that teach are thrown away afterwards: what they read
from, the tokens a language model gets, is kept.

Run:   python -m research.tiny_omni.towers vision FOLDER    (and `audio`; `make.py` runs both)
Cost:  about 10 CPU-minutes each on one thread
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.llms import tiny_omni
from lookhear.soundstage.picture.painter import frames, masks
from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Scene
from lookhear.soundstage.sound.melody import notes
from lookhear.soundstage.sound.mix import sound
from research.encoders.scenes import scene

KINDS, NOBODY, RANKS, SEEN = len(INSTRUMENTS), len(INSTRUMENTS), 6, 7
SIZE, PATCHES, CELLS = 128, 8, 4
SECONDS, TOKENS = 10.0, 62
STEP = SECONDS / 62.5  # seconds of a token of sound: four columns of the spectrogram
LENGTHS = (250, 250, 250, 250, 250, 125, 50, 25)  # columns of the spectrogram that are heard at once
LEVEL = 12.0  # dB in one unit
CROWDS = (0, *[1] * 6, *[2] * 8, *[3] * 13, *[4] * 17, *[5] * 3, *[6] * 3)


# ---- eyes


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


def packed(shown: Tensor) -> Tensor:
    """Frames (pair, 2, height, width, 3) in 0..1 as the patches the tower takes, normalised as CLIP's are."""
    mean, spread = (torch.tensor(v) for v in tiny_omni.NORMAL)
    x = ((shown - mean) / spread).unflatten(2, (CELLS, 2, -1)).unflatten(5, (CELLS, 2, -1))
    # pair time row 2 height column 2 width colour -> pair row column 2 2 colour time height width
    return x.permute(0, 2, 5, 3, 6, 8, 1, 4, 7).flatten(0, 4).flatten(1)


def ungrouped(grid: Tensor) -> Tensor:
    """(pair, 8, 8, …) in the order of patches: the four of a token follow one another."""
    return grid.unflatten(1, (CELLS, 2)).unflatten(3, (CELLS, 2)).transpose(2, 3).flatten(0, 4)


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


def yes(logits: Tensor, label: Tensor) -> Tensor:
    """Binary cross-entropy where it is asked."""
    asked = label.isfinite() & (label >= 0)
    return F.binary_cross_entropy_with_logits(logits[asked], label[asked])


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


# ---- ears


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


class AudioBranch(nn.Module):
    """The audio tower and what reads from it."""

    sizes = (KINDS, KINDS, KINDS, KINDS, 1, 1, 6, len(MOODS), 1)
    names = ("present", "onset", "level", "rate", "voice", "indoor", "number", "mood", "time")

    def __init__(self, tower: nn.Module, width: int):
        super().__init__()
        self.tower = tower
        self.token = nn.Linear(width, sum(self.sizes))

    def forward(self, mels: Tensor) -> dict[str, Tensor]:
        lengths = torch.full((len(mels),), mels.shape[-1])
        out = self.tower(mels.transpose(0, 1).flatten(1), feature_lens=lengths).last_hidden_state
        heads = self.token(out.unflatten(0, (len(mels), -1))).float().split(self.sizes, -1)
        return dict(zip(self.names, heads, strict=True))


def audible_losses(heads: dict[str, Tensor], true: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weighted losses by name."""

    def near(name: str) -> Tensor:
        asked = true[name].isfinite()
        return F.smooth_l1_loss(heads[name][asked], true[name][asked], beta=0.1)

    def choose(name: str) -> Tensor:
        return F.cross_entropy(heads[name].flatten(0, 1), true[name].flatten(), ignore_index=-1)

    return {
        "present": 20 * yes(heads["present"], true["present"]),
        "onset": 10 * yes(heads["onset"], true["onset"]),
        "level": 5 * near("level"),
        "rate": 7 * near("rate"),
        "voice": 0.5 * yes(heads["voice"][..., 0], true["voice"]),
        "scene": 0.2 * yes(heads["indoor"][..., 0], true["indoor"]) + 0.2 * choose("mood"),
        "number": 0.4 * choose("number"),
        "time": 2 * F.smooth_l1_loss(heads["time"][..., 0], true["time"], beta=0.1),
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


def teach_ears(
    model: nn.Module,
    scenes: int,
    steps: int,
    lr: float,
    seed: int,
    lengths: Sequence[int] = LENGTHS,
    keep: Path | None = None,
) -> None:
    """Train the audio tower in place."""
    mels, true = sounds(scenes, seed + 1)
    print(f"{len(mels)} sounds of {SECONDS:g} s", flush=True)
    held = len(mels) - 128
    ears = AudioBranch(model.model.audio_tower, model.config.text_config.hidden_size)

    def loss_of(generator: torch.Generator) -> dict[str, Tensor]:
        chosen, others = torch.randint(held, (2, 12), generator=generator)
        gain = 4 * torch.rand(12, 1, 1, generator=generator) - 2  # dB, told to the level too
        heard, wanted = mels[chosen].float() + gain / 40, {k: v[chosen] for k, v in true.items()}
        wanted["level"] = wanted["level"] + gain / LEVEL
        mixed, both = together(
            heard[:4],
            {k: v[:4] for k, v in wanted.items()},
            mels[others[:4]].float(),
            {k: v[others[:4]] for k, v in true.items()},
        )
        wanted = {k: torch.cat([both[k], v[4:]]) for k, v in wanted.items()}
        return audible_losses(*part(torch.cat([mixed, heard[4:]]), wanted, generator))

    def part(heard: Tensor, wanted: dict[str, Tensor], generator: torch.Generator) -> tuple[dict, dict]:
        """Mostly the whole, else as little as a second from anywhere; time is counted from its beginning."""
        length = lengths[int(torch.randint(len(lengths), (1,), generator=generator))]
        tokens = tiny_omni.heard(length)
        first = int(torch.randint(TOKENS - tokens + 1, (1,), generator=generator))
        kept = {k: v[:, first : first + tokens] for k, v in wanted.items()} | {"time": wanted["time"][:, :tokens]}
        return ears(heard[..., 4 * first : 4 * first + length]), kept

    def check() -> dict[str, float]:
        parts = [ears(mels[k : k + 32].float()) for k in range(held, len(mels), 32)]
        heads = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
        wanted = {k: v[held:] for k, v in true.items()}
        plays, said = wanted["present"] >= 0.5, heads["present"] > 0
        clear = ((wanted["present"] == 0) | (wanted["present"] == 1)).all(-1)
        level, rate = wanted["level"].isfinite(), wanted["rate"].isfinite()
        hits = float((plays & said).sum())
        return {
            "present F1": 2 * hits / float(plays.sum() + said.sum()),
            "set exact": float((plays == said).all(-1)[clear].float().mean()),
            "level dB off": float((heads["level"] - wanted["level"])[level].abs().mean()) * LEVEL,
            "rate octaves off": float((heads["rate"] - wanted["rate"])[rate].abs().mean()) * 4,
            "voice": float(((heads["voice"][..., 0] > 0) == (wanted["voice"] > 0.5)).float().mean()),
            "time s off": float((heads["time"][..., 0] - wanted["time"]).abs().mean()) * SECONDS,
        }

    train(ears, loss_of, check, steps, lr, seed, keep)


# ---- both


def train(net: nn.Module, loss_of, check, steps: int, lr: float, seed: int, keep: Path | None = None) -> None:
    """One cycle of the learning rate over small batches; prints losses, and what held-out scenes say.

    At every check the tower is written to `keep`, so that an interrupted course can be gone on from (`--go-on`).
    """
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)
    generator, start, running = torch.Generator().manual_seed(seed), time.perf_counter(), {}
    for step in range(steps):
        losses = loss_of(generator)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        for name, value in losses.items():
            running[name] = 0.98 * running.get(name, value.item()) + 0.02 * value.item()
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
