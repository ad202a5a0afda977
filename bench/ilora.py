"""I-LoRA against the loop over heads and against plain LoRA of the same total rank: CPU seconds and what is kept.

The loop is written from the formulas in the order in which Crab+ runs them; `kept` counts the memory that autograd
holds between forward and backward, each storage once, weights left out. The second table has the layers of Qwen2.5-7B
at Crab+'s sizes (rank 128, 3 heads, no dropout): `routing` is what of I-LoRA's step is no matrix product (softmax,
weighing of codes, joining of weights, and their gradients), by torch's profiler.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F


def loop(
    x: torch.Tensor,
    base: torch.nn.Module,
    downs: Sequence[torch.Tensor],
    ups: Sequence[torch.Tensor],
    route: torch.Tensor,
    scaling: float,
    router: str = "hidden",
    dropout: float = 0.0,
) -> torch.Tensor:
    """Head by head. `downs` are n times the same A, or n different ones."""
    result = base(x)
    logits = F.linear(x if router == "hidden" else F.linear(x, downs[0]), route)
    weights = logits.softmax(dim=-1, dtype=torch.float32).to(result.dtype)
    x = F.dropout(x, dropout)
    shared = F.linear(x, downs[0])
    for head, (down, up) in enumerate(zip(downs, ups, strict=True)):
        z = shared if down is downs[0] else F.linear(x, down)
        result = result + weights[..., head, None] * F.linear(z, up) * scaling
    return result


def kept(run, weights: Sequence[torch.Tensor]) -> float:
    """Mebibytes that autograd keeps for the backward pass of `run()`, `weights` left out."""
    held: dict[int, int] = {}
    known = {w.untyped_storage().data_ptr() for w in weights}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in known:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        out = run()
    del out
    return sum(held.values()) / 2**20


LAYERS = {  # of Qwen2.5-7B: inputs, outputs
    "q_proj, o_proj": (3584, 3584),
    "k_proj, v_proj": (3584, 512),
    "gate_proj, up_proj": (3584, 18944),
    "down_proj": (18944, 3584),
}
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm")


def layers(wide: int, out: int, r: int, heads: int, dropout: float) -> tuple[torch.nn.Module, ...]:
    """A frozen linear layer, I-LoRA on it, and plain LoRA of rank heads x r on it."""
    import peft

    from lookhear.ilora import method as ilora

    base = torch.nn.Linear(wide, out).requires_grad_(False)
    config = ilora.ILoraConfig(r=r, heads=heads, dropout=dropout, init_weights=False, target_modules=["0"])
    ours = peft.get_peft_model(torch.nn.Sequential(base), config).base_model.model[0].train()
    plain_config = peft.LoraConfig(
        r=heads * r, lora_alpha=2 * heads * r, lora_dropout=dropout, target_modules=["0"], init_lora_weights=False
    )
    plain = peft.get_peft_model(torch.nn.Sequential(base), plain_config).base_model.model[0].train()
    return base, ours, plain


def timed(forms: Mapping[str, Callable[[], torch.Tensor]], weights: Sequence[torch.Tensor], times: int) -> dict:
    """Forward and step in CPU milliseconds (the least of `times`, in turns), and what is kept in MiB."""
    row: dict = {
        name: {"forward": 1e9, "step": 1e9, "kept": round(kept(run, weights), 2)} for name, run in forms.items()
    }
    for _ in range(times):
        for name, run in forms.items():
            start = time.process_time()
            out = run()
            middle = time.process_time()
            out.sum().backward()
            end = time.process_time()
            row[name]["forward"] = min(row[name]["forward"], round(1e3 * (middle - start), 2))
            row[name]["step"] = min(row[name]["step"], round(1e3 * (end - start), 2))
    row["step_against_plain"] = round(row["ours"]["step"] / row["plain"]["step"], 3)
    row["kept_against_plain"] = round(row["ours"]["kept"] / row["plain"]["kept"], 3)
    return row


def routing(run: Callable[[], torch.Tensor]) -> float:
    """The share of a step that is no matrix product."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as seen:
        run().sum().backward()
    spent = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    return 1 - sum(spent.get(name, 0.0) for name in PRODUCTS) / sum(spent.values())


def main(wide: int = 1024, tokens: int = 1024, times: int = 9, wide_tokens: int = 256, wide_times: int = 3) -> dict:
    """A square layer and the layers of a 7 B model; one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    numbers: dict = {"unit": f"CPU milliseconds and MiB; {tokens} tokens of {wide}, float32, one thread"}
    for r, heads, dropout in ((8, 3, 0.0), (128, 3, 0.0), (128, 3, 0.1)):
        base, ours, plain = layers(wide, wide, r, heads, dropout)
        down, up, route = (t["default"] for t in (ours.ilora_A, ours.ilora_B, ours.ilora_router))
        ups = [up[:, k].detach().clone().requires_grad_() for k in range(heads)]
        x = torch.randn(1, tokens, wide, requires_grad=True)
        forms = {
            "loop": lambda: loop(x, base, [down] * heads, ups, route, 2.0, dropout=dropout),  # noqa: B023
            "plain": lambda: plain(x),  # noqa: B023
            "ours": lambda: ours(x),  # noqa: B023
        }
        row = timed(forms, [*ours.parameters(), *plain.parameters(), *ups], times)
        row["step_against_loop"] = round(row["loop"]["step"] / row["ours"]["step"], 3)
        row["kept_against_loop"] = round(row["ours"]["kept"] / row["loop"]["kept"], 3)
        numbers[f"r={r} heads={heads} dropout={dropout}"] = row
        print(f"r={r} heads={heads} dropout={dropout}", row)
    for name, (inputs, outputs) in LAYERS.items():
        base, ours, plain = layers(inputs, outputs, 128, 3, 0.0)
        x = torch.randn(1, wide_tokens, inputs, requires_grad=True)
        forms = {"bare": lambda: base(x), "plain": lambda: plain(x), "ours": lambda: ours(x)}  # noqa: B023
        row = timed(forms, [*ours.parameters(), *plain.parameters()], wide_times)
        row["step_against_bare"] = round(row["ours"]["step"] / row["bare"]["step"], 3)
        row["routing"] = round(routing(lambda: ours(x)), 4)  # noqa: B023
        numbers[f"{name} ({inputs} x {outputs}), {wide_tokens} tokens"] = row
        print(f"{name} ({inputs} x {outputs})", row)
    torch.set_num_threads(threads)
    return numbers
