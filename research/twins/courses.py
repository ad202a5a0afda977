"""What courses on twins do to tiny_omni: one arm with one seed, trained and asked, as one line of JSON.

    python -m research.twins.courses WORLD OUT ARM SEED [--start FOLDER] [--steps N]

Arms: start (nothing is learned), supervised, prefer, answer, causal (with answer), only (causal alone), deaf (causal
alone, all sound silenced); after `warm` (an arm that teaches to name seconds): dated, dated_seconds. With adapters of
rank 64: clips and both (clips and their twins), to be given as many steps as a plain net needs.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookhear import config, datasets
from lookhear.curate.robust import rephrase
from lookhear.evaluate import pairs
from lookhear.evaluate.audit.card import of_videos
from lookhear.evaluate.run import run
from lookhear.metrics.evidence import iou
from lookhear.model import LLMModel, load
from lookhear.train import llm, prefer, reinforce
from lookhear.types import Answer, Example

CLIPS = 40  # of the test split, that are asked about
BOTH = "soundstage@with_twins"
LESSONS = {"batch": 8, "asks": 8}
WIDE = {"name": "lora", "rank": 64, "alpha": 64}
ARMS: dict[str, dict[str, Any]] = {
    "supervised": {"stage": "instruct", "explain": False, "train": LESSONS},
    "prefer": {"stage": "prefer", "train": {"batch": 16}},
    "answer": {"reinforce": {"rewards": {"answer": 1.0}}},
    "causal": {"reinforce": {"rewards": {"answer": 1.0, "causal": 1.0}}},
    "only": {"reinforce": {"rewards": {"causal": 1.0}}},
    "deaf": {"reinforce": {"rewards": {"causal": 1.0}, "deaf": True}},
    "clips": {"stage": "instruct", "explain": False, "adapter": WIDE, "train": LESSONS, "dataset": "soundstage"},
    "both": {"stage": "instruct", "explain": False, "adapter": WIDE, "train": LESSONS, "dataset": BOTH},
    "warm": {"stage": "instruct", "explain": False, "train": LESSONS, "dataset": "soundstage@evidence"},
    "dated": {"reinforce": {"rewards": {"answer": 1.0}, "max_tokens": 40}, "dataset": "soundstage@twins_evidence"},
    "dated_seconds": {
        "reinforce": {"rewards": {"answer": 1.0, "seconds": 1.0}, "max_tokens": 40},
        "dataset": "soundstage@twins_evidence",
    },
}


def recipe(arm: str, world: Path, out: Path, seed: int, steps: int, start: str) -> config.LLMRecipe:
    """The recipe of an arm."""
    told = dict(ARMS[arm])
    dataset = told.pop("dataset", "soundstage@twins")
    train = {"steps": steps, "batch": 3, "asks": 2, "lr": 1e-3, "warmup": 0.05, "report_to": [], "workers": 0}
    train |= told.pop("train", {}) | {"checkpoint_every": 10_000, "prepared": str(world / "prepared")}
    own = {"group": 8, "max_tokens": 8} | told.pop("reinforce", {})
    given = {
        "llm": {"name": "tiny_omni"} | ({"where": start} if start else {}),
        "adapter": {"name": "lora", "rank": 8, "alpha": 16}, "connectors": False, "stage": "reinforce",
        "tasks": {"twins": {"dataset": dataset, "root": str(world)}}, "train": train, "reinforce": own,
        "seed": seed, "out": str(out),
    }  # fmt: skip
    return config.parse(config.LLMRecipe, given | told, arm)


def asked(model: LLMModel, examples: list[Example]) -> list[Answer]:
    """Answers, with short replies."""
    model.max_tokens = 40 if examples[0].meta.get("form") == "evidence" else 8
    return run(model, examples)


def measured(model: LLMModel, world: Path, dated: bool) -> dict[str, Any]:
    """Answers, pairs, seconds and other words on the test split."""
    plain = of_videos(datasets.load("soundstage", world, "test"), CLIPS)
    right = [a.text == e.reference.text for e, a in zip(plain, asked(model, plain), strict=True) if e.reference]
    twins = of_videos(datasets.load("soundstage@twins", world, "test"), CLIPS)
    found: dict[str, Any] = {"answers": 100 * float(np.mean(right))}
    found |= {name: one.to_json() for name, one in pairs.scores(twins, asked(model, twins)).items()}
    words = [(e, t) for e in plain[::3] for t in partial(rephrase.rephrase, count=1, seed=0)(e) if t != e.question]
    other = [Example(e.id, e.task, e.clip, text, e.reference, e.kind, e.meta) for e, text in words]
    right = [a.text == e.reference.text for e, a in zip(other, asked(model, other), strict=True) if e.reference]
    found["other_words"] = 100 * float(np.mean(right))
    if dated:
        some = of_videos(datasets.load("soundstage@evidence", world, "test"), CLIPS)[::2]
        said = asked(model, some)
        found["iou"] = 100 * float(
            np.mean([iou(a.segments, e.reference.segments) for e, a in zip(some, said, strict=True) if e.reference])
        )
        right = [a.text == e.reference.text for e, a in zip(some, said, strict=True) if e.reference]
        found["dated_answers"] = 100 * float(np.mean(right))
    return found


def main() -> None:
    """One arm."""
    given = argparse.ArgumentParser(description=__doc__)
    for name in ("world", "out"):
        given.add_argument(name, type=Path)
    given.add_argument("arm")
    given.add_argument("seed", type=int)
    given.add_argument("--start", default="")
    given.add_argument("--steps", type=int, default=30)
    told = given.parse_args()
    torch.set_num_threads(1)
    out = told.out / f"{told.arm}-{told.seed}"
    began = time.process_time()
    if told.arm == "start":
        model: Any = load(told.start or "tiny_omni")
    else:
        made = recipe(told.arm, told.world, out, told.seed, told.steps, told.start)
        loop = {"instruct": llm, "prefer": prefer, "reinforce": reinforce}[made.stage]
        model = load(loop.train(made, progress=False))
    taught = time.process_time() - began
    facts = {"arm": told.arm, "seed": told.seed, "steps": told.steps, "cpu_seconds": round(taught, 1)}
    dated = bool(told.start) or told.arm == "warm"
    print(json.dumps(facts | measured(model, told.world, dated)), flush=True)


if __name__ == "__main__":
    main()
