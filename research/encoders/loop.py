"""The one training loop of the embedded encoders: small batches, many steps, one cycle of the learning rate."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn


def train(
    net: nn.Module, loss_of: Callable[[int, torch.Generator], dict[str, Tensor]], steps: int, lr: float, seed: int
) -> None:
    """Train `net` in place; `loss_of(step, generator)` draws a batch and returns its weighted losses by name."""
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=0.02, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.15)
    generator, start, seen = torch.Generator().manual_seed(seed), time.process_time(), {}
    for step in range(steps):
        losses = loss_of(step, generator)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        for name, value in losses.items():
            seen[name] = 0.98 * seen.get(name, value.item()) + 0.02 * value.item()
        if step % max(1, steps // 20) == 0 or step == steps - 1:
            told = " ".join(f"{k} {v:.3f}" for k, v in seen.items())
            print(f"step {step:5d}  {time.process_time() - start:5.0f} CPU-s  {told}", flush=True)
