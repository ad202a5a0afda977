"""AV-Master at official width against the same mathematics written down directly (`bench/_av_master_direct.py`).

A training step of 32 questions of 60 seconds, dropout on, about 32 clips and about 8 (four questions a clip, as the
trainer batches them); an evaluation of 33 questions about one clip, which the direct form answers one by one. Both are
given in wall and in CPU seconds of two threads, taken in turns; gradients are compared with dropout off. Peak memory is
that of a process that trains two steps.
"""

import json
import resource
import sys

from bench._turns import ASKED, QUESTIONS, SECONDS, child, gradient_error, turns


def main() -> dict:
    """Every part in a process of its own: equality and speed in one, peak memories in one each."""
    parts = {part: child("bench.av_master", part) for part in ("speed", "peak-direct", "peak-32", "peak-8")}
    numbers = parts.pop("speed")
    numbers["peak_gb"] = {part.removeprefix("peak-"): peak["gb"] for part, peak in parts.items()}
    numbers["memory_ratio"] = round(numbers["peak_gb"]["direct"] / numbers["peak_gb"]["32"], 2)
    return numbers


def _nets(dropout: float = 0.1):  # type: ignore[no-untyped-def]
    import torch

    from bench._av_master_direct import Direct
    from lookhear.nets import av_master

    torch.manual_seed(0)
    torch.set_num_threads(2)
    direct = Direct(dropout=dropout)
    ours = av_master.build(av_master.Config(dropout=dropout))
    ours.load_state_dict(av_master.from_official(direct.state_dict()).state_dict())
    return direct, ours


def _inputs(questions: int):  # type: ignore[no-untyped-def]
    import torch

    shapes = [(SECONDS, 128), (SECONDS, 768), (768,), (77, 768), (SECONDS, 128), (SECONDS, 768)]
    return [torch.randn(questions, *shape) for shape in shapes], torch.randint(0, 42, (questions,))


def direct_step(net, optimizer, streams, labels) -> None:  # type: ignore[no-untyped-def]
    """One training step as the official loop takes it."""
    from bench._av_master_direct import backward

    optimizer.zero_grad()
    backward(*net(*streams), labels)
    optimizer.step()


def our_step(net, optimizer, streams, labels, clips: int = QUESTIONS) -> None:  # type: ignore[no-untyped-def]
    """One training step of as many questions about `clips` clips."""
    import torch

    audio, frames, question, words, *negatives = streams
    rows = torch.arange(len(labels)) % clips
    optimizer.zero_grad()
    memory = {name: x[rows] for name, x in net.watch(audio[:clips], frames[:clips]).items()}
    output = net.answer(memory, question, words)
    sum(net.losses(output, labels, *negatives).values()).backward()
    optimizer.step()


def speed() -> dict:
    """Equality of gradients, then seconds taken in turns."""
    import torch

    numbers = {"largest_gradient_error": _gradient_error()}
    direct, ours = _nets()
    streams, labels = _inputs(QUESTIONS)
    adam = {net: torch.optim.Adam(net.parameters(), 1e-4) for net in (direct, ours)}
    steps = {
        "direct": lambda: direct_step(direct, adam[direct], streams, labels),
        "32_clips": lambda: our_step(ours, adam[ours], streams, labels),
        "8_clips": lambda: our_step(ours, adam[ours], streams, labels, clips=8),
    }
    numbers["train"] = turns(steps, rounds=2)
    direct.eval(), ours.eval()
    question, words = torch.randn(ASKED, 768), torch.randn(ASKED, 77, 768)
    same = torch.zeros(ASKED, dtype=torch.long)

    def one_by_one() -> None:
        for n in range(3):
            direct(streams[0][:1], streams[1][:1], question[n : n + 1], words[n : n + 1])

    def together() -> None:
        memory = ours.watch(streams[0][:1], streams[1][:1])
        ours.answer({name: x[same] for name, x in memory.items()}, question, words)

    with torch.no_grad():
        numbers["evaluate"] = turns(
            {"direct": one_by_one, "ours": together}, rounds=3, share={"direct": 3, "ours": ASKED}
        )
    return numbers


def _gradient_error(questions: int = 4) -> float:
    """Largest relative difference of any gradient, dropout off."""
    from lookhear.nets.av_master.official import OFFICIAL

    direct, ours = _nets(dropout=0.0)
    streams, labels = _inputs(questions)
    idle = type("Idle", (), {"zero_grad": lambda self: None, "step": lambda self: None})()
    direct_step(direct, idle, streams, labels)
    our_step(ours, idle, streams, labels, clips=questions)
    return gradient_error(direct, ours, OFFICIAL)


def peak(which: str) -> dict:
    """Peak resident memory, in GB, of a process that takes two training steps."""
    import torch

    direct, ours = _nets()
    net = direct if which == "direct" else ours
    del direct, ours
    streams, labels = _inputs(QUESTIONS)
    adam = torch.optim.Adam(net.parameters(), 1e-4)
    for _ in range(2):
        if which == "direct":
            direct_step(net, adam, streams, labels)
        else:
            our_step(net, adam, streams, labels, clips=int(which))
    return {"gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)}


if __name__ == "__main__":
    job = sys.argv[1]
    print(json.dumps(speed() if job == "speed" else peak(job.removeprefix("peak-"))))
