"""Throughput of a run: seconds per step, clips and target tokens per second, waiting time, and MFU."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lookhear.train.estimate import Estimate
from lookhear.train.prepared import Clips


class Meter:
    """Losses and times since the last line of the log."""

    def __init__(self, clips: Clips, estimate: Estimate):
        self.clips, self.estimate = clips, estimate
        self._begin()

    def _begin(self) -> None:
        self.began, self.waited = time.perf_counter(), self.clips.waited
        self.losses: list[Tensor] = []
        self.drawn = self.tokens = 0
        self.paused = 0.0

    def step(self, loss: Tensor, clips: int, tokens: int) -> None:
        """Count a finished step."""
        self.losses.append(loss)
        self.drawn, self.tokens = self.drawn + clips, self.tokens + tokens
        self.last = time.perf_counter()

    def pause(self) -> None:
        """Exclude the time since the last step."""
        self.paused += time.perf_counter() - self.last

    def loss(self) -> Tensor:
        """The mean loss since the last line of the log."""
        return torch.stack(self.losses).mean()

    def facts(self) -> dict[str, float]:
        """The entries of a log line; resets the meter.

        `decode_share` is the fraction of time that steps waited for clips. `mfu` is the model FLOP/s divided by the
        peak of the device (for a CPU: by the measured speed of a matrix product at the start of the run).
        """
        seconds = max(time.perf_counter() - self.began - self.paused, 1e-9)
        entries = {
            "seconds": round(seconds, 3),
            "clips_per_second": round(self.drawn / seconds, 3),
            "tokens_per_second": round(self.tokens / seconds, 1),
            "decode_share": round((self.clips.waited - self.waited) / seconds, 4),
            "mfu": round(self.estimate.flops_a_step * len(self.losses) / seconds / self.estimate.speed, 4),
        }
        self._begin()
        return entries
