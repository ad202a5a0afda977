"""Order questions: the six templates with first, last, ordinal, before or after, from the study `studies/order`.

    lookhear study studies/order data.root=world study.beyond.0.root=third --out runs/order
    python -m research.base.order world third runs/order/study.json results/order.json

For each split: the mean over seeds with a 95 % interval over videos, the difference to the first row with its interval
and p, and the floor "who is there" (a random guess among the players that are seen and heard).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import datasets, statistics
from lookhear.evaluate import tables
from lookhear.evaluate.floors import template_of
from lookhear.evaluate.report import clusters_of
from lookhear.evaluate.study.rows import digest, unpack
from lookhear.soundstage.questions.templates import ORDER

BEYOND = "soundstage diagnostic"  # name of the third split in the study
ALL = "order"  # column of all six templates


def measured(facts: Mapping[str, Any], root: Path, split: str) -> dict[str, Any]:
    """Row -> column (`order`, then each template) -> accuracy, interval and difference to the first row; the floor."""
    whole = datasets.load("soundstage", root, split)
    if facts["digest"] != digest(whole):
        raise SystemExit(f"The study was asked other questions than those of {split!r} in {str(root)!r}.")
    templates = np.array([template_of(e) for e in whole])
    inside = np.isin(templates, sorted(ORDER))
    names = [ALL, *sorted(set(templates[inside]))]
    columns = np.stack([np.ones(int(inside.sum()), bool), *(templates[inside] == t for t in names[1:])], axis=1)
    clusters = clusters_of([e for e, i in zip(whole, inside, strict=True) if i])
    card = json.loads((root / "card.json").read_text("utf-8"))["splits"][split]["templates"]
    asked = {t: int(columns[:, i].sum()) for i, t in enumerate(names)}
    guess = {t: card[t]["set_guess"] for t in names[1:]}
    guess[ALL] = round(sum(asked[t] * guess[t] for t in names[1:]) / asked[ALL], 2)
    found: dict[str, Any] = {}
    first: np.ndarray | None = None
    for row, seeds in facts["right"].items():
        bits = np.stack([unpack(text, len(whole))[inside] for text in seeds])
        mean = bits[0] if len(bits) == 1 else bits.mean(0)
        edges = 100 * statistics.bootstrap(mean, clusters, columns)
        found[row] = {
            name: {
                "accuracy": round(100 * float(mean[columns[:, i]].mean()), 2),
                "interval": edges[i].round(2).tolist(),
            }
            for i, name in enumerate(names)
        }
        found[row][ALL]["seeds"] = [round(100 * float(one.mean()), 2) for one in bits]
        if first is None:
            first = bits.mean(0)
            continue
        gap = bits.mean(0) - first
        edges = 100 * statistics.bootstrap(gap, clusters, columns)
        tests = statistics.permutation(gap, np.zeros_like(gap), clusters, columns)
        for i, (name, p) in enumerate(zip(names, [tests[0], *statistics.holm(tests[1:].tolist())], strict=True)):
            found[row][name] |= {
                "difference": round(100 * float(gap[columns[:, i]].mean()), 2),
                "difference_interval": edges[i].round(2).tolist(),
                "p": float(f"{p:.2g}"),
            }
    return {"asked": asked, "who is there": guess, "rows": found}


def table(facts: Mapping[str, Any]) -> str:
    """One line a template, the six together first: questions, floor, and each row; the difference of the second row."""
    rows = facts["rows"]
    tested = next((r for r in rows.values() if "difference" in r[ALL]), None)
    lines = []
    for name, asked in facts["asked"].items():
        cells = ["{:.1f} ({:.1f} to {:.1f})".format(r[name]["accuracy"], *r[name]["interval"]) for r in rows.values()]
        gap = tested[name] if tested else None
        told = (
            "{:+.1f} ({:+.1f} to {:+.1f}), p {:.2g}".format(gap["difference"], *gap["difference_interval"], gap["p"])
            if gap
            else ""
        )
        lines.append([name, str(asked), f"{facts['who is there'][name]:.1f}", *cells, told])
    return tables.lay_out(["", "asked", "who is there", *rows, "second less first"], lines, "markdown")


def main(arguments: Sequence[str]) -> None:
    world, third, study, out = map(Path, arguments)
    found = json.loads(out.read_text("utf-8")) if out.is_file() else {}
    for split, facts in json.loads(study.read_text("utf-8"))["splits"].items():
        root, own = (third, "diagnostic") if split == BEYOND else (world, split)
        found["third" if split == BEYOND else split] = measured(facts, root, own)
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    for split in found:
        if isinstance(found[split], dict) and "rows" in found[split]:
            print(f"{split}\n\n{table(found[split])}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
