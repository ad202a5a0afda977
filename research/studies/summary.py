"""What the runs of the studies add up to: one JSON and one page, from the files that `run.py` left.

An interval is over clips, redrawn with all seeds of a clip together; seeds stand beside it one by one.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.evaluate.study.transfer import best, sensitivity, transfer
from lookhear.evaluate.tables import lay_out
from lookhear.pooled import Ratio, ratio
from research.studies.lessons import BARE

KINDS = {False: "without reasons", True: "with reasons"}
METHODS = ("lora alone", "lora", "ilora", "ilora4", "ilora5", "lora_moe")
NAMES = {
    "lora alone": "LoRA, each task alone", "lora": "LoRA, all tasks", "ilora": "I-LoRA, all tasks",
    "ilora4": "I-LoRA of 4 heads", "ilora5": "I-LoRA of 5 heads", "lora_moe": "LoRA-MoE",
}  # fmt: skip
Score = dict[int, dict[str, Any]]  # seed -> what one run scored in one task


class Runs:
    """(method, explain) -> task -> seed -> score, and the files they come from."""

    def __init__(self, out: Path):
        self.floors = json.loads((out / "floors.json").read_text("utf-8"))
        self.files = [json.loads(path.read_text("utf-8")) for path in sorted(out.glob("*_*_*_*.json"))]
        self.tasks = list(self.floors["guess"])
        self.clips = {task: np.unique(ids, return_inverse=True)[1] for task, ids in self.floors["clips"].items()}
        self.scores: dict[tuple[str, bool], dict[str, Score]] = defaultdict(lambda: defaultdict(dict))
        for run in self.files:
            job = run["job"]
            alone, heads = len(job["tasks"]) == 1, job["heads"]
            method = job["method"] + (f"{heads}" if heads != 3 else "") + (" alone" if alone else "")
            for task, one in run["tasks"].items():
                self.scores[method, job["explain"]][task][job["seed"]] = one
        without, reasoned = (self.scores.get(("lora alone", explain), {}) for explain in (False, True))
        for task in (set(BARE) & set(without)) - set(reasoned) if reasoned else ():
            reasoned[task] = without[task]  # what has no reasons is learned alone only once

    def whole(self, method: str, explain: bool) -> dict[str, Score]:
        """Task -> score of each seed, where every task was run."""
        found = self.scores.get((method, explain), {})
        return {task: found[task] for task in self.tasks} if set(found) == set(self.tasks) else {}

    def pooled(self, task: str, scores: Sequence[Mapping[str, Any]]) -> tuple[Ratio, np.ndarray]:
        """The task's metric over the examples of all `scores`, and the clip of each."""
        rows = np.concatenate([np.array(one["rows"]) for one in scores])
        return ratio(rows[:, 0], rows[:, 1]), np.tile(self.clips[task], len(scores))


def cell(runs: Runs, task: str, score: Score) -> dict[str, Any]:
    """Mean over seeds with its interval over clips, each seed, and how many replies could not be read."""
    metric, clips = runs.pooled(task, list(score.values()))
    (interval,) = statistics.intervals([metric], clips)
    spread = statistics.spread([one["main"]["value"] for one in score.values()])
    return {
        "mean": _plain(metric.total),
        "interval": [_plain(edge) for edge in interval],
        "seeds": {str(seed): round(one["main"]["value"], 2) for seed, one in sorted(score.items())},
        "deviation": _plain(spread["deviation"]),
        "unread": _plain(float(np.mean([one["metrics"]["unread"]["value"] for one in score.values()]))),
    }


def change(runs: Runs, before: Mapping[str, Score], after: Mapping[str, Score]) -> dict[str, Any] | None:
    """What `after` gains over `before`, on the seeds that both have of every task."""
    seeds = sorted(set.intersection(*(set(side[task]) for side in (before, after) for task in runs.tasks)))
    if not seeds:
        return None
    values = [{t: [side[t][s]["main"]["value"] for s in seeds] for t in runs.tasks} for side in (before, after)]
    intervals = {}
    for task in runs.tasks:
        (theirs, clips), (ours, _) = (runs.pooled(task, [side[task][s] for s in seeds]) for side in (before, after))
        intervals[task] = statistics.paired(ours, theirs, clips)[0]
    return transfer(*values, intervals).to_json() | {"seeds": len(seeds)}


