"""What tiny_omni knows, beside what guessing knows: Soundstage questions by type, and how it learned, drawn.

Run:   python -m research.tiny_omni.score MODEL WORLD FOLDER [--clips N]     FOLDER is the one `make.py` worked in
Cost:  about half a second a clip
Gives: results/tiny_omni.json, docs/images/tiny_omni.png, and the table on standard output
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from lookhear import datasets, model
from lookhear.evaluate import floors
from lookhear.evaluate.report import Report, report
from lookhear.evaluate.run import run
from lookhear.llms.omni import thinker
from research.tiny_omni.steps import SHARES

HERE = Path(__file__).parents[2]
thinker.TOGETHER = 128  # the model is small: more questions at a time


def lines(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a log."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.startswith("{")]


def logs(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Course -> its lines, as far as FOLDER has them; of steps done twice the later."""
    names = {"eyes": "vision.log", "eyes again": "vision2.log", "ears": "audio.log", "ears again": "audio2.log"}
    names |= {"ears once more": "audio3.log"}
    found = {name: lines(folder / file) for name, file in names.items() if (folder / file).is_file()}
    found["language"] = list({line["step"]: line for line in lines(folder / "language.jsonl")}.values())
    return found


DRAWN = {  # panel -> the losses that it shows
    "eyes": ("owner", "within", "rank", "box", "count"),
    "ears": ("present", "onset", "level", "rate", "number"),
    "language": tuple(SHARES),
}


def drawn(courses: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Losses by step, a panel for each tower that has a log and for the language model, with what it gets right."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    parts = {name: [courses.get(f"{name}{more}", []) for more in ("", " again", " once more")] for name in DRAWN}
    parts = {name: list(filter(None, some)) for name, some in parts.items() if any(some)}
    figure, panels = pyplot.subplots(1, len(parts), figsize=(4.5 * len(parts), 3.6), constrained_layout=True)
    for panel, (name, some) in zip(panels, parts.items(), strict=True):
        for number, key in enumerate(DRAWN[name]):
            before = 0
            for part in some:
                steps = [before + line["step"] for line in part if key in line]
                losses = [line[key] for line in part if key in line]
                panel.plot(steps, losses, color=f"C{number}", label=key if part is some[0] else None)
                before += part[-1]["step"]
        panel.set(title=name, xlabel="step", yscale="log")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("weighted loss")
    other = panels[-1].twinx()
    checked = [line for line in courses["language"] if "val" in line]
    steps = [line["step"] for line in checked]
    other.plot(steps, [line["val"]["all"] for line in checked], "k.--", label="held-out questions, % right")
    other.plot(steps, [line["never taught"] for line in checked], "k.:", label="in sentences never taught")
    other.set(ylim=(0, 100), ylabel="% right")
    for panel in panels[:-1]:
        panel.legend(fontsize=8)
    handles = [pair for axis in (panels[-1], other) for pair in zip(*axis.get_legend_handles_labels(), strict=True)]
    panels[-1].legend(*zip(*handles, strict=True), fontsize=7, loc="upper right")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Ask, score, draw, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("model")
    options.add_argument("world", type=Path)
    options.add_argument("folder", type=Path)
    options.add_argument("--clips", type=int, default=1000)
    given = options.parse_args()
    torch.set_num_threads(1)
    train, test = (datasets.load("soundstage", given.world, split) for split in ("train", "test"))
    some = set(list(dict.fromkeys(e.clip for e in test))[: given.clips])
    asked = [e for e in test if e.clip in some]
    start = time.perf_counter()
    answers = run(model.load(given.model), asked, progress=lambda done, all_: print(f"{done}/{all_}", flush=True))
    took = time.perf_counter() - start
    sides = {"tiny_omni": report(asked, answers), "question_only": report(asked, floors.most_frequent(train, asked))}
    print(*(f"{name}\n{one.table('markdown')}\n" for name, one in sides.items()), sep="\n")
    courses = logs(given.folder)
    drawn(courses, HERE / "docs" / "images" / "tiny_omni.png")
    (HERE / "results" / "tiny_omni.json").write_text(json.dumps(told(sides, courses, len(some), took), indent=1) + "\n")


def told(sides: dict[str, Report], courses: dict[str, Any], clips: int, seconds: float) -> dict[str, Any]:
    """Everything that is published."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE, check=True
    )
    held = {name: some[-1]["held"] for name, some in courses.items() if some and "held" in some[-1]}
    return {
        "what": f"tiny_omni on Soundstage base, test: {clips} clips",
        "recipe": "research/tiny_omni/make.py",
        "command": "python -m research.tiny_omni.score MODEL WORLD FOLDER",
        "commit": commit.stdout.strip(),
        "machine": f"2 cores ({platform.machine()}), torch {torch.__version__}; other work ran beside it",
        "published": None,
        **{name: {k: v for k, v in one.to_json().items() if k != "metrics"} for name, one in sides.items()},
        "towers": held,
        "language": [{k: v for k, v in line.items() if k != "val"} for line in courses["language"]][-1],
        "val": {line["step"]: line["val"]["all"] for line in courses["language"] if "val" in line},
        "seconds": round(seconds),
    }


if __name__ == "__main__":
    main()
