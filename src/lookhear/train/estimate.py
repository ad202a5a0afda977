"""Estimate memory, disk space and time of a run before its first step, and refuse a run that does not fit.

memory = weights + trained weights x (gradient 4 + Adam's moments 8 bytes) + activations of the longest packed row
disk   = the result + one checkpoint (trained weights, three times) + prepared clips if they have a folder
time   = 6 x weights x tokens per step (8 x with activation checkpointing)
measured or known speed

Activations are estimated as 34 bytes x width x layers per token in half precision (Korthikanti et al., 2022, without
the attention matrix, which fused attention does not store), twice that in single precision; checkpointing stores 2
bytes instead. The estimates are accurate to a factor of about two, which is enough to detect runs that cannot fit.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lookhear.errors import ModelError
from lookhear.llms import Prepared, Trainable

PEAK = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L40": 181e12, "4090": 165e12, "V100": 125e12}
"""dense bf16 operations a second of cards, as their makers print them"""


@dataclass(frozen=True)
class Estimate:
    """Estimated and available memory and disk space (bytes), time per step (seconds), and operations."""

    memory: float
    memory_there: float
    disk: float
    disk_there: float
    seconds_a_step: float
    steps: int
    flops_a_step: float
    speed: float

    def __str__(self) -> str:
        hours = self.seconds_a_step * self.steps / 3600
        return (
            f"estimate: memory {self.memory / 1e9:.2f} of {self.memory_there / 1e9:.1f} GB, "
            f"disk {self.disk / 1e9:.2f} of {self.disk_there / 1e9:.1f} GB, {self.seconds_a_step:.2g} s a step, "
            f"{hours:.2g} h for {self.steps} steps"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def check(self) -> None:
        """Raise ModelError if memory or disk space is not sufficient."""
        if self.memory > self.memory_there:
            raise ModelError(
                f"The run needs about {self.memory / 1e9:.1f} GB of memory, {self.memory_there / 1e9:.1f} GB are free. "
                "Lower train.batch, raise train.accumulate, set train.checkpointing=true, llm.dtype=bfloat16 or "
                "llm.quantize=4bit; train.check_memory=false starts it all the same."
            )
        if self.disk > self.disk_there:
            raise ModelError(
                f"The run writes about {self.disk / 1e9:.1f} GB, {self.disk_there / 1e9:.1f} GB are free. Free some, "
                "or set out= or train.prepared= to another disk; train.check_memory=false starts it all the same."
            )


def estimate(
    model: torch.nn.Module,
    tokens: int,
    row: int,
    steps: int,
    run: Path,
    clips: int = 0,
    clip_bytes: float = 0.0,
    checkpointing: bool = False,
    processes: int = 1,
) -> Estimate:
    """Estimate a run with `tokens` per step over all processes and at most `row` tokens in one forward pass."""
    weights = list(model.parameters())
    held = sum(p.numel() * p.element_size() for p in weights)
    count = sum(p.numel() for p in weights)
    learning = sum(p.numel() for p in weights if p.requires_grad)
    wide, layers = shape(model)
    bytes_each = 2 if weights[0].element_size() == 2 else 4
    kept = 2 * wide * layers * bytes_each / 2 if checkpointing else 17 * wide * layers * bytes_each
    memory = held + 12 * learning + row * kept
    device = weights[0].device
    flops = (8 if checkpointing else 6) * count * tokens
    speed = of(device, weights[0].dtype)
    disk = 4 * 4 * learning + clips * clip_bytes
    return Estimate(
        memory, free(device), disk, shutil.disk_usage(existing(run)).free, flops / (0.4 * speed * processes), steps,
        flops, speed * processes,
    )  # fmt: skip


def tokens_of(llm: Trainable, clip: Prepared) -> int:
    """Number of tokens of a prepared clip, without questions."""
    return len(llm.prefix(clip))


def shape(model: torch.nn.Module) -> tuple[int, int]:
    """(width, layers) of the inner language model."""
    for module in model.modules():
        told = getattr(module, "config", None)
        told = getattr(told, "text_config", told)
        if hasattr(told, "hidden_size") and hasattr(told, "num_hidden_layers") and hasattr(told, "vocab_size"):
            return int(told.hidden_size), int(told.num_hidden_layers)
    return 1024, 24


def of(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a device: the specified peak of a known GPU, else the measured speed of a matrix product."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        if known := next((peak for card, peak in PEAK.items() if card in name), None):
            return known
    a = torch.randn(512, 512, device=device, dtype=dtype if device.type == "cuda" else torch.float32)
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - began)
    return 2 * 512**3 / best


def free(device: torch.device) -> float:
    """Bytes of available memory, including what the model already uses."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_allocated(device))
    mine = float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if proc() else 0.0
    if not proc():
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return 1024 * float(lines["MemAvailable"].split()[0]) + mine


def proc() -> bool:
    """Whether /proc/meminfo exists."""
    return Path("/proc/self/statm").is_file()


def existing(path: Path) -> Path:
    """The nearest existing parent folder."""
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path
