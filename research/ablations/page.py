"""Ablation tables beside the published ones: writes results/ablations.json and prints the tables of
docs/results/ablations.md.

    python -m research.ablations.page runs/av_master_parts runs/av_master_losses ...

A folder has the name of its study (`lookhear list recipes`: `ablations/...`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lookhear.evaluate import tables
from lookhear.evaluate.literature.published import numbers

HERE = Path(__file__).resolve().parents[2]
GROUPS = ("Audio", "Visual", "Audio-Visual", "Overall")
PUBLISHED = {  # study -> the paper's table, and row -> its setting there; "-" for a row that the table lacks
    "av_master_parts": ("AV-Master Table VII", {"AV-Master": "", "without all": "without ALL"}
        | {f"without {part}": f"without {part}" for part in ("AVFC", "DPCL", "GPAP", "TDPP")}),
    "av_master_losses": ("AV-Master Table VIII", {
        "qa + c + a + v": "losses: qa + c + a preference + v preference", "qa": "losses: qa",
        "qa + c": "losses: qa + c",
        "qa + c + a": "losses: qa + c + a preference", "qa + c + v": "losses: qa + c + v preference",
        "qa + a + v": "losses: qa + a preference + v preference"}),
    "av_master_templates": ("AV-Master Table IX", {n: f"template length {n}" for n in ("8", "16", "12", "4", "2")}),
    "av_master_sharing": ("AV-Master Table X", {"attention": "shared: attention", "nothing": "shared: nothing",
        "bias": "shared: bias", "both": "shared: attention and bias"}),
    "av_master_preferences": ("AV-Master Table XII", {"AV-Master": ""}
        | {f"without {one}": f"without {one}" for one in ("APE", "VPE", "AVPE")}),
    "av_master_enhancing": ("AV-Master Table XIII",
        {one: f"preferences joined by {one}" for one in ("ADD", "W-ADD", "MUL")}),
    "av_master_focus": ("", dict.fromkeys(("AV-Master", *(f"after {k} s" for k in range(1, 10))), "-")),
    "mccd_terms": ("MCCD Table 3", {"MCCD": "", "without d of question": "without the question distance",
        "without d of visual": "without the video distance", "without d of audio": "without the audio distance",
        "without MD": "without multifaceted debiasing", "without CG": "without cycle guidance",
        "cross-entropy alone": "-"}),
}  # fmt: skip


def published(study: str) -> dict[str, float | None]:
    """Row -> the paper's average on MUSIC-AVQA; None where the paper prints none."""
    source, settings = PUBLISHED[study]
    known = {
        n.variant: n.value
        for n in numbers()
        if (n.source, n.dataset, n.split, n.type) == (source, "music_avqa", "test", "Overall")
    }
    return {row: None if setting == "-" else known[setting] for row, setting in settings.items()}


def table(rows: dict[str, Any], theirs: dict[str, float | None]) -> str:
    """A line a row: ours by group with the interval over all, what is lost with its interval, and the paper's two."""
    whole = next(iter(theirs.values()))
    head = ["", *(g if g != "Overall" else "All" for g in GROUPS), "95 % interval", "less the first", "95 %"]
    head += ["Holm p", "by seed", "published", "less the first"] if whole is not None else ["Holm p", "by seed"]
    lines, first = [], rows[next(iter(theirs))]["seeds"]
    for name in (n for n in theirs if n in rows):
        cells, seeds = rows[name]["columns"], rows[name]["seeds"]
        over = cells["Overall"]
        line = [name, *(f"{cells[g]['accuracy']:.1f}" for g in GROUPS), "{:.1f} to {:.1f}".format(*over["interval"])]
        lost = ["", "", "", ""]
        if "difference" in over:
            gap = f"{over['difference']:+.1f}"
            gap = tables.bold(gap, "markdown") if over["holm"] < 0.05 else gap
            by_seed = " ".join(f"{a - b:+.1f}" for a, b in zip(seeds, first, strict=True))
            lost = [gap, "{:+.1f} to {:+.1f}".format(*over["difference_interval"]), f"{over['holm']:.2g}", by_seed]
        line += lost
        if whole is not None:
            value = theirs[name]
            line += [
                "" if value is None else f"{value:.2f}",
                f"{value - whole:+.2f}" if value is not None and "difference" in over else "",
            ]
        lines.append(line)
    return tables.lay_out(head, lines, "markdown")


def main() -> None:
    """The tables of the studies named on the command line."""
    path = HERE / "results" / "ablations.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    found = known.get("tables", {})
    for folder in map(Path, sys.argv[1:]):
        facts = json.loads((folder / "study.json").read_text("utf-8"))["splits"]["test"]
        for row in facts["rows"].values():  # templates are left out: groups and types remain
            row["columns"] = {
                n: c for n, c in row["columns"].items() if n in GROUPS or (n.count("/") == 1 and "?" not in n)
            }
        found[folder.name] = facts
        print(f"\n## {folder.name}: {facts['questions']} questions about {facts['videos']} clips\n")
        print(table(facts["rows"], published(folder.name)))
    kept = {"published": "AV-Master and MCCD, averages on MUSIC-AVQA", "tables": found}
    path.write_text(json.dumps({**known, **kept}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
