"""How tiny_omni does at every task with the prompts of `lookhear.tasks`, and at questions in other words.

Run:   python -m research.tiny_omni.asks MODEL WORLD [--examples N] [--clips N] [--out FILE]
Gives: a line of JSON: task -> its metric and the share of replies that cannot be read; wording -> questions right.
       With --out it is put into FILE (results/tiny_omni.json) as `tasks` and `wordings`.
Cost:  about three CPU-minutes with 100 examples a task and 40 clips
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch

from lookhear import datasets
from lookhear.curate.robust.rephrase import rephrase
from lookhear.evaluate import report as reports
from lookhear.evaluate.run import run
from lookhear.llms.omni import thinker
from lookhear.model import LLMModel, load
from lookhear.types import Example
from research.studies.lessons import first
from research.tiny_omni import wordings

TASKS = {  # version of soundstage -> the metrics that stand for it, and the longest reply in tokens
    "": (("accuracy",), 12),
    "action": (("accuracy",), 16),
    "emotion": (("accuracy", "war"), 16),
    "matching": (("accuracy",), 12),
    "event": (("accuracy",), 40),
    "parsing": (("segment/type", "segment/audio-visual"), 160),
    "referring": (("iou", "J"), 110),
    "grounding": (("iou",), 60),
    "s4": (("iou", "J"), 110),
    "ms3": (("iou", "J"), 110),
    "avss": (("iou", "J"), 260),
    "caption": (("rouge_l",), 90),
}
thinker.TOGETHER = 128  # the model is small: more questions at a time


def of_tasks(model: LLMModel, root: Path, count: int) -> dict[str, Any]:
    """Task -> its metrics and the share of replies that cannot be read, in percent."""
    found: dict[str, Any] = {}
    for version, (wanted, longest) in TASKS.items():
        some = first(datasets.load("soundstage" + f"@{version}" * bool(version), root, "test"), 1)[:count]
        model.max_tokens = longest
        answers = run(model, some)
        (metrics,) = reports.report(some, answers).metrics.values()
        told = {name: metrics[name].to_json() for name in (*wanted, "unread") if name in metrics}
        found[version or "question"] = told | {"examples": len(some), "reply": answers[0].raw}
        print(version or "question", {k: v["value"] for k, v in told.items()}, answers[0].raw, flush=True)
    return found


WORDINGS: dict[str, Callable[[Random, Example], Example | None]] = {
    "as written": lambda _, e: e,
    "the first of seed 0": lambda _, e: replace(e, question=rephrase(e, count=1, seed=0)[0]),
    "taught": wordings.reworded,
    "patterns never taught": wordings.of_held_patterns,
    "openings never taught": wordings.after_held_openings,
}


def of_wordings(model: LLMModel, root: Path, clips: int) -> dict[str, Any]:
    """Wording -> questions right in percent; beside those of one template in three, the same questions as written."""
    every = datasets.load("soundstage", root, "test")
    names = set(list(dict.fromkeys(e.clip.id for e in every))[:clips])
    some, model.max_tokens, found = [e for e in every if e.clip.id in names], 12, {}
    for name, reword in WORDINGS.items():
        pairs = [(e, other) for e in some if (other := reword(Random(e.id), e))]
        found[name] = _right(model, [other for _, other in pairs])
        if len(pairs) < len(some):
            found[f"{name}, as written"] = _right(model, [e for e, _ in pairs])
    return found


def _right(model: LLMModel, some: Sequence[Example]) -> dict[str, Any]:
    told = reports.report(some, run(model, some)).overall.to_json()
    print(told, flush=True)
    return told


def main() -> None:
    """Ask, and write what came of it."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("model")
    options.add_argument("world", type=Path)
    options.add_argument("--examples", type=int, default=100, help="of each task")
    options.add_argument("--clips", type=int, default=40, help="whose questions are asked in other words")
    options.add_argument("--out", type=Path, help="results/tiny_omni.json")
    given = options.parse_args()
    torch.set_num_threads(1)
    model: Any = load(given.model)
    told: dict[str, Any] = {"wordings": of_wordings(model, given.world, given.clips)} if given.clips else {}
    told |= {"tasks": of_tasks(model, given.world, given.examples)} if given.examples else {}
    print(json.dumps(told))
    if given.out:
        given.out.write_text(json.dumps(json.loads(given.out.read_text()) | told, indent=1) + "\n")


if __name__ == "__main__":
    main()
