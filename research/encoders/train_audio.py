"""Train stage_audio on random sound of the Soundstage.

Run:   python -m research.encoders.train_audio             (`make encoders` runs all three)
Cost:  about 7 CPU-minutes on one thread
Score: printed by `python -m research.encoders.probe`, through real mp4 files
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders._stage import INSTRUMENTS, WEIGHTS, save
from lookhear.encoders.stage_audio import LEVEL, Listener, log_mel
from lookhear.soundstage.scene.scene import INSTRUMENTS as NAMES
from lookhear.soundstage.scene.scene import MOODS, Scene
from lookhear.soundstage.sound.melody import notes
from lookhear.soundstage.sound.mix import sound
from research.encoders.loop import train
from research.encoders.scenes import scene, share

SECONDS, CROP = 5, 3  # of a scene, and of the part of it that is in a batch
HEARD = 0.3  # part of a second that must sound for its level and rate to be asked


def pool(scenes: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Log-mels float16 (scene, 250, 64) and what is heard, by name, (scene, second, …)."""
    rng, mels, truths, fine = Random(seed), [], [], []
    for number in range(scenes):
        made = scene(rng, float(SECONDS), str(number))
        mels.append(log_mel(torch.from_numpy(sound(made))).half())
        truths.append([truth(made, s) for s in range(SECONDS)])
        fine.append(columns(made))
    names = truths[0][0]
    true = {k: torch.stack([torch.stack([s[k] for s in t]) for t in truths]) for k in names}
    return torch.stack(mels), true | {"column": torch.stack(fine)}


def columns(made: Scene) -> Tensor:
    """Who is heard, and who begins a note, in each fifth of a second: (second, 5, 44)."""
    heard = torch.zeros(SECONDS * 5, 2, INSTRUMENTS)
    for player, melody in zip(made.players, notes(made), strict=True):
        kind = NAMES.index(player.instrument)
        for k in range(SECONDS * 5):
            heard[k, 0, kind] = max(float(heard[k, 0, kind]), share(player.sounding, k / 5, (k + 1) / 5))
        for note in melody:
            heard[min(int(note.onset * 5), SECONDS * 5 - 1), 1, kind] = 1.0
    return heard.flatten(1).unflatten(0, (SECONDS, 5))


def truth(made: Scene, second: int) -> dict[str, Tensor]:
    """What is heard in a second, as the heads are to say it; NaN or -1 is not asked."""
    present, power, rate = (torch.zeros(INSTRUMENTS) for _ in range(3))
    players, register = torch.zeros(INSTRUMENTS), torch.zeros(INSTRUMENTS)
    number = 0
    for player in made.players:
        part = share(player.sounding, second, second + 1)
        kind = NAMES.index(player.instrument)
        present[kind] = max(present[kind], part)
        if part >= HEARD:
            players[kind] += 1
            power[kind] += 10 ** (player.level / 10)
            rate[kind], register[kind] = player.rate, player.register
        number += part >= 0.5
    asked = players > 0
    alone = players == 1
    unknown = torch.tensor(float("nan"))
    voice = share((made.voiceover,), second, second + 1) if made.voiceover else 0.0
    return {
        "present": present,
        "level": torch.where(asked, 10 * power.clamp(min=1e-9).log10() / LEVEL, unknown),
        "rate": torch.where(alone, rate.clamp(min=1e-9).log2() / 4, unknown),
        "register": torch.where(alone, register, unknown),
        "voice": torch.tensor(voice),
        "indoor": torch.tensor(float(made.indoor)),
        "number": torch.tensor(min(number, 5)),
        "mood": torch.tensor(MOODS.index(made.mood) if number else -1),
    }


