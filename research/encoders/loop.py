"""The one training loop of the embedded encoders and of tiny_omni's towers: small batches, one cycle of the rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

LossOf = Callable[[int, torch.Generator], dict[str, Tensor]]  # step, generator -> losses of a batch by name


def train(net: nn.Module, loss_of: LossOf, steps: int, lr: float, seed: int) -> None:
    """Train `net` in place; `loss_of(step, generator)` draws a batch and returns its weighted losses by name."""
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.02, betas=(0.9, 0.99))
    start = time.process_time()
    for step, seen in taken(net, loss_of, optimizer, steps, lr, seed, 0.15):
        if step % max(1, steps // 20) == 0 or step == steps - 1:
            told = " ".join(f"{k} {v:.3f}" for k, v in seen.items())
            print(f"step {step:5d}  {time.process_time() - start:5.0f} CPU-s  {told}", flush=True)


def taken(
    net: nn.Module, loss_of: LossOf, optimizer: torch.optim.Optimizer, steps: int, lr: float, seed: int, warmup: float
) -> Iterator[tuple[int, dict[str, float]]]:
    """After each step taken: its number and the running means of the losses. `warmup` is the share of rising steps."""
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=warmup)
    generator, running = torch.Generator().manual_seed(seed), dict[str, float]()
    for step in range(steps):
        losses = loss_of(step, generator)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        for name, value in losses.items():
            running[name] = 0.98 * running.get(name, value.item()) + 0.02 * value.item()
        yield step, running
