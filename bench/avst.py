"""AVST: questions per second with watch-once against one by one, and a training step, against the direct form.

The direct form is written from the formulas in the order in which the released code runs them: everything once per
question, normalised copies of the maps, the negative pictures also at evaluation.
"""

from __future__ import annotations

import resource
import time

import torch
import torch.nn.functional as F


def weights(audio: int = 128, width: int = 512, tokens: int = 93, answers: int = 42) -> dict[str, torch.Tensor]:
    """Random tensors by the published names, as many as the network uses."""
    state = {}

    def linear(name: str, inputs: int, outputs: int) -> None:
        state[f"{name}.weight"] = torch.randn(outputs, inputs) * inputs**-0.5
        state[f"{name}.bias"] = torch.randn(outputs) * 0.1

    linear("fc_a1", audio, width)
    linear("fc_a2", width, width)
    state["fc_a1_pure.weight"] = torch.zeros(width, audio)  # unused by the network, but published
    linear("fc_gl", 2 * width, width)
    linear("fc1", 2 * width, width)
    linear("fc2", width, width // 2)
    linear("fc3", width // 2, width // 4)
    linear("fc4", width // 4, 2)
    linear("fc_fusion", 2 * width, width)
    linear("fc_ans", width, answers)
    state["question_encoder.word2vec.weight"] = torch.randn(tokens, width)
    for part in ("ih", "hh"):
        state[f"question_encoder.lstm.weight_{part}_l0"] = torch.randn(4 * width, width) * width**-0.5
        state[f"question_encoder.lstm.bias_{part}_l0"] = torch.randn(4 * width) * 0.1
    linear("question_encoder.fc", 2 * width, width)
    for name in ("attn_a", "attn_v"):
        state[f"{name}.in_proj_weight"] = torch.randn(3 * width, width) * width**-0.5
        state[f"{name}.in_proj_bias"] = torch.randn(3 * width) * 0.1
        linear(f"{name}.out_proj", width, width)
    for name in ("linear11", "linear12", "linear21", "linear22"):
        linear(name, width, width)
    for name in ("norm1", "norm2"):
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.rand(width) + 0.5, torch.randn(width) * 0.1
    return state


def forward(w: dict, x: dict, grounded: bool = True, heads: int = 4) -> tuple[torch.Tensor, torch.Tensor | None]:
    """(logits, matching loss) of the direct form, one row per question. Pictures: (row, time, patch, dim)."""

    def linear(name: str, value: torch.Tensor) -> torch.Tensor:
        return F.linear(value, w[f"{name}.weight"], w[f"{name}.bias"])

    def lstm(steps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = c = steps.new_zeros(len(steps), steps.shape[-1])
        name = "question_encoder.lstm"
        for step in steps.unbind(1):
            gates = F.linear(step, w[f"{name}.weight_ih_l0"], w[f"{name}.bias_ih_l0"])
            gates = gates + F.linear(h, w[f"{name}.weight_hh_l0"], w[f"{name}.bias_hh_l0"])
            i, f, g, o = gates.chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h, c

    def ground(a: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        raw = maps.mean(dim=2)
        normal = F.normalize(maps, dim=-1)
        p = torch.einsum("btpc,btc->btp", normal, F.normalize(a, dim=-1)).softmax(dim=-1)
        g = torch.einsum("btp,btpc->btc", p, normal)
        return linear("fc_gl", torch.cat([raw, g], dim=-1).tanh())

    def match(a: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        value = torch.cat([a, seen], dim=-1)
        for name in ("fc1", "fc2", "fc3"):
            value = linear(name, value).relu()
        return linear("fc4", value)

    def attend(q: torch.Tensor, keys: torch.Tensor, name: str, inner: str) -> torch.Tensor:
        z, _ = F.multi_head_attention_forward(
            *(q[None], keys.transpose(0, 1), keys.transpose(0, 1), q.shape[-1], heads),
            *(w[f"{name}.in_proj_weight"], w[f"{name}.in_proj_bias"], None, None, False, 0.0),
            *(w[f"{name}.out_proj.weight"], w[f"{name}.out_proj.bias"]),
            training=False,
        )
        z = z[0] + linear(f"linear{inner}2", linear(f"linear{inner}1", z[0]).relu())
        return F.layer_norm(z, z.shape[-1:], w[f"norm{inner}.weight"], w[f"norm{inner}.bias"])

    h, c = lstm(w["question_encoder.word2vec.weight"][x["tokens"]].tanh())
    q = linear("question_encoder.fc", torch.cat([h, c], dim=-1).tanh())
    a = linear("fc_a2", linear("fc_a1", x["audio"]).relu())
    loss = None
    if grounded:
        seen, other = ground(a, x["patches"]), ground(a, x["negative"])
        rows = torch.stack([match(a, seen), match(a, other)], dim=2).reshape(-1, 2)
        loss = F.cross_entropy(rows, torch.tensor([1, 0]).repeat(len(rows) // 2))
    else:
        seen = x["patches"].mean(dim=2)
    v, s = attend(q, seen, "attn_v", "1"), attend(q, a, "attn_a", "2")
    if grounded:
        v, s = v + seen.mean(dim=1), s + a.mean(dim=1)
    fused = linear("fc_fusion", torch.cat([s, v], dim=-1).tanh())
    return linear("fc_ans", (fused * q).tanh()), loss


def cpu(run, times: int = 3) -> float:
    """The least CPU seconds of a few runs: other work on the machine hardly disturbs it."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def main(clips: int = 4, questions: int = 33, batch: int = 32) -> dict:
    """Evaluation of `clips` with `questions` each in batches of `batch`, and training at `batch`; one thread."""
    from lookhear.nets import avst

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    state = weights()
    net = avst.from_official(state).eval()
    audio, maps = torch.rand(clips, 10, 128), torch.rand(clips, 10, 196, 512)
    tokens = torch.randint(1, 93, (clips * questions, 14))
    clip = torch.arange(clips).repeat_interleave(questions)
    pieces = torch.arange(len(clip)).split(batch)

    @torch.no_grad()
    def theirs() -> torch.Tensor:
        rows = []
        for piece in pieces:
            own = clip[piece]
            x = {"audio": audio[own], "patches": maps[own], "negative": maps[own - 1], "tokens": tokens[piece]}
            rows.append(forward(state, x)[0])
        return torch.cat(rows)

    @torch.no_grad()
    def ours() -> torch.Tensor:
        memory = net.watch(audio, maps)
        return torch.cat([net.answer({k: v[clip[p]] for k, v in memory.items()}, tokens[p]).logits for p in pieces])

    error = float((ours() - theirs()).abs().max())
    numbers = {"evaluate": {"direct": cpu(theirs, 2), "ours": cpu(ours), "largest_difference": error}}

    own, labels = torch.arange(batch) // 4, torch.randint(0, 42, (batch,))  # 8 clips with 4 questions each
    audio, maps = torch.rand(batch // 4, 10, 128), torch.rand(batch // 4, 10, 196, 512)
    negative = maps.roll(1, 0)[own]
    leaves = {k: v.clone().requires_grad_() for k, v in state.items()}

    def their_step() -> None:
        x = {"audio": audio[own], "patches": maps[own], "negative": negative, "tokens": tokens[:batch]}
        logits, match = forward(leaves, x)
        (F.cross_entropy(logits, labels) + 0.5 * match).backward()

    def our_step() -> None:
        memory = net.watch(audio, maps)
        out = net.answer({k: v[own] for k, v in memory.items()}, tokens[:batch])
        sum(net.losses(out, labels, negative).values()).backward()

    numbers["train"] = {"ours": cpu(our_step, 2), "direct": cpu(their_step, 2)}
    torch.set_num_threads(threads)
    for part in numbers.values():
        part["times_faster"] = round(part["direct"] / part["ours"], 2)
    numbers["unit"] = f"CPU seconds, one thread; {clips} clips x {questions} questions; training batch {batch}"
    numbers["peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    print(numbers)
    return numbers
