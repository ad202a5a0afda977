"""Base class of the built-in Soundstage encoders: shipped weights, standardisation, and signature.

Most raw outputs are 0 most of the time (is there a violin? is there a tuba?). Nets with attention learn several times
more slowly from such features. So each dimension is standardised: minus its mean, divided by its standard deviation
over a Soundstage. `Stage.plain` inverts this, to make the numbers readable.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookhear.encoders import Encoder
from lookhear.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"
SCALE = "scale."  # prefix of the tensors with a stream's mean and standard deviation, (2, dim)
INSTRUMENTS = 22  # the order is that of lookhear.soundstage.scene.scene.INSTRUMENTS, which is alphabetical


class Stage(Encoder):
    """A small frozen network trained on the Soundstage; subclasses define input and output."""

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
        """Standardise the network's raw output (..., dim); without a scale in the weights it is returned unchanged."""
        mean, spread = self.scale.get(stream, (0.0, 1.0))
        return (numbers - mean) / spread

    def plain(self, stream: str, numbers: Tensor) -> Tensor:
        """Invert `standard`: the raw numbers (..., dim) that the encoder's docstring describes."""
        mean, spread = self.scale.get(stream, (0.0, 1.0))
        return numbers * spread + mean

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights file, and version of the code."""
        return {"name": self.name, "sha256": self.sha256, "version": self.version, "settings": {}}


def rescale(path: Path, numbers: dict[str, Tensor], least: float = 0.15) -> None:
    """Write mean and standard deviation of `numbers`, stream -> raw outputs (row, dim), into a weights file.

    Standard deviations below `least` are set to `least`, so that nearly constant dimensions are not amplified.
    """
    with safe_open(path, "pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    for stream, rows in numbers.items():
        tensors[SCALE + stream] = torch.stack([rows.mean(0), rows.std(0).clamp(min=least)]).half()
    save_file(tensors, path, header)


def save(net: nn.Module, path: Path, header: dict[str, str] | None = None) -> None:
    """Write the weights in half precision, with texts in the safetensors header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file({k: v.contiguous() for k, v in tensors.items() if not k.endswith("num_batches_tracked")}, path, header)


def rows(seconds: float) -> int:
    """Number of rows for `seconds` of media at one per second: rounded at half a second, at least one."""
    return max(1, int(seconds + 0.5 + 1e-9))
