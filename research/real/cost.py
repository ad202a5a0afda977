"""What watching and asking cost on one core, with the network removed.

    unshare --user --map-root-user --net python -m research.real.cost DATA [--out results/real_cost.json]

CPU seconds of ten-second clips of DATA after one clip as warm-up, by whether speech was transcribed; milliseconds of a
further question; CPU seconds and peak memory of a cold `lookhear ask`, byte code cached. Refuses to run where there is
a route to a network.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch

from lookhear.model import clip_of
from lookhear.model.real import RealModel
from research.real.score import questions

COLD = ("What do you hear?", "Is there a dog?")
ASKED = 200  # further questions, of those that are written down
ROUTES = Path("/proc/net/route")


def hot(data: Path) -> dict:
    """CPU seconds of each clip of nine to eleven seconds that has both tracks; milliseconds of further questions."""
    lines = questions()
    model, costs, asked = RealModel(), {}, []
    names = sorted({line["file"] for line in lines if line["file"].endswith(".mp4")})
    for number, name in enumerate([names[0], *names]):  # the first is watched twice: it warms up
        clip = clip_of(data / name)
        model.remembered.clear()
        begun = time.process_time()
        timeline = model.timeline(clip)
        spent = time.process_time() - begun
        if number and 9 <= timeline.duration <= 11 and timeline.frames and timeline.loudness:
            costs[name] = {"seconds": round(spent, 2), "speech": bool(timeline.sentences)}
        mine = [line["question"] for line in lines if line["file"] == name][: 1 + ASKED // len(names)]
        for rank, question in enumerate(mine if number else []):
            begun = time.process_time()
            model.ask(data / name, question)
            asked += [1000 * (time.process_time() - begun)] if rank else []  # the first prepares the timeline
    groups = {flag: [c["seconds"] for c in costs.values() if c["speech"] == flag] for flag in (False, True)}
    return {
        "ten seconds without speech": {"clips": len(groups[False]), **_shape(groups[False])},
        "ten seconds with speech": {"clips": len(groups[True]), **_shape(groups[True])},
        "further question, ms": {"questions": len(asked), **_shape(asked)},
        "clips": costs,
    }


def cold(path: Path) -> dict:
    """CPU seconds and peak memory of a new process that answers two questions, best of three."""
    command = [sys.executable, "-m", "lookhear", "ask", str(path), *COLD, "--model", "real", "--json"]
    runs = []
    for _ in range(3):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed.")
        runs.append((usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    seconds, memory = zip(*runs, strict=True)
    return {"file": path.name, "seconds": round(min(seconds), 2), "MB": round(max(memory))}


def _shape(values: list[float]) -> dict:
    return {"median": round(median(values), 2), "greatest": round(max(values), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if len(ROUTES.read_text().splitlines()) > 1:
        raise SystemExit(f"{ROUTES} has routes. Run: unshare --user --map-root-user --net python -m research.real.cost")
    torch.set_num_threads(1)
    measured = {"cold ask": cold(args.data / "vas/media/dog_video_02677.mp4"), **hot(args.data)}
    measured["other processes that ran"] = round(os.getloadavg()[0] - 1, 1)
    print(json.dumps(measured, indent=1))
    if args.out:
        args.out.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
