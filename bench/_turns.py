"""Timing several ways of doing one thing in turns, so that what else the machine does falls on all of them.

`against_direct` is the whole comparison of a network that has a direct form beside it: equal gradients, a training step
of 32 questions about 32 clips and about 8 (four a clip, as the trainer batches them), and 33 questions about one clip,
which the direct form answers one by one.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

QUESTIONS, SECONDS, ASKED, ALONE = 32, 60, 33, 4


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


def gradient_error(direct: Any, ours: Any, names: Mapping[str, str]) -> float:
    """Largest difference of any gradient, relative to its largest entry; `names` are published prefixes -> ours.

    What has no gradient but rounding, because it never reaches an output, is left out.
    """
    mine, worst = dict(ours.named_parameters()), 0.0
    for name, parameter in direct.named_parameters():
        old = next((o for o in names if name == o or name.startswith(o + ".")), None)
        if old is None or parameter.grad is None or float(parameter.grad.abs().max()) < 1e-6:
            continue
        gradient = mine[names[old] + name[len(old) :]].grad
        worst = max(worst, float((gradient - parameter.grad).abs().max() / parameter.grad.abs().max()))
    return worst


def against_direct(
    nets: Callable[[float], tuple[Any, Any]], shapes: Sequence[tuple[int, ...]], watched: int, names: Mapping[str, str]
) -> dict:
    """What `python -m bench` writes for a network trained by cross-entropy, two threads.

    `nets(dropout)` are the direct form and ours with equal weights; `shapes` those of one question's streams, of which
    the first `watched` are its clip's.
    """
    import torch
    from torch.nn import functional as F

    def logits(net, streams, clips: int):  # type: ignore[no-untyped-def]
        rows = torch.arange(len(streams[-1])) % clips
        memory = net.watch(*(x[:clips] for x in streams[:watched]))
        return net.answer({name: x[rows] for name, x in memory.items()}, *streams[watched:]).logits

    def step(net, says, labels) -> None:  # type: ignore[no-untyped-def]
        net.zero_grad()
        F.cross_entropy(says(), labels).backward()

    torch.manual_seed(0)
    torch.set_num_threads(2)
    direct, ours = nets(0.0)
    streams, labels = [torch.randn(ALONE, *shape) for shape in shapes], torch.randint(0, 42, (ALONE,))
    step(direct, lambda: direct(*streams), labels)
    step(ours, lambda: logits(ours, streams, ALONE), labels)
    numbers: dict[str, Any] = {"largest_gradient_error": gradient_error(direct, ours, names)}
    direct, ours = nets(0.1)
    streams, labels = [torch.randn(QUESTIONS, *shape) for shape in shapes], torch.randint(0, 42, (QUESTIONS,))
    steps = {"direct": lambda: step(direct, lambda: direct(*streams), labels)}
    for clips in (QUESTIONS, QUESTIONS // 4):
        steps[f"{clips}_clips"] = lambda clips=clips: step(ours, lambda: logits(ours, streams, clips), labels)
    numbers["train"] = turns(steps, 2)
    direct.eval(), ours.eval()
    one = [x[:1].expand(ASKED, *x.shape[1:]) for x in streams[:watched]]
    one += [torch.randn(ASKED, *shape) for shape in shapes[watched:]]
    steps = {
        "direct": lambda: [direct(*(x[n : n + 1] for x in one)) for n in range(ALONE)],
        "ours": lambda: logits(ours, one, 1),
    }
    with torch.no_grad():
        numbers["evaluate"] = turns(steps, 3, {"direct": ALONE, "ours": ASKED})
    return numbers


def child(module: str, *arguments: str, threads: int = 2) -> dict:
    """What `python -m module arguments` prints, in a process of its own with so many threads that do not spin."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)
