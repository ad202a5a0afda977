"""Who listens: pair scores of trained nets, of their floors and of language models on twins, as one table.

    python -m research.twins.worlds WORLD
    python -m research.twins.listeners WORLD results/listeners.json RUN... [MODEL...]

A RUN is a run folder (its name in the table is that of the folder, or of its parent for folders of a study), MODEL any
name that `lookhear.load` knows. Asked is the test split of WORLD with all its twins; intervals are 95 %, over clips.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from lookhear import datasets, load
from lookhear.evaluate import pairs, tables
from lookhear.evaluate.run import run
from lookhear.store.features import FeatureStore

SHOWN = {"pairs": "both right", "changes": "changes", "stays": "stays", "says_muted": "says muted"}
KINDS = ("mute", "swap", "order", "hide", "hands", "move", "louder")


def name_of(model: str) -> str:
    """`gated` of runs/base/gated/0, `gated, seed 1` of runs/base/gated/1."""
    path = Path(model)
    if not path.name.isdigit():
        return path.name
    return path.parent.name + (f", seed {path.name}" if int(path.name) else "")


def measured(model: str, world: Path) -> dict[str, Any]:
    """Pair scores by name, with intervals."""
    examples = datasets.load("soundstage@twins", world, "test")
    began = time.process_time()
    answers = run(load(model, FeatureStore(world / "features", cache=True)), examples)
    scores = {name: one.to_json() for name, one in pairs.scores(examples, answers).items()}
    return {"scores": scores, "cpu_seconds": round(time.process_time() - began, 1)}


def table(found: dict[str, Any]) -> str:
    """One line a model, the best pair accuracy first."""
    lines = []
    for name, facts in sorted(found.items(), key=lambda item: -item[1]["scores"]["pairs"]["value"]):
        scores = facts["scores"]
        cells = ["{:.1f} ({:.1f} to {:.1f})".format(scores[n]["value"], *scores[n]["interval"]) for n in SHOWN]
        lines.append([name, *cells, *(f"{scores[f'pairs/{k}']['value']:.0f}" for k in KINDS)])
    return tables.lay_out(["", *SHOWN.values(), *KINDS], lines, "markdown")


def main(world: Path, out: Path, models: list[str]) -> None:
    """Models that OUT holds are not asked again."""
    torch.set_num_threads(1)
    found = json.loads(out.read_text("utf-8")) if out.is_file() else {}
    for model in models:
        if name_of(model) not in found:
            found[name_of(model)] = measured(model, world)
            out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(table(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
