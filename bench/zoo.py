"""The zoo's costs: what each net trains and computes, and what four published steps take here and as published.

`python -m bench zoo` gives, for every recipe of Soundstage: parameters that learn, operations a clip (`watch`) and a
question (`answer`), CPU seconds of a training step of 32 questions about 8 clips of 20 s; and, each against a plain
form in one run:
- APL's contrast in closed form against comparing every pair of clips (32 rows, 10 seconds, 100 objects of 512)
- HME's step of a batch at once against one example after the other (8 of 32, as published)
- SaSR-Net's 33 questions about one clip, watched once, against one by one
- LAVISH at full size on the meta device, and at the size of Soundstage's recipe in time and memory
- one training step of LAVISH, DG-SCT and AVMoE at full size, two clips of one second, as the published code was timed
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

QUESTIONS, CLIPS, SECONDS = 32, 8, 20


def cpu(function, rounds: int = 2) -> float:  # type: ignore[no-untyped-def]
    """The least CPU seconds of a call, after one to warm up."""
    taken = []
    for _ in range(rounds + 1):
        began = time.process_time()
        function()
        taken.append(time.process_time() - began)
    return min(taken[1:])


def nets(only: Sequence[str] = ()) -> dict:
    """A row for every recipe of Soundstage, or for those named."""
    import torch
    from torch.nn import functional as F
    from torch.utils.flop_counter import FlopCounterMode

    from lookhear import config
    from lookhear.store.batch import orders

    widths = {"audio": 64, "frames": 64, "patches": 168, "question": 64, "words": 64, "prompt": 64}
    raw = {"pixels": (3, 64, 64), "spectrogram": (64, 64), "waveform": (16000,)}
    clip, found = torch.arange(QUESTIONS) % CLIPS, {}
    for path in sorted((Path(config.__file__).parent / "recipes" / "soundstage").glob("*.yaml")):
        if only and path.stem not in only:
            continue
        recipe = config.load(path)
        torch.manual_seed(0)
        own = {k: v for k, v in widths.items() if k in recipe.features}
        steps = {"steps": SECONDS} if recipe.net["name"] == "sasr_net" else {}
        made = config.build("nets", {**recipe.net, **steps}, answers=42, tokens=93, **own)

        def stream(name: str, rows: int) -> torch.Tensor:
            name = name.removesuffix("_negative")
            if name == "tokens":
                return torch.randint(1, 93, (rows, 14))
            shape = {"question": (), "prompt": (), "words": (14,), "patches": (SECONDS, 8)}
            inner = (SECONDS, *raw[name]) if name in raw else (*shape.get(name, (SECONDS,)), widths[name])
            return torch.randn(rows, *inner)

        watch = {n: stream(n, CLIPS) for n in orders(made.watch)}
        ask = {n: stream(n, QUESTIONS) for n in orders(made.answer)}
        labels = torch.randint(0, 42, (QUESTIONS,))
        own_losses = hasattr(made, "losses")
        more = {n: stream(n, QUESTIONS) for n in orders(made.losses)} if own_losses else {}

        def step(made=made, watch=watch, ask=ask, labels=labels, more=more, own_losses=own_losses) -> None:  # type: ignore[no-untyped-def]
            memory = {n: t[clip] for n, t in made.watch(**watch).items()}
            output = made.answer(memory, **ask)
            loss = (
                sum(made.losses(output, labels, **more).values())
                if own_losses
                else F.cross_entropy(output.logits, labels)
            )
            loss.backward()
            made.zero_grad()

        counts, trained = {}, [p for p in made.parameters() if p.requires_grad]
        made.requires_grad_(False)  # the counter hooks gradients, which views of leaves have not
        with torch.no_grad():
            with FlopCounterMode(display=False) as counter:
                memory = made.eval().watch(**watch)
            counts["mflop_clip"] = round(counter.get_total_flops() / CLIPS / 1e6, 1)
            with FlopCounterMode(display=False) as counter:
                made.answer({n: t[clip] for n, t in memory.items()}, **ask)
            counts["mflop_question"] = round(counter.get_total_flops() / QUESTIONS / 1e6, 2)
        for parameter in trained:
            parameter.requires_grad_(True)
        made.train()
        found[path.stem] = {"trained": sum(p.numel() for p in trained), **counts, "step_cpu_s": round(cpu(step, 1), 3)}
    return found


def contrast() -> dict:
    """APL's contrast, both ways; equal to rounding."""
    import torch
    from torch.nn import functional as F

    from lookhear.nets.apl import contrast as closed

    torch.manual_seed(0)
    objects, other = torch.randn(32, 10, 100, 512), torch.randn(32, 10, 512)

    def pairs() -> torch.Tensor:
        x, y = F.normalize(objects, dim=-1), F.normalize(other, dim=-1)
        share = torch.einsum("itnd,itd->itn", x, y).softmax(-1)
        mass = (share / 0.4).exp()
        positive = (mass * (share >= 0.011)).sum(-1)
        positive = torch.where(positive == 0, 1e-3, positive)
        every = torch.einsum("jtnd,itd->ijtn", x, y).mean(-1)  # row i with the objects of every row j
        rest = (every.sum(1) - every.diagonal().T) / (len(x) - 1)
        return -(positive / (mass.sum(-1) + rest)).log().mean()

    fast, slow = cpu(lambda: closed(objects, other, 0.011)), cpu(pairs)
    gap = abs(float(closed(objects, other, 0.011)) - float(pairs()))
    return {"closed_cpu_s": fast, "pairs_cpu_s": slow, "times": slow / fast, "difference": gap, "official_cpu_s": 4.9}