def summary(out: Path) -> dict[str, Any]:
    """Everything as plain values."""
    runs = Runs(out)
    floors, tasks = runs.floors, runs.tasks
    floor = {name: {task: {0: floors[name][task]} for task in tasks} for name in ("guess", "base") if name in floors}
    found: dict[str, Any] = {name: {t: cell(runs, t, one[t]) for t in tasks} for name, one in floor.items()}
    found |= {"scores": {}, "against": {}, "best": {}}
    for explain, kind in KINDS.items():
        for method in METHODS:
            if scores := runs.scores.get((method, explain)):
                some = {t: cell(runs, t, scores[t]) for t in tasks if t in scores}
                found["scores"][f"{NAMES[method]}, {kind}"] = some
        alone = runs.whole("lora alone", explain)
        for method in ("lora", "ilora"):
            together = runs.whole(method, explain)
            if alone and together:
                found["against"][f"{NAMES[method]}, against alone, {kind}"] = change(runs, alone, together)
        lora, ilora = (runs.whole(method, explain) for method in ("lora", "ilora"))
        if lora and ilora:
            found["against"][f"I-LoRA against LoRA, all tasks, {kind}"] = change(runs, lora, ilora)
        whole = {m: runs.whole(m, explain) for m in METHODS[:3] if runs.whole(m, explain)}
        if len(whole) > 1:
            means = {m: {t: [one["main"]["value"] for one in s[t].values()] for t in tasks} for m, s in whole.items()}
            found["best"][kind] = {NAMES[m]: round(share, 1) for m, share in best(means).items()}
    for method in METHODS[:3]:
        sides = [runs.whole(method, explain) for explain in (False, True)]
        if all(sides):
            found["against"][f"{NAMES[method]}, with reasons against without"] = change(runs, *sides)
    found["against"] = {name: one for name, one in found["against"].items() if one}
    found |= heads(runs) | looked(runs)
    found["cost"] = {_name(r): {k: r[k] for k in ("steps", "seconds", "loss", "trained")} for r in runs.files}
    return found


def heads(runs: Runs) -> dict[str, Any]:
    """Other numbers of heads, and experts, against three heads with the same seed (Crab+ figure 11)."""
    first = {m: runs.whole(m, False) for m in ("ilora", "ilora4", "ilora5", "lora_moe") if runs.whole(m, False)}
    if len(first) < 2 or "ilora" not in first:
        return {}
    (seed,) = {s for m, one in first.items() if m != "ilora" for score in one.values() for s in score}
    values = {m: {t: score[seed]["main"]["value"] for t, score in one.items()} for m, one in first.items()}
    found = {}
    for other in (m for m in values if m != "ilora"):
        gaps, mean = sensitivity(values["ilora"], values[other])
        found[other] = {"difference": {t: round(g, 2) for t, g in gaps.items()}, "mean": round(mean, 2)}
    return {"heads": found}


def looked(runs: Runs) -> dict[str, Any]:
    """Routers, and scores with a head dropped."""
    found: dict[str, Any] = {"routers": {}, "dropped": {}}
    for run in runs.files:
        kind = KINDS[run["job"]["explain"]]
        if "routers" in run:
            found["routers"][kind] = run["routers"]
        if run.get("dropped"):
            found["dropped"][kind] = {
                which: {t: one["main"]["value"] for t, one in some.items()}
                for which, some in {"no head": run["tasks"], **run["dropped"]}.items()
            }
    return found


def tables(found: Mapping[str, Any]) -> str:
    """Scores, comparisons and head drop as Markdown."""
    tasks = list(found["guess"])
    rows = [
        [name, *(_cell(found[key][t]) for t in tasks)]
        for name, key in (("guessing", "guess"), ("the base as it is", "base"))
        if key in found
    ]
    rows += [[row, *(_cell(scores.get(t)) for t in tasks)] for row, scores in found["scores"].items()]
    parts = [lay_out(["", *tasks], rows, "markdown")]
    head = ["", *tasks, "seeds", "gain", "lose", "net", "clear gains", "clear losses"]
    lines = [
        [
            name,
            *(_gap(t["tasks"][task]) for task in tasks),
            str(t["seeds"]),
            f"{t['gained']:.0f} %",
            f"{t['lost']:.0f} %",
            f"{t['net']:+.0f}",
            str(t["clear_gains"]),
            str(t["clear_losses"]),
        ]
        for name, t in found["against"].items()
    ]
    parts.append(lay_out(head, lines, "markdown"))
    for kind, dropped in found["dropped"].items():
        lines = [[which, *(f"{some[t]:.1f}" for t in tasks)] for which, some in dropped.items()]
        parts.append(f"Head dropped, {kind}:\n\n" + lay_out(["", *tasks], lines, "markdown"))
    return "\n\n".join(parts)


def write(out: Path) -> None:
    """summary.json and tables.md in `out`."""
    found = summary(out)
    (out / "summary.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (out / "tables.md").write_text(tables(found) + "\n", "utf-8")
    print(tables(found))


def _cell(one: Mapping[str, Any] | None) -> str:
    if not one:
        return "-"
    low, high = one["interval"]
    return f"{one['mean']:.1f} ({low:.0f} to {high:.0f})"


def _gap(change: Mapping[str, Any]) -> str:
    low, high = change["interval"]
    return f"{change['difference']:+.1f}" + ("" if low <= 0 <= high else " *")


def _name(run: Mapping[str, Any]) -> str:
    job = run["job"]
    which = job["tasks"][0] if len(job["tasks"]) == 1 else "all"
    return " ".join((job["method"], str(job["heads"]), which, KINDS[job["explain"]], str(job["seed"])))


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 2)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
