"""Networks against the published code's own arrangement, batched as it batches: CPU seconds of one thread, and floors.

For each, in one process: a training step of 32 questions about 32 clips and about 8, and 32 questions about one clip
answered, the direct form (`bench/_*_direct.py`, `bench/avst.py`) taking all 32 in one batch as the published loop does.
`gflop` counts what matrix products compute; `floor_s` is that at the rate at which this processor multiplies, measured
in the same run (`ceilings`), and `at_most` how many times the direct form's seconds that would be. Wordings are all
different; `read_before` is of wordings that were asked before, `asked_again` also of a clip that was watched before.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

from bench._turns import SECONDS, child

QUESTIONS, CLIPS, AT_ONCE = 32, 8, 16
NETS = ("av_master", "qa_tiger", "avst")


def main() -> dict:
    """Each network in a process of its own; peak memories of evaluation likewise."""
    numbers = {name: child("bench.published", name, threads=1) for name in NETS}
    numbers["memory"] = {n: child("bench.published", "memory", n, threads=1) for n in ("1", "8")}
    return numbers


def least(run: Callable[[], Any], times: int) -> float:
    """The least CPU seconds of so many runs, after one to warm up where more than two are asked."""
    best = float("inf")
    for turn in range(times + (times > 2)):
        start = time.process_time()
        run()
        if turn or times <= 2:
            best = min(best, time.process_time() - start)
    return best


def gflop(run: Callable[[], Any]) -> float:
    """What the matrix products of a run compute, in GFLOP."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e9


def ceilings() -> dict[str, float]:
    """How fast this processor multiplies matrices (GFLOP/s) and reads memory (GB/s), one thread."""
    import torch

    x, y, large = torch.randn(2048, 768), torch.randn(768, 768), torch.randn(1 << 26)
    multiply = 2 * 2048 * 768 * 768 / 1e9 / least(lambda: x @ y, 20)
    return {"gflop_per_s": round(multiply, 1), "gb_per_s": round(large.nbytes / 1e9 / least(large.sum, 5), 1)}


def beside(direct: Callable[[], Any], ours: dict[str, Callable[[], Any]], rounds: int, rate: float) -> dict:
    """Seconds, GFLOP, floors and ratios of the direct form and each of ours."""
    result: dict[str, Any] = {"direct": {"cpu_s": round(least(direct, 2), 3), "gflop": round(gflop(direct), 1)}}
    for name, run in ours.items():
        seconds, work = least(run, rounds), gflop(run)
        told = {"cpu_s": round(seconds, 3), "gflop": round(work, 1), "floor_s": round(work / rate, 3)}
        result[name] = told | {
            "times": round(result["direct"]["cpu_s"] / seconds, 2),
            "at_most": round(result["direct"]["cpu_s"] * rate / work, 2),
        }
    print(json.dumps(result), file=sys.stderr, flush=True)  # a long run that fails later has told this
    return result


def _rows(memory: dict, clips: Any) -> dict:
    return {name: x[clips] for name, x in memory.items()}


def _answers(net: Any, watched: list, asked: list) -> dict[str, Callable[[], Any]]:
    """Ways in which a net answers all questions of one clip, in pieces, from its media."""
    import torch

    wordings = [net.wording(asked[-1][i : i + AT_ONCE]) for i in range(0, QUESTIONS, AT_ONCE)]

    def run(read: bool, watch: bool = True, memory: dict = net.watch(*watched)) -> torch.Tensor:  # noqa: B008
        memory = net.watch(*watched) if watch else memory
        memory = {n: x.expand(AT_ONCE, *x.shape[1:]) for n, x in memory.items()}
        logits = []
        for piece, start in enumerate(range(0, QUESTIONS, AT_ONCE)):
            words = wordings[piece] if read else asked[-1][start : start + AT_ONCE]
            logits.append(net.answer(memory, asked[0][start : start + AT_ONCE], words).logits)
        return torch.cat(logits)

    return {"ours": lambda: run(False), "read_before": lambda: run(True), "asked_again": lambda: run(True, False)}


def av_master() -> dict:
    """AV-Master at official width."""
    import torch

    from bench.av_master import _inputs, _nets, direct_step, our_step

    direct, ours = _nets()
    torch.set_num_threads(1)
    top = ceilings()
    streams, labels = _inputs(QUESTIONS)
    adam = {net: torch.optim.Adam(net.parameters(), 1e-4) for net in (direct, ours)}
    train = {f"{n}_clips": lambda n=n: our_step(ours, adam[ours], streams, labels, clips=n) for n in (QUESTIONS, CLIPS)}
    step = beside(lambda: direct_step(direct, adam[direct], streams, labels), train, 2, top["gflop_per_s"])
    direct.eval().requires_grad_(False), ours.eval().requires_grad_(False)
    audio, frames, question, words, *_ = streams
    same = [x[:1].expand(QUESTIONS, *x.shape[1:]) for x in (audio, frames)]
    with torch.inference_mode():
        evaluate = beside(
            lambda: direct(*same, question, words),
            _answers(ours, [audio[:1], frames[:1]], [question, words]),
            3,
            top["gflop_per_s"],
        )
    return {"ceilings": top, "train": step, "evaluate": evaluate}


