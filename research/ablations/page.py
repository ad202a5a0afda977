"""Ablation tables beside the published ones: writes results/ablations.json and the tables of docs/results/ablations.md.

python -m research.ablations.page runs/av_master_parts runs/av_master_losses
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lookhear.evaluate import tables

HERE = Path(__file__).resolve().parents[2]
GROUPS = ("Audio", "Visual", "Audio-Visual", "Overall")
PUBLISHED = {  # table -> row -> accuracy on MUSIC-AVQA of audio, visual, audio-visual and all questions
    "av_master_parts": {
        "AV-Master": (79.95, 86.58, 74.22, 78.51),
        "without all": (73.37, 79.23, 69.82, 72.94),
        "without AVFC": (79.83, 85.55, 74.04, 78.11),
        "without DPCL": (78.83, 85.71, 73.78, 77.84),
        "without GPAP": (77.90, 85.05, 73.10, 77.12),
        "without TDPP": (78.77, 83.73, 72.94, 76.83),
    },
    "av_master_losses": {
        "qa + c + a + v": (79.95, 86.58, 74.22, 78.51),
        "qa": (77.84, 84.31, 71.11, 75.80),
        "qa + c": (78.15, 84.43, 70.76, 75.69),
        "qa + c + a": (79.83, 82.74, 72.49, 76.50),
        "qa + c + v": (78.83, 86.33, 72.63, 77.36),
        "qa + a + v": (78.83, 85.71, 73.78, 77.84),
    },
}


def table(rows: dict[str, Any], published: dict[str, tuple[float, ...]]) -> str:
    """A line a row: ours by group with the interval over all, what is lost with its interval, and the paper's two."""
    whole = published[next(iter(published))][-1]
    head = ["", *(g if g != "Overall" else "All" for g in GROUPS), "95 % interval", "seeds", "less the first", "95 %"]
    head += ["Holm p", "published", "less the first"]
    lines = []
    for name in (n for n in published if n in rows):
        cells, seeds = rows[name]["columns"], rows[name]["seeds"]
        over = cells["Overall"]
        line = [name, *(f"{cells[g]['accuracy']:.1f}" for g in GROUPS), "{:.1f} to {:.1f}".format(*over["interval"])]
        lost = ["", "", ""]
        if "difference" in over:
            gap = f"{over['difference']:+.1f}"
            gap = tables.bold(gap, "markdown") if over["holm"] < 0.05 else gap
            lost = [gap, "{:+.1f} to {:+.1f}".format(*over["difference_interval"]), f"{over['holm']:.2g}"]
        theirs = published[name][-1]
        line += [" ".join(f"{s:.1f}" for s in seeds), *lost, f"{theirs:.2f}"]
        lines.append([*line, f"{theirs - whole:+.2f}" if theirs != whole or "difference" in over else ""])
    return tables.lay_out(head, lines, "markdown")


def main() -> None:
    found = {}
    for folder in map(Path, sys.argv[1:]):
        facts = json.loads((folder / "study.json").read_text("utf-8"))["splits"]["test"]
        for row in facts["rows"].values():  # templates are left out: groups and types remain
            row["columns"] = {
                n: c for n, c in row["columns"].items() if n in GROUPS or (n.count("/") == 1 and "?" not in n)
            }
        found[folder.name] = facts
        print(f"\n{folder.name}: {facts['questions']} questions about {facts['videos']} clips\n")
        print(table(facts["rows"], PUBLISHED[folder.name]))
    kept = {"published": "AV-Master, tables VII and VIII, on MUSIC-AVQA", "tables": found}
    path = HERE / "results" / "ablations.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**known, **kept}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
