"""The studies of Crab and Crab+ in small: what tasks learn from each other, which heads work, with and without reasons.

    base, towers' tokens kept ─┬─ LoRA on one task alone, for each of seven
                               ├─ LoRA, LoRA-MoE and I-LoRA (3, 4, 5 heads) on all seven      each ─▶ scores of 7 tasks
                               └─ I-LoRA with a head dropped, its routers recorded and drawn

Alone and together see each task's examples equally often. Everything is done with and without the reasoning in the
targets, for each seed; what is done is in OUT and not done again, so the command may be stopped and run again.

Run:   python recipes/studies/run.py ROOT BASE --out OUT       ROOT a Soundstage, BASE the folder of tiny_omni
Cost:  about 25 s a hundred steps on one thread, and as much for asking; all of it about an hour and a half
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import kept as keeping
import lessons as teaching
import numpy as np
import torch

from lookhear.adapters import ilora
from lookhear.evaluate import report as reports
from lookhear.evaluate import routers
from lookhear.evaluate.run import run
from lookhear.llms import _omni, crab_plus

EVERY = tuple(teaching.SETS)
_omni.TOGETHER = 64  # the model is small: more questions at a time


@dataclass(frozen=True)
class Job:
    """One training run: a method on some tasks."""

    method: str  # lora, lora_moe, ilora
    tasks: tuple[str, ...]
    explain: bool
    seed: int
    heads: int = 3

    @property
    def name(self) -> str:
        """A file's name."""
        which = "all" if self.tasks == EVERY else "-".join(self.tasks)
        heads = f"{self.heads}" if self.method != "lora" else ""
        return f"{self.method}{heads}_{which}_{'reasons' if self.explain else 'bare'}_{self.seed}"


def jobs(seeds: Sequence[int]) -> Iterator[Job]:
    """What is trained, the comparisons that matter most first."""
    order = sorted(
        ((n, explain) for n in range(len(seeds)) for explain in (False, True)), key=lambda one: (sum(one), one)
    )
    for seed, explain in ((seeds[n], explain) for n, explain in order):
        yield Job("ilora", EVERY, explain, seed)
        yield Job("lora", EVERY, explain, seed)
        for task in EVERY:
            yield Job("lora", (task,), explain, seed)
    yield Job("lora_moe", EVERY, True, seeds[0])
    yield Job("ilora", EVERY, True, seeds[0], 4)
    yield Job("ilora", EVERY, True, seeds[0], 5)


