"""What the three embedded encoders share: weights that travel inside the package, their scale, and their signature.

Most of what the networks read is 0 most of the time (is there a violin? is there a tuba?). From that as it is, nets
that mix streams by attention learn several times more slowly, so each number is served standardised: minus its mean,
divided by its spread over a Soundstage. `Stage.plain` takes that back, to read the numbers by eye.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookhear.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"
SCALE = "scale."  # begins the name of a stream's (2, dim) mean and spread among the weights
INSTRUMENTS = 22  # the order is that of lookhear.soundstage.scene.scene.INSTRUMENTS, which is alphabetical


class Stage:
    """A small frozen network trained on the Soundstage; subclasses say what it reads and what it gives."""

    version = 1
    name = ""

    def __init__(self, net: nn.Module, weights: str = ""):
        path = Path(weights) if weights else WEIGHTS / f"{self.name}.safetensors"
        if not path.is_file():
            raise ModelError(f"No weights of {self.name} at {str(path)!r}. `make encoders` trains the ones that ship.")
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        try:
            tensors = {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}
            self.scale = {k.removeprefix(SCALE): tensors.pop(k) for k in list(tensors) if k.startswith(SCALE)}
            net.load_state_dict(tensors)
        except (RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{str(path)!r} does not hold weights of {self.name}: {reason}") from None
        self.net = net.eval().requires_grad_(False)

    def standard(self, stream: str, numbers: Tensor) -> Tensor:
        """What the network read, (..., dim), as it is served: standardised. Weights without a scale serve it plain."""
        mean, spread = self.scale.get(stream, (0.0, 1.0))
        return (numbers - mean) / spread

    def plain(self, stream: str, numbers: Tensor) -> Tensor:
        """What is served, (..., dim), as the network read it: the numbers that the encoder's docstring explains."""
        mean, spread = self.scale.get(stream, (0.0, 1.0))
        return numbers * spread + mean

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights file, version of the code around them."""
        return {"name": self.name, "sha256": self.sha256, "version": self.version, "settings": {}}


def rescale(path: Path, numbers: dict[str, Tensor], least: float = 0.15) -> None:
    """Write into a weights file the mean and spread of `numbers`, stream -> (row, dim) as the network read them.

    A spread below `least` counts as that much: what hardly ever changes is not blown up.
    """
    with safe_open(path, "pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    for stream, rows in numbers.items():
        tensors[SCALE + stream] = torch.stack([rows.mean(0), rows.std(0).clamp(min=least)]).half()
    save_file(tensors, path, header)


def save(net: nn.Module, path: Path, header: dict[str, str] | None = None) -> None:
    """Write the weights as they ship: half precision, 2 bytes a number, with a text or two in the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file({k: v.contiguous() for k, v in tensors.items() if not k.endswith("num_batches_tracked")}, path, header)


def rows(seconds: float) -> int:
    """Rows that `seconds` of media give at one a second: a last half second counts, the shortest clip gives one."""
    return max(1, int(seconds + 0.5 + 1e-9))
