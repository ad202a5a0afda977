"""The studies of Crab and Crab+ in small: what tasks learn from each other, which heads work, with and without reasons.

    base, towers' tokens kept ─┬─ LoRA on one task alone, for each of seven
                               ├─ LoRA, LoRA-MoE and I-LoRA (3, 4, 5 heads) on all seven      each ─▶ scores of 7 tasks
                               └─ I-LoRA with a head dropped, its routers recorded and drawn

Alone and together see each task's examples equally often. Three seeds without reasons come first, then those with
reasons in the targets, then experts and other numbers of heads with one seed; what is done is in OUT and not done
again, so the command may be stopped and run again.

Run:   python -m research.studies.run ROOT BASE --out OUT       ROOT a Soundstage, BASE the folder of tiny_omni
Cost:  without reasons 80 to 95 s for all tasks and 10 to 25 s for one, on one free thread and with asking; reasons make
       replies ten times as long; the towers take 35 ms a clip, once
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from lookhear.evaluate import report as reports
from lookhear.evaluate import scores
from lookhear.evaluate.run import run
from lookhear.evaluate.study import routers
from lookhear.ilora import method as ilora
from lookhear.llms import tiny_omni
from lookhear.llms.omni import thinker
from research.studies import kept as keeping
from research.studies import lessons as teaching

EVERY = tuple(teaching.SETS)
thinker.TOGETHER = 128  # the model is small: more questions at a time


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
    singles = {
        (seed, explain): [Job("lora", (t,), explain, seed) for t in EVERY if not (explain and t in teaching.BARE)]
        for seed in seeds
        for explain in (False, True)
    }
    for seed in seeds:
        yield from (Job("ilora", EVERY, False, seed), Job("lora", EVERY, False, seed), *singles[seed, False])
    for seed in seeds:
        yield Job("ilora", EVERY, True, seed)
        yield Job("lora", EVERY, True, seed)
        if seed == seeds[0]:
            yield from singles[seed, True]
    yield Job("lora_moe", EVERY, False, seeds[0])
    yield from (Job("ilora", EVERY, False, seeds[0], heads) for heads in (4, 5))
    for seed in seeds[1:]:
        yield from singles[seed, True]


class Studies:
    """The base, what its towers make of the clips, and the lessons."""

    def __init__(self, given: argparse.Namespace):
        self.given, self.out = given, given.out
        self.out.mkdir(parents=True, exist_ok=True)
        self.lessons = teaching.lessons(given.root, given.share, given.test, given.split)
        clips = [e.clip for lesson in self.lessons.values() for e in (*lesson.train, *lesson.test)]
        self.kept = keeping.keep(tiny_omni.load(given.base), clips, self.out / "towers.pt")
        tokens = tiny_omni.load(given.base).tokens
        self.longest = {
            (name, explain): 8 + max(len(tokens(teaching.pair(e, explain)[1])) for e in lesson.train)
            for name, lesson in self.lessons.items()
            for explain in (False, True)
        }
        print(f"{len(self.kept)} clips; the longest replies: {self.longest}", flush=True)

    def fresh(self, job: Job | None = None) -> keeping.Kept:
        """The base with new adapters; a LoRA of twice the rank has as many parameters as I-LoRA of three heads."""
        llm = keeping.Kept(tiny_omni.load(self.given.base))
        if job is not None:
            torch.manual_seed(job.seed)
            r = self.given.rank * (2 if job.method == "lora" else 1)
            llm.adapt(ilora.rows(job.method, r=r, alpha=2 * r, heads=job.heads))
        return llm

    def train(self, job: Job) -> tuple[keeping.Kept, dict[str, Any]]:
        """A model trained by `job`: `rounds` examples of each of its tasks for every example that task has."""
        llm, rng, begun = self.fresh(job), Random(f"{job.seed}"), time.perf_counter()
        weights = [p for p in llm.model.parameters() if p.requires_grad]
        batches = [b for _ in range(self.given.rounds) for b in self.batches(job, rng)]
        given = [([self.kept[name] for name in asks], list(asks.values())) for asks in batches]
        losses, steps = keeping.learn(llm, weights, given, self.given.lr), len(batches)
        tail = losses[-max(1, steps // 5) :]
        facts = {
            "steps": steps, "seconds": round(time.perf_counter() - begun), "loss": round(sum(tail) / len(tail), 4),
            "trained": sum(p.numel() for p in weights),
        }  # fmt: skip
        return llm, facts

    def batches(self, job: Job, rng: Random) -> list[dict[str, list[tuple[str, str]]]]:
        """One round: every example once, those of a clip together, about `batch` examples at a time."""
        clips: dict[str, list[tuple[str, str]]] = {}
        for task in job.tasks:
            for example in self.lessons[task].train:
                clips.setdefault(example.clip.id, []).append(teaching.pair(example, job.explain))
        found: list[dict[str, list[tuple[str, str]]]] = []
        for name in rng.sample(list(clips), len(clips)):
            if not found or sum(map(len, found[-1].values())) >= self.given.batch:
                found.append({})
            found[-1][name] = clips[name]
        return found

    def asked(self, llm: keeping.Kept, explain: bool, names: Sequence[str]) -> dict[str, Any]:
        """Task -> its metrics with intervals, of a greedy reply to each test example."""
        model, found = keeping.KeptModel(llm, self.kept), {}
        for name in names:
            lesson, model.max_tokens = self.lessons[name], self.longest[name, explain]
            found[name] = self.scored(lesson, run(model, lesson.test, clips=len(lesson.test)))
        return found

    @staticmethod
    def scored(lesson: teaching.Lesson, answers: Sequence[Any]) -> dict[str, Any]:
        """Main metric and all others of one task."""
        (metrics,) = reports.report(lesson.test, answers).metrics.values()
        kind = scores.kind_of(lesson.test[0])
        rows = scores.pooled(kind, lesson.test, answers)[lesson.metric].rows
        return {
            "main": metrics[lesson.metric].to_json(),
            "metrics": {name: m.to_json() for name, m in metrics.items()},
            "rows": [[round(float(n), 4) for n in row] for row in rows],  # of each example, what the metric is made of
            "replies": [a.raw for a in answers[:4]],
        }

    def routes(self, llm: keeping.Kept, explain: bool) -> dict[str, Any]:
        """Router weights by task, phase and kind of token; the page of plots."""
        model = keeping.KeptModel(llm, self.kept)
        points, depths, phases = {}, [], {}
        for name, lesson in self.lessons.items():
            model.max_tokens = self.longest[name, explain]
            model.read.clear()
            with routers.recorded(llm) as record:
                run(model, lesson.test[:48], clips=48)
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
        from lookhear.evaluate.draw import routers as routers_plot

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
        path.with_suffix(".part").write_text(json.dumps(found, ensure_ascii=False), "utf-8")
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
        clips = {n: [e.clip.id for e in lesson.test] for n, lesson in self.lessons.items()}
        found = {"guess": guessed, "base": base, "clips": clips}
        path.write_text(json.dumps(found, ensure_ascii=False), "utf-8")
        for name, some in (("guessing", guessed), ("base", base)):
            print(name, ", ".join(f"{n} {one['main']['value']:.1f}" for n, one in some.items()), flush=True)


def main() -> None:
    """Everything that is not done yet, as long as there is time."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("root", type=Path)
    options.add_argument("base", type=Path)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--share", type=float, default=1.0, help="of the examples there are to learn from")
    options.add_argument("--test", type=int, default=100, help="examples of each task to be asked")
    options.add_argument(
        "--split", default="test", help="what is asked: a split that neither base nor runs learned from"
    )
    options.add_argument("--rounds", type=int, default=2, help="times each example is seen")
    options.add_argument("--batch", type=int, default=4, help="examples of a step, or a few more")
    options.add_argument("--lr", type=float, default=3e-3)
    options.add_argument("--rank", type=int, default=8)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--only", default="", help="regular expression of names of runs: bare, _reasons_0")
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
        if re.search(given.only, job.name):
            studies.do(job)
    from research.studies import summary

    summary.write(given.out)


if __name__ == "__main__":
    main()
