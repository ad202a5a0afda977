"""Do reasons help once a model is trained longer, or more of it is trained? Steps, reason lengths, trained weights.

    tiny_omni ─ one task ─ reasons: none, short (what the answer rests on), long (everyone on stage)
                         ─ budget: each example seen 2, 6 or 18 times
                         ─ trained: LoRA of rank 16, or every weight of the language model

Run:   python -m research.studies.reasons ROOT BASE --out OUT --json FILE      ROOT the Soundstage `base`
Cost:  20 to 300 s of one thread an arm, see `seconds` in the results; the towers take 0.1 s a clip, once
Score: docs/results/studies.md

What is done is in OUT and not done again. Differences are of the same clips, with 95 % intervals over clips, redrawn
with all seeds of a clip.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from lookhear import datasets, tasks
from lookhear.evaluate import scores
from lookhear.evaluate.run import run
from lookhear.ilora import method as ilora
from lookhear.llms import tiny_omni
from lookhear.llms.omni import thinker
from lookhear.statistics import bootstrap
from lookhear.types import Example
from research.studies import kept as keeping
from research.studies import lessons as teaching

REASONS = ("none", "short", "long")
thinker.TOGETHER = 128  # the model is small: more questions at a time


@dataclass(frozen=True)
class Arm:
    """One training run."""

    task: str
    reasons: str
    rounds: int
    trained: str
    seed: int

    @property
    def name(self) -> str:
        """A file's name."""
        return "_".join(map(str, asdict(self).values()))


def arms(given: argparse.Namespace) -> Iterator[Arm]:
    """The arms, those of the first seed and of LoRA first, by task and budget."""
    for seed in given.seeds:
        for trained in given.trained:
            for task in given.tasks:
                for rounds in given.rounds if trained == "lora" else given.rounds[-1:]:
                    yield from (Arm(task, reasons, rounds, trained, seed) for reasons in given.reasons)


def pair(example: Example, reasons: str) -> tuple[str, str]:
    """The prompt and the reply to learn. A short reason is the last fact, or for events only their times."""
    if reasons == "short":
        reasoning = ". ".join(str(example.meta.get("reasoning", "")).split(". ")[-2:])
        example = replace(example, meta={**example.meta, "because": "", "reasoning": reasoning})
    return teaching.pair(example, reasons != "none")


