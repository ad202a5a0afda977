"""A Crab in small learns to say who sounds and to draw the mask of it, on one-second stages; then J and F of it.

Run:   python -m research.crab.masks draw towers words masks floors test --out OUT --seeds 0 1 2 --json FILE
Cost:  7 minutes of one CPU core a seed; `words` and `masks` go on where they were stopped, and `masks` with more steps
Score: see docs/results/masks.md; `test --on choose` scores the stages that steps and rates were chosen on

Nothing is given but the stages; all begins at random. `towers` teaches the towers names, as Crab's come taught; `words`
two questions in text, who sounds and who stands where, to all but the mask decoder; `masks` the first with its mask.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lookhear.encoders import beats
from lookhear.frontends import images
from lookhear.llms import crab
from lookhear.llms.crab.text import MADE, MASKED, Words, learned
from research.crab.stage import KINDS, SIDE, drawn

STAGES = {"train": (3500, 0), "choose": (300, 1_000_000), "test": (300, 2_000_000)}  # how many, the first one's number
HEARD, SEEN = "Which object makes the sound?", "Who stands on the stage?"
WIDE, EARS = 96, 96
CONFIG = {
    "vision": {
        "hidden_size": WIDE, "intermediate_size": 2 * WIDE, "num_hidden_layers": 4, "num_attention_heads": 4,
        "image_size": SIDE, "patch_size": 8,
    },
    "hearing": {
        "embed_dim": 64, "encoder_embed_dim": EARS, "encoder_layers": 3, "encoder_ffn_embed_dim": 2 * EARS,
        "encoder_attention_heads": 4, "conv_pos": 16, "conv_pos_groups": 4, "num_buckets": 32, "max_distance": 64,
        "finetuned_model": False,
    },
    "layers": (2, 3, 4), "queries": 8, "heard_queries": 8, "mask_queries": 16, "mask_dim": 64,
    "mask_inner": 256, "frames": 1, "pieces": 1,
    "connector": {"width": 96, "layers": 2, "heads": 4, "inner": 192}, "dropout": 0.0,
}  # fmt: skip
LANGUAGE = {
    "hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
PARTS = ("language", "vision", "hearing", "look", "listen")


def says(names: list[str]) -> str:
    """The reply to learn: who sounds, and the mask tokens."""
    return f"The object making the sound is {' and '.join(names)}. {MASKED}"


def lists(names: list[str]) -> str:
    """The reply to learn to the other question."""
    return f"From left to right: {', '.join(names)}."


class Stages:
    """Drawn stages as arrays, and as Crab takes them."""

    def __init__(self, path: Path):
        with np.load(path) as file:
            self.frames, self.fbank, self.sounding, self.everyone = (
                file[k] for k in ("frames", "fbank", "sounding", "everyone")
            )
            self.heard, self.seen = ([line.split("|") for line in file[k].tolist()] for k in ("heard", "seen"))

    def __len__(self) -> int:
        return len(self.frames)

    def clip(self, i: int, sound: int | None = None) -> dict[str, Tensor]:
        """Stage `i` as `Crab.prepare` makes it; `sound`: with the sound of another."""
        pixels = images.normalised(self.frames[i : i + 1].copy(), images.CLIP_MEAN, images.CLIP_STD)
        fbank = torch.from_numpy(self.fbank[i if sound is None else sound].astype(np.float32))
        return {"image": pixels, "audio": fbank[None]}


def draw(out: Path, name: str, count: int, first: int) -> None:
    """Draw stages into `out`/`name`.npz."""
    rows: dict[str, list] = {k: [] for k in ("frames", "fbank", "sounding", "everyone", "heard", "seen")}
    for i in range(count):
        s = drawn(first + i)
        assert s.media.waveform is not None
        rows["frames"].append(s.media.frames[0])
        rows["fbank"].append(beats.front_end(torch.from_numpy(s.media.waveform)).numpy().astype(np.float16))
        rows["sounding"].append(s.sounding)
        rows["everyone"].append(s.everyone)
        rows["heard"].append("|".join(s.names))
        rows["seen"].append("|".join(s.seen))
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / f"{name}.npz", **{k: np.stack(v) if k in list(rows)[:4] else np.array(v) for k, v in rows.items()})


def fresh(seed: int = 0) -> crab.Crab:
    """A small Crab that knows nothing."""
    names = [kind.replace("_", " ") for kind in KINDS]
    tokenizer = learned([says([a]) + lists([a, b, a]) + HEARD + SEEN for a in names for b in names], 600)
    torch.manual_seed(seed)
    sizes = LANGUAGE | {"vocab_size": len(tokenizer) - MADE}
    return crab.Crab(crab.Net(crab.Config(language=sizes, **CONFIG)), Words(tokenizer))


def towers(out: Path, steps: int, seed: int, batch: int = 64, lr: float = 1e-3) -> None:
    """Teach the towers, as CLIP and BEATs come taught, which kinds are seen somewhere and which are heard."""
    stages, net = Stages(out / "train.npz"), fresh(seed).model
    net.trains("vision", "hearing")
    kinds = [kind.replace("_", " ") for kind in KINDS]
    eye, ear = torch.nn.Linear(WIDE, len(kinds)), torch.nn.Linear(EARS, len(kinds))
    weights = [*net.vision.parameters(), *net.hearing.parameters(), *eye.parameters(), *ear.parameters()]
    optimizer = torch.optim.AdamW(weights, lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    seen, heard = (
        torch.tensor([[k in row for k in kinds] for row in rows]).float() for rows in (stages.seen, stages.heard)
    )
    start, told = time.process_time(), np.zeros(2)
    for step in range(steps):
        rows = np.random.default_rng((seed, step)).integers(len(stages), size=batch)
        patches = net.seen(images.normalised(stages.frames[rows], images.CLIP_MEAN, images.CLIP_STD))[2]
        there = eye(patches).logsumexp(1)  # a kind is seen where one patch shows it
        rang = ear(net.hearing(torch.from_numpy(stages.fbank[rows].astype(np.float32))).mean(1))
        losses = [
            torch.nn.functional.binary_cross_entropy_with_logits(said, true[rows])
            for said, true in ((there, seen), (rang, heard))
        ]
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        told = 0.9 * told + 0.1 * np.array([float(x.detach()) for x in losses])
        if (step + 1) % 20 == 0:
            print(
                f"{seed} towers {step + 1:4d}  {time.process_time() - start:5.0f} CPU-s  seen, heard {told}", flush=True
            )
    torch.save({"net": net.state_dict(), "step": steps}, out / f"towers-{seed}.pt")


def train(out: Path, what: str, steps: int, batch: int, lr: float, seed: int) -> None:
    """Train `words` from nothing or `masks` from there; a checkpoint every 20 steps lets a stopped run go on."""
    stages, llm = Stages(out / "train.npz"), fresh(seed)
    net, checkpoint = llm.model, out / f"{what}-{seed}.pt"
    before = {"words": "towers", "masks": "words"}[what]
    net.load_state_dict(torch.load(out / f"{before}-{seed}.pt", weights_only=True)["net"])
    net.trains(*PARTS, *(["segment"] if what == "masks" else []))
    weights = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr, weight_decay=0.01, betas=(0.9, 0.98))
    begin = 0
    if checkpoint.is_file():
        kept = torch.load(checkpoint, weights_only=True)
        begin = kept["step"]
        net.load_state_dict(kept["net"])
        optimizer.load_state_dict(kept["optimizer"])
    net.train()
    start, told = time.process_time(), dict[str, float]()
    for step in range(begin, steps):
        rows = np.random.default_rng((seed, step)).integers(len(stages), size=batch)
        clips = [llm.prepared(stages.clip(i)) for i in rows]
        asks = [[(HEARD, says(stages.heard[i]))] for i in rows]
        if what == "words":
            asks = [[*pair, (SEEN, lists(stages.seen[i]))] for pair, i in zip(asks, rows, strict=True)]
        masks = [[stages.sounding[i]] for i in rows] if what == "masks" else None
        losses = llm.losses(clips, llm.tokens(asks), masks)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for group in optimizer.param_groups:  # up in 20 steps, down in the last third; a longer run can go on from here
            group["lr"] = lr * min(1.0, (step + 1) / 20, 3 * (steps - step) / steps)
        optimizer.step()
        for name, value in losses.items():
            share = float(value.detach()) / (1 if name == "text" else batch)
            told[name] = 0.97 * told.get(name, share) + 0.03 * share
        if (step + 1) % 20 == 0 or step + 1 == steps:
            line = " ".join(f"{k} {v:.3f}" for k, v in told.items())
            print(f"{seed} {what} {step + 1:5d}  {time.process_time() - start:5.0f} CPU-s  {line}", flush=True)
            state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}
            torch.save(state, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="+", choices=["draw", "towers", "words", "masks", "floors", "test"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--on", choices=["choose", "test"], default="test")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if "draw" in given.what:
        for name, (count, first) in STAGES.items():
            draw(given.out, name, count, first)
    for seed in given.seeds:
        if "towers" in given.what:
            towers(given.out, given.steps or 160, seed)
        if "words" in given.what:
            train(given.out, "words", given.steps or 140, 24, 1.5e-3, seed)
        if "masks" in given.what:
            train(given.out, "masks", given.steps or 1000, 16, 1.2e-3, seed)
    from research.crab import judge

    if "floors" in given.what:
        judge.floors(given.out, given.on)
    if "test" in given.what:
        judge.test(given.out, given.seeds, given.on, given.json, given.picture)


if __name__ == "__main__":
    main()
