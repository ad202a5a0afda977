"""What the three embedded encoders share: weights that travel inside the package, and their signature."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from lookhear.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"
INSTRUMENTS = 22  # the order is that of lookhear.soundstage.scene.INSTRUMENTS, which is alphabetical


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
            net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()})
        except (RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"{str(path)!r} does not hold weights of {self.name}: {reason}") from None
        self.net = net.eval().requires_grad_(False)

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights file, version of the code around them."""
        return {"name": self.name, "sha256": self.sha256, "version": self.version, "settings": {}}


def save(net: nn.Module, path: Path, header: dict[str, str] | None = None) -> None:
    """Write the weights as they ship: half precision, 2 bytes a number, with a text or two in the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {k: v.detach().half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    save_file({k: v.contiguous() for k, v in tensors.items() if not k.endswith("num_batches_tracked")}, path, header)


def rows(seconds: float) -> int:
    """Rows that `seconds` of media give at one a second: a last half second counts, the shortest clip gives one."""
    return max(1, int(seconds + 0.5 + 1e-9))