class Sweep:
    """What is learned and asked, and what the towers make of the clips."""

    def __init__(self, given: argparse.Namespace):
        self.given = given
        given.out.mkdir(parents=True, exist_ok=True)
        self.sides = {task: (self.some(task, "train", given.train), self.some(task, "test", given.test))
                      for task in given.tasks}  # fmt: skip
        clips = [e.clip for sides in self.sides.values() for side in sides for e in side]
        self.kept = keeping.keep(tiny_omni.load(given.base), clips, given.out / "towers.pt")

    def some(self, task: str, split: str, count: int) -> list[Example]:
        """The first examples of a split, of questions one a clip."""
        where, _ = teaching.SETS[task]
        found = datasets.load(where, self.given.root, split)
        if task == "question":
            words = getattr(datasets.find(where)[0], "VOCABULARY", ())
            found = [replace(e, meta={**e.meta, "labels": words}) for e in teaching.first(found, 1)]
        return found[:count]

    def do(self, arm: Arm) -> None:
        """Train and ask; written down by example."""
        path = self.given.out / f"{arm.name}.json"
        if path.is_file():
            return
        began = time.process_time()
        learned, asked = self.sides[arm.task]
        llm = keeping.Kept(tiny_omni.load(self.given.base))
        torch.manual_seed(arm.seed)
        if arm.trained == "lora":
            llm.adapt(ilora.rows("lora", r=16, alpha=32))
            weights = [p for p in llm.model.parameters() if p.requires_grad]
        else:
            weights = [p for n, p in llm.model.named_parameters() if "visual" not in n and "audio_tower" not in n]
        pairs = [(e.clip.id, pair(e, arm.reasons)) for e in learned]
        facts = self.train(llm, weights, pairs, arm)
        model = keeping.KeptModel(llm, self.kept)
        model.max_tokens = 8 + max(len(llm.tokens(target)) for _, (_, target) in pairs)
        answers = run(model, asked, clips=len(asked))
        kind, metric = scores.kind_of(asked[0]), teaching.SETS[arm.task][1]
        rows = scores.pooled(kind, asked, answers)[metric].rows
        facts |= {
            "values": [round(float(row[0] / row[1]), 4) for row in rows],
            "unread": sum(bool(tasks.unread([a])) for a in answers),
            "clips": [e.clip.id for e in asked],
            "tokens": round(float(np.mean([len(llm.tokens(target)) for _, (_, target) in pairs])), 1),
            "replies": [a.raw for a in answers[:3]],
            "seconds": round(time.process_time() - began, 1),
        }
        path.write_text(json.dumps({"arm": asdict(arm), **facts}, ensure_ascii=False) + "\n", "utf-8")
        print(f"{arm.name}: {100 * np.mean(facts['values']):.1f}, {facts['unread']} unread, {facts['steps']} steps, "
              f"{facts['seconds']} s", flush=True)  # fmt: skip

    def train(self, llm: Any, weights: Sequence[Any], pairs: Sequence[tuple[str, Any]], arm: Arm) -> dict[str, Any]:
        """AdamW with warm-up and cosine, `batch` examples a step."""
        rng, rate = Random(str(arm.seed)), self.given.lr * (1.0 if arm.trained == "lora" else 0.3)
        order = [one for _ in range(arm.rounds) for one in rng.sample(pairs, len(pairs))]
        batches = [order[i : i + self.given.batch] for i in range(0, len(order), self.given.batch)]
        given = [([self.kept[clip] for clip, _ in some], [[one] for _, one in some]) for some in batches]
        losses = keeping.learn(llm, weights, given, rate)
        tail = losses[-max(1, len(losses) // 10) :]
        return {
            "steps": len(batches), "loss": round(float(np.mean(tail)), 4), "trained": sum(p.numel() for p in weights),
        }  # fmt: skip


def percent(runs: Sequence[np.ndarray], clips: Sequence[str]) -> list[float]:
    """Mean in percent and its 95 % interval over clips."""
    names = np.tile(np.unique(np.array(clips), return_inverse=True)[1], len(runs))
    values = np.concatenate(runs)
    low, high = bootstrap(values, names, np.ones((len(values), 1), bool))[0]
    return [round(100 * float(n), 2) for n in (values.mean(), low, high)]


def summary(out: Path) -> dict[str, Any]:
    """Arms without their seeds -> score, and difference to the same arm without reasons."""
    found: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = {}
    for path in sorted(out.glob("*_*.json")):
        one = json.loads(path.read_text("utf-8"))
        arm = one["arm"]
        found.setdefault((arm["task"], arm["trained"], arm["rounds"], arm["reasons"]), {})[arm["seed"]] = one
    table: dict[str, Any] = {}
    for key, seeds in sorted(found.items()):
        one = next(iter(seeds.values()))
        row = {
            "score": percent([np.array(s["values"]) for s in seeds.values()], one["clips"]), "seeds": sorted(seeds),
            "unread": [s["unread"] for s in seeds.values()], "asked": len(one["clips"]), "steps": one["steps"],
            "target_tokens": one["tokens"], "trained": one["trained"], "reply": one["replies"][0],
            "cpu_seconds": [s["seconds"] for s in seeds.values()], "loss": [s["loss"] for s in seeds.values()],
        }  # fmt: skip
        bare = found.get((*key[:3], "none"), {})
        both = sorted(set(bare) & set(seeds))
        if key[3] != "none" and both:
            apart = [np.array(seeds[s]["values"]) - np.array(bare[s]["values"]) for s in both]
            row["against_none"] = percent(apart, one["clips"])
        table[" ".join(map(str, key))] = row
    return table


def main() -> None:
    """Every arm that is not done yet, then the summary."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("root", type=Path)
    options.add_argument("base", type=Path)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--json", type=Path)
    options.add_argument("--tasks", nargs="+", default=["event", "question"], choices=["event", "question"])
    options.add_argument("--reasons", nargs="+", default=list(REASONS), choices=REASONS)
    options.add_argument("--rounds", type=int, nargs="+", default=[2, 6, 18], help="times each example is seen")
    options.add_argument("--trained", nargs="+", default=["lora", "all"], choices=["lora", "all"])
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--train", type=int, default=300, help="examples to learn from")
    options.add_argument("--test", type=int, default=200, help="examples to be asked")
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--lr", type=float, default=3e-3, help="of LoRA; a third of it for all weights")
    given = options.parse_args()
    torch.set_num_threads(1)
    sweep = Sweep(given)
    for arm in arms(given):
        sweep.do(arm)
        table = summary(given.out)
        if given.json:
            settings = {k: getattr(given, k) for k in ("train", "test", "batch", "lr")}
            settings["sha256 of the base"] = hashlib.sha256((given.base / "model.safetensors").read_bytes()).hexdigest()
            page = json.dumps({"settings": settings, "arms": table}, indent=1, ensure_ascii=False)
            given.json.write_text(page + "\n", "utf-8")


if __name__ == "__main__":
    main()