def losses(heads: dict[str, Tensor], true: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weighted losses by name."""

    def near(value: Tensor, wanted: Tensor) -> Tensor:
        asked = wanted.isfinite()
        return F.smooth_l1_loss(value.float()[asked], wanted[asked], beta=0.1)

    def choose(logits: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(logits.float().flatten(0, -2), label.flatten(), ignore_index=-1)

    def yes(logits: Tensor, label: Tensor) -> Tensor:
        asked = label.isfinite()
        return F.binary_cross_entropy_with_logits(logits.float()[asked], label[asked])

    again, register = heads["again"].chunk(2, -1)
    return {
        "column": 15 * yes(heads["column"].unflatten(1, (-1, 5)), true["column"]),
        "present": 15 * yes(heads["present"], true["present"]),
        "level": 5 * near(heads["level"], true["level"]),
        "rate": 7 * near(heads["rate"], true["rate"]),
        "voice": 0.5 * yes(heads["voice"][..., 0], true["voice"]),
        "indoor": 0.2 * yes(heads["indoor"][..., 0], true["indoor"]),
        "number": 0.4 * choose(heads["number"], true["number"]),
        "mood": 0.2 * choose(heads["mood"], true["mood"]),
        "again": 5 * yes(again, true["present"]) + 0.5 * near(register, true["register"]),
    }


def together(
    one: Tensor, a: dict[str, Tensor], other: Tensor, b: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Two scenes heard at once: energies add, and so do levels; what only one scene can have is not asked."""
    nan = torch.tensor(float("nan"))
    power = [torch.where(t["level"].isfinite(), 10 ** (t["level"] * LEVEL / 10), 0.0) for t in (a, b)]
    loud = sum(power)
    true = {k: torch.maximum(a[k], b[k]) for k in ("present", "voice", "column")}
    true["level"] = torch.where(loud > 0, 10 * loud.clamp(min=1e-9).log10() / LEVEL, nan)
    for k in ("rate", "register"):
        true[k] = torch.where(a[k].isfinite() & b[k].isfinite(), nan, torch.where(a[k].isfinite(), a[k], b[k]))
    true["indoor"] = torch.where(a["indoor"] == b["indoor"], a["indoor"], nan)
    true["number"] = (a["number"] + b["number"]).clamp(max=5)
    true["mood"] = torch.where(a["mood"] == b["mood"], a["mood"], -1)
    return (torch.logaddexp(4 * one - 1, 4 * other - 1) + 1) / 4, true


def main() -> None:
    """Make the pool, train, write the weights."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--scenes", type=int, default=7000)
    options.add_argument("--steps", type=int, default=5500)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--lr", type=float, default=3e-3)
    options.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    options.add_argument("--out", type=Path, default=WEIGHTS / "stage_audio.safetensors")
    given = options.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    start = time.process_time()
    mels, true = pool(given.scenes, given.seed + 1)
    print(f"{len(mels) * SECONDS} seconds of sound in {time.process_time() - start:.0f} CPU-s", flush=True)
    net = Listener().to(memory_format=torch.channels_last)

    def loss_of(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        chosen, others = torch.randint(len(mels), (2, 12), generator=generator)
        first = int(torch.randint(SECONDS - CROP + 1, (1,), generator=generator))

        def part(which: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            heard = mels[which, first * 50 : (first + CROP) * 50].float()
            gain = 4 * torch.rand(len(which), 1, 1, generator=generator) - 2  # dB, told to the level too
            true_part = {k: v[which, first : first + CROP] for k, v in true.items()}
            return heard + gain * 0.2303 / 4, true_part | {"level": true_part["level"] + gain / LEVEL}

        heard, wanted = part(chosen)
        if step % 2:
            mixed, both = together(heard[:8], {k: v[:8] for k, v in wanted.items()}, *part(others[:8]))
            heard = torch.cat([mixed, heard[8:]])
            wanted = {k: torch.cat([both[k], v[8:]]) for k, v in wanted.items()}
        with torch.autocast("cpu", torch.bfloat16, enabled=given.precision == "bf16"):
            heads = net(heard)
        return losses(heads, wanted)

    train(net, loss_of, given.steps, given.lr, given.seed)
    save(net, given.out)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB, {time.process_time() - start:.0f} CPU-s in all")


if __name__ == "__main__":
    main()
