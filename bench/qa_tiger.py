"""QA-TIGER with cached text features against the direct form: a training step, 33 questions about one clip.

Batch 32 questions of 60 seconds about 32 clips and 8, official width, two threads; gradients compared with dropout
off. The direct form answers one question at a time; then, and only then, questions of a batch do not mix.
"""

import json
import sys

from bench._turns import child, turns

QUESTIONS, SECONDS, ASKED = 32, 60, 33


def main() -> dict:
    """Numbers from a process of its own."""
    return child("bench.qa_tiger", "speed")


def _nets(dropout: float):  # type: ignore[no-untyped-def]
    import torch

    from bench._qa_tiger_direct import Direct
    from lookhear.nets import qa_tiger

    torch.manual_seed(0)
    torch.set_num_threads(2)
    direct, ours = Direct(dropout=dropout), qa_tiger.build(qa_tiger.Config(dropout=dropout))
    ours.load_state_dict(qa_tiger.from_official(direct.state_dict()).state_dict())
    return direct, ours


def _inputs(rows: int):  # type: ignore[no-untyped-def]
    import torch

    shapes = [(SECONDS, 128), (SECONDS, 768), (SECONDS, 14, 1024), (768,), (77, 768)]
    return [torch.randn(rows, *shape) for shape in shapes], torch.randint(0, 42, (rows,))


def our_logits(net, streams, clips: int):  # type: ignore[no-untyped-def]
    """Logits of all questions, about so many clips."""
    import torch

    *media, question, words = streams
    rows = torch.arange(len(question)) % clips
    memory = net.watch(*(x[:clips] for x in media))
    return net.answer({name: x[rows] for name, x in memory.items()}, question, words).logits


def speed() -> dict:
    """Equal gradients, then seconds in turns."""
    import torch
    from torch.nn import functional as F

    from lookhear.nets.qa_tiger import OFFICIAL

    def step(net, logits, labels) -> None:  # type: ignore[no-untyped-def]
        net.zero_grad()
        F.cross_entropy(logits(), labels).backward()

    direct, ours = _nets(0.0)
    streams, labels = _inputs(4)
    step(direct, lambda: direct(*streams), labels)
    step(ours, lambda: our_logits(ours, streams, 4), labels)
    mine, worst = dict(ours.named_parameters()), 0.0
    for name, parameter in direct.named_parameters():
        old = next((o for o in OFFICIAL if name.startswith(o + ".")), None)
        if old and parameter.grad is not None:
            error = (
                mine[OFFICIAL[old] + name[len(old) :]].grad - parameter.grad
            ).abs().max() / parameter.grad.abs().max()
            worst = max(worst, float(error))
    direct, ours = _nets(0.1)
    streams, labels = _inputs(QUESTIONS)
    steps = {"direct": lambda: step(direct, lambda: direct(*streams), labels)}
    steps["32_clips"] = lambda: step(ours, lambda: our_logits(ours, streams, 32), labels)
    steps["8_clips"] = lambda: step(ours, lambda: our_logits(ours, streams, 8), labels)
    numbers = {"largest_gradient_error": worst, "train": turns(steps, 1)}
    direct.eval(), ours.eval()
    streams = [x[:1].expand(ASKED, *x.shape[1:]) for x in streams[:3]]
    streams += [torch.randn(ASKED, 768), torch.randn(ASKED, 77, 768)]
    steps = {
        "direct": lambda: [direct(*(x[n : n + 1] for x in streams)) for n in range(6)],
        "ours": lambda: our_logits(ours, streams, 1),
    }
    with torch.no_grad():
        numbers["evaluate"] = turns(steps, 3, {"direct": 6, "ours": ASKED})
    return numbers


if __name__ == "__main__":
    print(json.dumps(speed() if sys.argv[1:] == ["speed"] else main()))
