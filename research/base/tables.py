"""The tables of docs/results/soundstage.md: every template with its floors, from a study and the world's card.

python -m research.base.tables runs/nets/study.json runs/nets/study.json world/card.json test "AV-Master released"

The second study is the one whose floors are shown: that of nets.yaml, or of floors.yaml, whose nets learn for longer.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lookhear.evaluate import tables
from lookhear.soundstage.questions.programs import TEMPLATES

FLOORS = ("question only", "audio only", "video only", "pooled MLP")


def by_template(nets: dict[str, Any], floors: dict[str, Any], card: dict[str, Any], shown: list[str]) -> str:
    """One line a template: questions, chance, set guess, trained floors, nets; with the half-width of the interval."""
    head = ["", "asked", "chance", "who is there", *FLOORS, *shown]
    lines = []
    for template in sorted(card, key=lambda t: list(TEMPLATES).index(t)):
        facts = card[template]
        scores = [floors[name]["columns"][template] for name in FLOORS if name in floors]
        scores += [nets[name]["columns"][template] for name in shown]
        fixed = [str(facts["questions"]), f"{facts['chance']:.1f}", f"{facts['set_guess']:.1f}"]
        lines.append([template.strip().replace("？", "?"), *fixed, *map(cell, scores)])
    return tables.lay_out([h for h in head if h not in FLOORS or h in floors], lines, "markdown")


def cell(score: dict[str, Any]) -> str:
    """Accuracy and half the width of its 95 % interval."""
    low, high = score["interval"]
    return f"{score['accuracy']:.1f} ± {(high - low) / 2:.1f}"


def main() -> None:
    study, floors, world, split, *shown = sys.argv[1:]
    nets, ground = (json.loads(Path(p).read_text("utf-8"))["splits"][split]["rows"] for p in (study, floors))
    card = json.loads(Path(world).read_text("utf-8"))["splits"][split]["templates"]
    print(by_template(nets, ground, card, shown))


if __name__ == "__main__":
    main()
