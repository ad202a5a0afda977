"""Timing several ways of doing one thing in turns, so that what else the machine does falls on all of them."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping


def turns(steps: Mapping[str, Callable[[], None]], rounds: int, share: Mapping[str, int] | None = None) -> dict:
    """Median wall and CPU seconds of each after one warm-up, per `share`, and how many times `direct` takes them."""
    taken = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            if turn:
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    result = {}
    for name, pairs in taken.items():
        wall, cpu = (statistics.median(column) / (share or {}).get(name, 1) for column in zip(*pairs, strict=True))
        result[name] = {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4)}
    for name in result:
        if name != "direct":
            result[name]["times_wall"] = round(result["direct"]["wall_s"] / result[name]["wall_s"], 2)
            result[name]["times_cpu"] = round(result["direct"]["cpu_s"] / result[name]["cpu_s"], 2)
    return result


def child(module: str, *arguments: str, threads: int = 2) -> dict:
    """What `python -m module arguments` prints, in a process of its own with so many threads that do not spin."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)
