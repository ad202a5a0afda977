"""Peak memory since a reset: of a GPU according to torch, else of this process."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET = "5"  # Linux: resets the peak of resident memory


def reset(device: torch.device) -> None:
    """Reset the peak. If the system cannot, the peak counts from the start of the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with contextlib.suppress(OSError):
            CLEAR.write_text(RESET)


def peak(device: torch.device) -> int:
    """Peak memory in bytes since `reset`."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if STATUS.is_file() and (found := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())):
        return 1024 * int(found[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