def hme() -> dict:
    """HME at official width, 20 frames: a batch of 32 at once, and 8 examples one after the other."""
    import torch
    from torch.nn import functional as F

    from lookhear.nets import hme as module

    torch.manual_seed(0)
    net = module.build(module.Config(frames=4096, motion=4096, tokens=1000))
    frames, motion = torch.randn(2, 32, 20, 4096)
    tokens, labels = torch.randint(1, 1000, (32, 10)), torch.randint(0, 42, (32,))

    def step(rows: slice) -> None:
        output = net.answer(net.watch(frames[rows], motion[rows]), tokens[rows])
        F.cross_entropy(output.logits, labels[rows]).backward()
        net.zero_grad()

    whole = cpu(lambda: step(slice(0, 32)), 1)
    alone = 4 * cpu(lambda: [step(slice(i, i + 1)) for i in range(8)], 1)
    return {"batch_cpu_s": whole, "one_by_one_cpu_s": alone, "times": alone / whole, "official_cpu_s": 48.0}


def sasr() -> dict:
    """SaSR-Net at official width: 33 questions about one clip, watched once, and 4 of them one by one."""
    import torch

    from lookhear.nets import sasr_net as module

    net = module.build(module.Config(every=1)).eval()
    audio, maps, tokens = torch.randn(1, 10, 128), torch.randn(1, 10, 196, 512), torch.randint(1, 93, (33, 14))

    def ask(rows: torch.Tensor) -> None:
        memory = net.watch(audio, maps)
        net.answer({n: t.expand(len(rows), *t.shape[1:]) for n, t in memory.items()}, rows)

    with torch.no_grad():
        once, each = cpu(lambda: ask(tokens)), 33 / 4 * cpu(lambda: [ask(tokens[i : i + 1]) for i in range(4)])
    return {"once_cpu_s": once, "one_by_one_cpu_s": each, "times": each / once}


def lavish() -> dict:
    """LAVISH: full size on the meta device, one second of two clips; the Soundstage recipe's size, 4 clips of 10 s."""
    import torch

    from lookhear import config
    from lookhear.layers.towers import cost
    from lookhear.nets import lavish as module

    def watched(sound: torch.Tensor, pixels: torch.Tensor):  # type: ignore[no-untyped-def]
        return lambda net: sum(t.sum() for t in net.watch(sound, pixels).values() if t.requires_grad)

    with torch.device("meta"):
        net = module.build(module.Config()).train()
        given = torch.empty(2, 1, 192, 192), torch.empty(2, 1, 3, 192, 192)
    full = cost(net, watched(*given))
    options = config.load("soundstage/lavish").net
    found = {"full": str(full), "full_gflop_clip_second": full.operations / 2e9}
    for name, checkpointing in (("small", False), ("small_checkpointing", True)):
        net = config.build("nets", {**options, "checkpointing": checkpointing}, answers=42).train()
        loss = watched(torch.randn(4, 10, 64, 64), torch.randn(4, 10, 3, 64, 64))
        found[f"{name}_step_cpu_s"] = cpu(lambda net=net, loss=loss: loss(net).backward(), 1)
        found[f"{name}_kept_mb"] = cost(net, loss).kept / 2**20
    return found


TOWERS = {"lavish": (10.7, 3.4), "dg_sct": (11.7, 4.7), "avmoe": (14.3, 4.5)}  # CPU s and GB of the published code


def full(name: str) -> dict:
    """A training step of a net with towers at full size: two clips of one second with two negatives, random weights."""
    import resource

    import torch

    from lookhear import config
    from lookhear.store.batch import orders

    torch.manual_seed(0)
    net = config.build("nets", {"name": name}).train()
    shapes = {"pixels": (3, 192, 192), "spectrogram": (192, 192), "waveform": (32000,)}
    watch = {n: torch.randn(2, 1, *shapes[n]) for n in orders(net.watch)}
    other, tokens, labels = torch.randn(2, 1, 3, 192, 192), torch.randint(1, 93, (2, 14)), torch.tensor([5, 17])

    def step() -> None:
        output = net.answer(net.watch(**watch), tokens)
        sum(net.losses(output, labels, other).values()).backward()
        net.zero_grad()

    taken, peak = cpu(step, 1), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds, memory = TOWERS[name]
    return {"step_cpu_s": taken, "official_cpu_s": seconds, "peak_gb": peak, "official_peak_gb": memory}


def towers() -> dict:
    """`full` of each, in a process of its own because memory's peak is of a process."""
    command = [sys.executable, "-m", "bench.zoo"]
    return {n: json.loads(subprocess.run([*command, n], check=True, capture_output=True).stdout) for n in TOWERS}


def main() -> dict:
    """Everything above."""
    found = {"contrast": contrast(), "hme": hme(), "sasr_net": sasr(), "lavish": lavish(), "towers": towers()}
    return found | {"nets": nets()}


if __name__ == "__main__":
    print(json.dumps(full(sys.argv[1]) if sys.argv[1:] else main(), indent=1))
