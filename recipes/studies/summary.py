"""What the runs of the studies add up to: one JSON and one page, from the files that `run.py` left."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.evaluate import statistics
from lookhear.evaluate.tables import lay_out
from lookhear.evaluate.transfer import best, sensitivity, transfer

ROWS = {"lora alone": "LoRA, each task alone", "lora": "LoRA, all tasks", "ilora": "I-LoRA, all tasks"}
KINDS = {True: "with reasons", False: "without reasons"}


def gathered(out: Path) -> dict[str, Any]:
    """(method, explain) -> task -> score of each seed, and what else the runs hold."""
    floors = json.loads((out / "floors.json").read_text("utf-8"))
    runs = [json.loads(path.read_text("utf-8")) for path in sorted(out.glob("*_*_*_*.json"))]
    main: dict[tuple[str, bool], dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    unread: dict[tuple[str, bool], list[float]] = defaultdict(list)
    for run in runs:
        job = run["job"]
        method = job["method"] + (f"{job['heads']}" if job["heads"] != 3 else "")
        method += " alone" if len(job["tasks"]) == 1 else ""
        for task, one in run["tasks"].items():
            main[method, job["explain"]][task][job["seed"]] = one["main"]["value"]
            unread[method, job["explain"]].append(one["metrics"]["unread"]["value"])
    return {"floors": floors, "runs": runs, "main": main, "unread": unread}


def summary(out: Path) -> dict[str, Any]:
    """Everything as plain values."""
    told = gathered(out)
    floors, main = told["floors"], told["main"]
    tasks = list(floors["guess"])
    found: dict[str, Any] = {
        "guess": {t: floors["guess"][t]["main"] for t in tasks},
        "base": {t: floors["base"][t]["main"] for t in tasks},
        "scores": {},
        "transfer": {},
        "best": {},
    }
    for (method, explain), scores in sorted(main.items()):
        found["scores"][f"{method}, {KINDS[explain]}"] = {
            task: {
                "seeds": {str(s): round(v, 3) for s, v in sorted(some.items())},
                **{k: _plain(v) for k, v in statistics.spread(list(some.values())).items()},
            }
            for task, some in scores.items()
        } | {"unread": _plain(float(np.mean(told["unread"][method, explain])))}
    for explain, kind in KINDS.items():
        alone = main.get(("lora alone", explain), {})
        for method in ("lora", "ilora"):
            together = main.get((method, explain), {})
            seeds = [s for s in range(99) if all(s in alone.get(t, {}) and s in together.get(t, {}) for t in tasks)]
            if seeds:
                sides = ({t: [side[t][s] for s in seeds] for t in tasks} for side in (alone, together))
                found["transfer"][f"{method}, {kind}"] = transfer(*sides).to_json() | {"seeds": len(seeds)}
        methods = {
            m: main[m, explain]
            for m in ("lora alone", "lora", "ilora")
            if len(main.get((m, explain), {})) == len(tasks)
        }
        if len(methods) > 1:
            found["best"][kind] = best({m: {t: list(s[t].values()) for t in tasks} for m, s in methods.items()})
    first = {
        m: {t: next(iter(v.values())) for t, v in main[m, True].items()}
        for m in ("ilora", "ilora4", "ilora5", "lora_moe", "lora")
        if main.get((m, True))
    }
    if "ilora" in first:
        found["heads"] = {}
        for other in (m for m in first if m != "ilora"):
            gaps, mean = sensitivity(first["ilora"], first[other])
            found["heads"][other] = {"difference": {t: round(g, 3) for t, g in gaps.items()}, "mean": round(mean, 3)}
    for run in told["runs"]:
        if "routers" in run:
            kind = KINDS[run["job"]["explain"]]
            found.setdefault("routers", {})[kind] = run["routers"]
            if run["dropped"]:
                found.setdefault("dropped", {})[kind] = {
                    which: {t: one["main"]["value"] for t, one in some.items()}
                    for which, some in {"no head": run["tasks"], **run["dropped"]}.items()
                }
    found["cost"] = {
        r["job"]["method"] + " " + ("alone" if len(r["job"]["tasks"]) == 1 else "all"): r["seconds"]
        for r in told["runs"]
    }
    found["trained"] = {f"{r['job']['method']} {r['job']['heads']}": r["trained"] for r in told["runs"]}
    found["runs"] = {
        "_".join(
            map(
                str,
                (
                    r["job"]["method"],
                    r["job"]["heads"],
                    "+".join(r["job"]["tasks"]),
                    r["job"]["explain"],
                    r["job"]["seed"],
                ),
            )
        ): {task: {**one["main"], "unread": one["metrics"]["unread"]["value"]} for task, one in r["tasks"].items()}
        for r in told["runs"]
    }
    return found


def tables(found: Mapping[str, Any]) -> str:
    """Scores, head drop and transfer as Markdown."""
    tasks = list(found["guess"])
    head = ["", *tasks]
    rows = [
        [name, *(f"{found[key][t]['value']:.1f}" for t in tasks)]
        for name, key in (("guessing", "guess"), ("the base as it is", "base"))
    ]
    for row, scores in found["scores"].items():
        rows.append([row, *(_cell(scores.get(t)) for t in tasks)])
    parts = [lay_out(head, rows, "markdown")]
    for kind, dropped in found.get("dropped", {}).items():
        lines = [[which, *(f"{some[t]:.1f}" for t in tasks)] for which, some in dropped.items()]
        parts.append(f"Head dropped, {kind}:\n\n" + lay_out(head, lines, "markdown"))
    lines = [
        [
            name,
            str(t["seeds"]),
            f"{t['gained']:.0f} %",
            f"{t['lost']:.0f} %",
            f"{t['net']:+.0f}",
            str(t["clear_gains"]),
            str(t["clear_losses"]),
        ]
        for name, t in found["transfer"].items()
    ]
    parts.append(
        lay_out(
            ["together against alone", "seeds", "gain", "lose", "net", "clear gains", "clear losses"], lines, "markdown"
        )
    )
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
    if one["runs"] < 3:  # an interval over two seeds says nothing
        return ", ".join(f"{value:.1f}" for value in one["seeds"].values())
    return f"{one['mean']:.1f} ± {one['high'] - one['mean']:.1f}"


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