def qa_tiger() -> dict:
    """QA-TIGER at official width, text features given."""
    import torch
    from torch.nn import functional as F

    from bench.qa_tiger import SHAPES, nets

    direct, ours = nets(0.1)
    torch.set_num_threads(1)
    top = ceilings()
    streams, labels = [torch.randn(QUESTIONS, *shape) for shape in SHAPES], torch.randint(0, 42, (QUESTIONS,))

    def step(net: Any, clips: int | None) -> None:
        net.zero_grad()
        if clips is None:
            logits = net(*streams)
        else:
            memory = _rows(net.watch(*(x[:clips] for x in streams[:3])), torch.arange(QUESTIONS) % clips)
            logits = net.answer(memory, *streams[3:]).logits
        F.cross_entropy(logits, labels).backward()

    train = {f"{n}_clips": lambda n=n: step(ours, n) for n in (QUESTIONS, CLIPS)}
    trained = beside(lambda: step(direct, None), train, 3, top["gflop_per_s"])
    direct.eval().requires_grad_(False), ours.eval().requires_grad_(False)
    same = [x[:1].expand(QUESTIONS, *x.shape[1:]) for x in streams[:3]]
    with torch.inference_mode():
        evaluate = beside(
            lambda: direct(*same, *streams[3:]),
            _answers(ours, [x[:1] for x in streams[:3]], streams[3:]),
            3,
            top["gflop_per_s"],
        )
    return {"ceilings": top, "train": trained, "evaluate": evaluate}


def avst() -> dict:
    """AVST's training step, 8 clips with 4 questions each; what it has to read of memory is counted beside."""
    import torch
    from torch.nn import functional as F

    from bench.avst import forward, weights
    from lookhear.nets import avst as module

    torch.set_num_threads(1)
    torch.manual_seed(0)
    top, state = ceilings(), weights()
    net, leaves = module.from_official(state), {k: v.clone().requires_grad_() for k, v in state.items()}
    own, labels = torch.arange(QUESTIONS) // 4, torch.randint(0, 42, (QUESTIONS,))
    audio, maps = torch.rand(CLIPS, 10, 128), torch.rand(CLIPS, 10, 196, 512)
    negative, tokens = maps.roll(1, 0)[own], torch.randint(1, 93, (QUESTIONS, 14))

    def theirs() -> None:
        given = {"audio": audio[own], "patches": maps[own], "negative": negative, "tokens": tokens}
        logits, match = forward(leaves, given)
        (F.cross_entropy(logits, labels) + 0.5 * match).backward()

    def step() -> None:
        out = net.answer(_rows(net.watch(audio, maps), own), tokens)
        sum(net.losses(out, labels, negative).values()).backward()

    result = beside(theirs, {"ours": step}, 5, top["gflop_per_s"])
    passes = 5 * (maps.nbytes + negative.nbytes) / 1e9  # length, cosine, sum; their two gradients
    lstm = 6 * QUESTIONS * 14 * 2 * 512 * 2048 / 1e9  # torch counts none of an LSTM's products
    ours = result["ours"]
    ours |= {"gb_read": round(passes, 2), "gflop": round(ours["gflop"] + lstm, 1)}
    ours["floor_s"] = round(ours["gflop"] / top["gflop_per_s"] + passes / top["gb_per_s"], 3)
    ours["at_most"] = round(result["direct"]["cpu_s"] / ours["floor_s"], 2)
    return {"ceilings": top, "train": result}


def memory(clips: int) -> dict:
    """GB at the peak, beyond the net and its inputs: 33 questions about each of `clips` clips, answered in pieces."""
    import torch

    from lookhear.model.pieces import gathered, together
    from lookhear.nets import av_master as module

    net, asked = module.build(module.Config()).eval(), 33
    audio, frames = torch.randn(clips, SECONDS, 128), torch.randn(clips, SECONDS, 768)
    question, words = torch.randn(asked, 768), torch.randn(asked, 77, 768)
    before, rows = _peak(), [i for i in range(clips) for _ in range(asked)]
    with torch.inference_mode():
        watched = net.watch(audio, frames)
        for piece in together(rows):
            which = [i % asked for i in piece]
            net.answer(gathered(watched, [rows[i] for i in piece]), question[which], words[which])
    return {"questions": len(rows), "gb": round(_peak() - before, 2)}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    job, *rest = sys.argv[1:]
    print(json.dumps(memory(int(rest[0])) if rest else {f.__name__: f for f in (av_master, qa_tiger, avst)}[job]()))