class Studies:
    """The base, what its towers make of the clips, and the lessons."""

    def __init__(self, given: argparse.Namespace):
        self.given, self.out = given, given.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.lessons = teaching.lessons(given.root, given.train, given.test, given.split)
        clips = [e.clip for lesson in self.lessons.values() for e in (*lesson.train, *lesson.test)]
        self.kept = keeping.keep(crab_plus.load(given.base), clips, self.out / "towers.pt", given.learned)
        longest = {}
        tokens = crab_plus.load(given.base).tokens
        for explain in (True, False):
            some = [teaching.pair(e, explain)[1] for lesson in self.lessons.values() for e in lesson.train]
            longest[explain] = 8 + max(len(tokens(target)) for target in some)
        self.longest = {explain: min(length, 160) for explain, length in longest.items()}
        print(f"{len(self.kept)} clips; replies of up to {self.longest[True]} and {self.longest[False]} tokens")

    def fresh(self, job: Job | None = None) -> keeping.Kept:
        """The base with new adapters; a LoRA of twice the rank has as many parameters as I-LoRA of three heads."""
        llm = keeping.Kept(crab_plus.load(self.given.base))
        if job is not None:
            torch.manual_seed(job.seed)
            r = self.given.rank * (2 if job.method == "lora" else 1)
            llm.adapt(ilora.rows(job.method, r=r, alpha=2 * r, heads=job.heads))
        return llm

    def train(self, job: Job) -> tuple[keeping.Kept, dict[str, Any]]:
        """A model trained by `job`: `rounds` examples of each of its tasks for every example that task has."""
        llm, rng, begun = self.fresh(job), Random(f"{job.seed}"), time.perf_counter()
        weights = [p for p in llm.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, self.given.lr, betas=(0.9, 0.98), weight_decay=0.0)
        pool = []
        for _ in range(self.given.rounds):
            some = [e for task in job.tasks for e in self.lessons[task].train]
            pool += rng.sample(some, len(some))
        steps, losses = len(pool) // self.given.batch, []
        llm.model.train()
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = (
                    self.given.lr * min(1.0, (step + 1) / (0.03 * steps + 1)) * 0.5 * (1 + np.cos(np.pi * step / steps))
                )
            asks: dict[str, list[tuple[str, str]]] = {}
            for example in pool[step * self.given.batch : (step + 1) * self.given.batch]:
                asks.setdefault(example.clip.id, []).append(teaching.pair(example, job.explain))
            loss = llm.loss([self.kept[name] for name in asks], list(asks.values()))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            losses.append(loss.item())
        llm.model.eval()
        tail = losses[-max(1, steps // 5) :]
        facts = {
            "steps": steps, "seconds": round(time.perf_counter() - begun), "loss": round(sum(tail) / len(tail), 4),
            "trained": sum(p.numel() for p in weights),
        }  # fmt: skip
        return llm, facts

    def asked(self, llm: keeping.Kept, explain: bool, names: Sequence[str]) -> dict[str, Any]:
        """Task -> its metrics with intervals, of a greedy reply to each test example."""
        model, found = keeping.KeptModel(llm, self.kept, self.longest[explain]), {}
        for name in names:
            lesson = self.lessons[name]
            found[name] = self.scored(lesson, run(model, lesson.test, clips=32))
        return found

    @staticmethod
    def scored(lesson: teaching.Lesson, answers: Sequence[Any]) -> dict[str, Any]:
        """Main metric and all others of one task."""
        report = reports.report(lesson.test, answers)
        (metrics,) = report.metrics.values()
        return {
            "main": metrics[lesson.metric].to_json(),
            "metrics": {name: m.to_json() for name, m in metrics.items()},
            "replies": [a.raw for a in answers[:3]],
        }

    def routes(self, llm: keeping.Kept, explain: bool) -> dict[str, Any]:
        """Router weights by task, phase and kind of token; the page of plots."""
        model = keeping.KeptModel(llm, self.kept, self.longest[explain])
        points, depths, phases = {}, [], {}
        for name, lesson in self.lessons.items():
            with routers.recorded(llm) as record:
                run(model, lesson.test[:48], clips=24)
            points[name] = record.examples("decode")  # what is said; the clip's own tokens are alike for all tasks
            depths.append(routers.by_depth(record.means()))
            phases[name] = {
                f"{phase}/{kind}": [round(float(v), 5) for v in np.mean(list(means.values()), axis=0)]
                for phase in ("prefill", "decode")
                for kind in routers.MODALITIES
                if (means := record.means(phase, kind))
            }
        cosines = routers.alike(llm.model)
        which = "reasons" if explain else "bare"
        from lookhear.evaluate import routers_plot

        routers_plot.draw(points, np.mean(depths, axis=0), cosines, self.out / f"routers_{which}.png")
        used = {name: value.mean(axis=(0, 1)) for name, value in points.items()}
        return {
            "weights": {name: [round(float(v), 5) for v in value] for name, value in used.items()},
            "preference": {n: [round(float(v), 5) for v in p] for n, p in routers.preferences(used).items()},
            "apart": round(routers.apart({n: p.mean(axis=1) for n, p in points.items()}), 4),
            "apart_by_layer": round(routers.apart(points), 4),
            "phases": phases,
            "cosine": round(routers.between(np.mean(list(cosines.values()), axis=0)), 4),
            "cosine_by_depth": [round(routers.between(one), 4) for one in routers.by_depth(cosines)],
        }

    def do(self, job: Job) -> None:
        """Train, ask, and for the first I-LoRA of each kind drop heads and look at routers; write it down."""
        path = self.out / f"{job.name}.json"
        if path.is_file():
            return
        llm, facts = self.train(job)
        found = {"job": asdict(job), **facts, "tasks": self.asked(llm, job.explain, job.tasks)}
        if job.method == "ilora" and job.heads == 3 and job.seed == self.given.seeds[0]:
            found["dropped"] = {}
            for head in range(0 if job.explain else job.heads):  # long replies cost too much to ask four times
                with ilora.without_heads(llm.model, head):
                    found["dropped"][f"head {head + 1}"] = self.asked(llm, job.explain, job.tasks)
            found["routers"] = self.routes(llm, job.explain)
        path.with_suffix(".part").write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
        path.with_suffix(".part").replace(path)
        told = ", ".join(f"{name} {one['main']['value']:.1f}" for name, one in found["tasks"].items())
        print(f"{job.name}: {facts['steps']} steps, {facts['seconds']} s, loss {facts['loss']}: {told}", flush=True)

    def floors(self) -> None:
        """What guessing gives, and the base as it is."""
        path = self.out / "floors.json"
        if path.is_file():
            return
        guessed = {n: self.scored(lesson, teaching.guesses(lesson)) for n, lesson in self.lessons.items()}
        base = self.asked(self.fresh(), True, EVERY)
        path.write_text(json.dumps({"guess": guessed, "base": base}, indent=1, ensure_ascii=False), "utf-8")
        for name, some in (("guessing", guessed), ("base", base)):
            print(name, ", ".join(f"{n} {one['main']['value']:.1f}" for n, one in some.items()), flush=True)


def main() -> None:
    """Everything that is not done yet, as long as there is time."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("root", type=Path)
    options.add_argument("base", type=Path)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--train", type=int, default=240, help="examples of each task to learn from")
    options.add_argument("--test", type=int, default=100, help="examples of each task to be asked")
    options.add_argument(
        "--split", default="val", help="what is asked: a split that neither base nor runs learned from"
    )
    options.add_argument("--learned", type=Path, help="folder in which the base was taught, to decode nothing again")
    options.add_argument("--rounds", type=int, default=1, help="times each example is seen")
    options.add_argument("--batch", type=int, default=12)
    options.add_argument("--lr", type=float, default=1e-3)
    options.add_argument("--rank", type=int, default=8)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--minutes", type=float, default=1e9, help="begin no run after so long")
    given = options.parse_args()
    torch.set_num_threads(1)
    begun = time.perf_counter()
    studies = Studies(given)
    studies.floors()
    for job in jobs(given.seeds):
        if time.perf_counter() - begun > 60 * given.minutes:
            print("out of time; run again to go on")
            return
        studies.do(job)
    import summary

    summary.write(given.out)


if __name__ == "__main__":
    main()
