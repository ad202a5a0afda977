"""MCCD: a training step and the answering of 33 questions per clip, against the direct form; seconds and peak memory.

The direct form follows the released code: four readings per question row, all tokens of all layers, attention written
out. Each form runs in a process of its own, so that peaks of memory do not mix. Ours in float32 gives the same numbers;
in bfloat16 (`train.precision=bf16`) it gives nearly the same.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import torch
import torch.nn.functional as F


def weights(
    audio: int = 128,
    frames: int = 512,
    width: int = 768,
    visual: int = 2048,
    inner: int = 3072,
    tokens: int = 30522,
    answers: int = 42,
    positions: int = 512,
    layers: int = 12,
) -> dict[str, torch.Tensor]:
    """Random tensors by the published names."""
    state = {}

    def linear(name: str, inputs: int, outputs: int) -> None:
        state[f"{name}.weight"] = torch.randn(outputs, inputs) * inputs**-0.5
        state[f"{name}.bias"] = torch.randn(outputs) * 0.1

    def norm(name: str) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.rand(width) + 0.5, torch.randn(width) * 0.1

    embeddings = "visual_bert.embeddings."
    rows = {
        "word": tokens,
        "position": positions,
        "token_type": 2,
        "visual_position": positions,
        "visual_token_type": 2,
    }
    for name, count in rows.items():
        state[f"{embeddings}{name}_embeddings.weight"] = torch.randn(count, width) * 0.5
    norm(f"{embeddings}LayerNorm")
    linear(f"{embeddings}visual_projection", visual, width)
    for n in range(layers):
        layer = f"visual_bert.encoder.layer.{n}."
        for part in ("query", "key", "value"):
            linear(f"{layer}attention.self.{part}", width, width)
        linear(f"{layer}attention.output.dense", width, width)
        linear(f"{layer}intermediate.dense", width, inner)
        linear(f"{layer}output.dense", inner, width)
        norm(f"{layer}attention.output.LayerNorm")
        norm(f"{layer}output.LayerNorm")
    linear("visual_bert.pooler.dense", width, width)
    linear("audio_linear", audio, width)
    linear("video_linear", frames, width)
    linear("av_linear", width, visual)
    linear("cls", width, answers)
    for name in ("q", "a", "v"):
        linear(f"{name}_bias.linears.0", width, width)
        linear(f"{name}_bias.linears.1", width, width)
        linear(f"{name}_bias.linears.2", width, answers)
    return state


def forward(
    w: dict, audio: torch.Tensor, frames: torch.Tensor, tokens: torch.Tensor, heads: int = 12, dropout: float = 0.0
) -> tuple[torch.Tensor, ...]:
    """(joint, question, audio, visual) logits of the direct form, one row per question."""

    def linear(name: str, value: torch.Tensor) -> torch.Tensor:
        return F.linear(value, w[f"{name}.weight"], w[f"{name}.bias"])

    def norm(name: str, value: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(value, value.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], 1e-12)

    def split(value: torch.Tensor) -> torch.Tensor:
        return value.unflatten(-1, (heads, -1)).transpose(1, 2)

    def read(text: torch.Tensor, mask: torch.Tensor, media: torch.Tensor | None = None) -> torch.Tensor:
        e = "visual_bert.embeddings."
        place = torch.arange(text.shape[1])
        kind = torch.zeros_like(place)
        x = text + F.embedding(kind, w[f"{e}token_type_embeddings.weight"])
        x = x + F.embedding(place, w[f"{e}position_embeddings.weight"])
        if media is not None:
            ones = torch.ones(media.shape[:2], dtype=torch.long)
            seen = linear(f"{e}visual_projection", media)
            seen = seen + F.embedding(ones, w[f"{e}visual_token_type_embeddings.weight"])
            seen = seen + F.embedding(ones * 0, w[f"{e}visual_position_embeddings.weight"])
            x, mask = torch.cat([x, seen], dim=1), torch.cat([mask, ones], dim=1)
        x = F.dropout(norm(f"{e}LayerNorm", x), dropout)
        added = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        layers = len([k for k in w if k.endswith("attention.self.query.weight")])
        for n in range(layers):
            layer = f"visual_bert.encoder.layer.{n}."
            q, k, v = (split(linear(f"{layer}attention.self.{part}", x)) for part in ("query", "key", "value"))
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + added
            taken = (F.dropout(scores.softmax(dim=-1), dropout) @ v).transpose(1, 2).flatten(2)
            taken = F.dropout(linear(f"{layer}attention.output.dense", taken), dropout)
            x = norm(f"{layer}attention.output.LayerNorm", taken + x)
            inside = F.gelu(linear(f"{layer}intermediate.dense", x))
            x = norm(f"{layer}output.LayerNorm", F.dropout(linear(f"{layer}output.dense", inside), dropout) + x)
        return linear("visual_bert.pooler.dense", x[:, 0]).tanh()

    def alone(name: str, pooled: torch.Tensor) -> torch.Tensor:
        inside = linear(f"{name}_bias.linears.0", pooled).relu()
        return linear(f"{name}_bias.linears.2", linear(f"{name}_bias.linears.1", inside).relu())

    mask = (tokens != 0).long()
    words = F.embedding(tokens, w["visual_bert.embeddings.word_embeddings.weight"], padding_idx=1)
    a, v = linear("audio_linear", audio), linear("video_linear", frames)
    media = torch.cat([linear("av_linear", v), linear("av_linear", a)], dim=1)
    joint = linear("cls", F.dropout(read(words, mask, media), dropout))
    singles = (alone(n, read(x, torch.ones(x.shape[:2], dtype=torch.long))) for n, x in (("a", a), ("v", v)))
    return joint, alone("q", read(words, mask)), *singles


def loss(logits: tuple[torch.Tensor, ...], labels: torch.Tensor) -> torch.Tensor:
    """The released objective, written out."""
    f, *z = logits
    total = F.cross_entropy(f, labels)
    for single in z:
        d = ((f - single + 1e-6) ** 2).sum(dim=1).sqrt()
        total = total + 0.01 * 0.333 / (d.mean() + 1e-5)
    q, a, v = (x.softmax(dim=1) for x in z)
    for target, other in ((q, a), (v, q), (a, v)):
        total = total + 0.333 * 0.333 * (target * (target / other).log()).sum(dim=1).mean()
    return total


def one(form: str, what: str, layers: int, batch: int, clips: int) -> dict:
    """Times one form at one thing: `train` (a step, forward and backward) or `answer` (no gradients)."""
    from lookhear.debias import mccd as debias
    from lookhear.nets import mccd

    torch.set_num_threads(1)
    torch.manual_seed(0)
    state = weights(layers=layers)
    own = torch.arange(batch) * clips // batch
    audio, frames = torch.rand(clips, 60, 128), torch.rand(clips, 60, 512)
    tokens, labels = torch.randint(2, 30522, (batch, 14)), torch.randint(0, 42, (batch,))
    training = what == "train"
    if form == "direct":
        leaves = {k: v.requires_grad_(training) for k, v in state.items()}

        def run() -> torch.Tensor:
            logits = forward(leaves, audio[own], frames[own], tokens, dropout=0.1 if training else 0.0)
            return loss(logits, labels) if training else logits[0]
    else:
        net = debias.build(debias.Config())(mccd.from_official(state).train(training))
        state.clear()

        def run() -> torch.Tensor:
            memory = net.watch(audio, frames)
            out = net.answer({k: v[own] for k, v in memory.items()}, tokens)
            return sum(net.losses(out, labels).values()) if training else out.logits

    half = torch.autocast("cpu", torch.bfloat16, enabled=form == "ours_bf16")

    def step() -> torch.Tensor:
        with torch.set_grad_enabled(training), half:
            result = run()
            if training:
                result.backward()
        return result

    before, least = peak(), float("inf")
    for _ in range(3):  # the first also touches fresh memory
        clock = time.process_time()
        result = step()
        least = min(least, time.process_time() - clock)
    return {"cpu": round(least, 2), "working_gb": round(peak() - before, 2), "first": result.flatten()[:3].tolist()}


def saved(batch: int, clips: int, layers: int, training: bool) -> float:
    """How many times less work ours is: tokens times layers, where the last layer makes keys and values only."""
    theirs = batch * (14 + 120 + 14 + 60 + 60) * layers
    ours = (batch * (14 + 120) + (batch * 14 + clips * 120 if training else 0)) * (layers - 1 + 1 / 6)
    return round(theirs / ours, 2)


def peak() -> float:
    """The most memory this process has had, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(layers: int = 4, batch: int = 16) -> dict:
    """A training step (3.4 questions a clip, as in MUSIC-AVQA) and a batch of answers (33 a clip).

    A third of the depth and half of a batch of 32, so that it fits beside other work. The joint reading is half of the
    direct form's arithmetic and cannot be shared between questions: in float32 no arrangement of it is 3x as fast. Only
    the last layer is cheaper than its share here, so the whole network gains less: 12 layers do `arithmetic_12` times
    less work, 4 do `arithmetic`.
    """
    numbers: dict = {
        "unit": f"CPU seconds, one thread, GiB beyond weights; batch {batch}, {layers} of 12 layers of 768"
    }
    for what, clips in (("train", max(1, round(batch / 3.4))), ("answer", max(1, round(batch / 33)))):
        found = {}
        for form in ("direct", "ours", "ours_bf16"):
            command = [sys.executable, "-m", "bench.mccd", form, what, *map(str, (layers, batch, clips))]
            found[form] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        for form in ("ours", "ours_bf16"):
            for key in ("cpu", "working_gb"):
                found[form][f"{key}_ratio"] = round(found["direct"][key] / max(found[form][key], 0.01), 2)
        work = {f"arithmetic{name}": saved(batch, clips, n, what == "train") for name, n in (("", layers), ("_12", 12))}
        numbers[what] = {"clips": clips, **work, **found}
        print(what, numbers[what])
    return numbers


if __name__ == "__main__":
    print(json.dumps(one(*sys.argv[1:3], *map(int, sys.argv[3:6]))))
