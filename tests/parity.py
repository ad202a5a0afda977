"""How far tests were from golden tensors, kept for docs/results/parity.md.

A test that compares with a golden tensor calls `note`; `python -m bench parity` runs those tests and writes the page.
"""

import torch

FOUND: dict[str, dict[str, tuple[float, float, torch.dtype]]] = {}


def note(file: str, tensor: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Remember of one tensor of one golden file: the largest error, its own largest entry, how it is kept."""
    kept, theirs = theirs.dtype, theirs.detach().double()
    ours = ours.detach().double().reshape(theirs.shape)
    error, largest, _ = FOUND.setdefault(file, {}).get(tensor, (0.0, 0.0, kept))
    FOUND[file][tensor] = (
        max(error, float((ours - theirs).abs().max())),
        max(largest, float(theirs.abs().max())),
        kept,
    )
