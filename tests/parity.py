"""Errors against golden tensors, kept for a table.

    LOOKHEAR_PARITY=docs/results/parity.md python -m pytest tests/nets tests/adapters -k "golden or trajectory"

A test that compares with a golden tensor calls `note`; when the run ends, each golden file's section of the table is
replaced by what was measured, and sections of files that were not measured stay as they are.
"""

import atexit
import os
from pathlib import Path

import torch

HEAD = """# Equal to the official code

Largest absolute error of each golden tensor, and the tensor's own largest value beside it. Golden tensors were made by
running the official code (float32, CPU); `tests/nets` and `tests/adapters` hold them. Written by `tests/parity.py`.
"""
FOUND: dict[str, dict[str, tuple[float, float]]] = {}


def note(file: str, tensor: str, ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Remember the largest error of one tensor of one golden file."""
    ours, theirs = ours.detach().double().reshape(theirs.shape), theirs.detach().double()
    error = float((ours - theirs).abs().max())
    before = FOUND.setdefault(file, {}).get(tensor, (0.0, 0.0))
    FOUND[file][tensor] = (max(error, before[0]), max(float(theirs.abs().max()), before[1]))


def write(path: Path) -> None:
    """Put what was measured into the table at `path`."""
    parts = path.read_text("utf-8").split("\n## ")[1:] if path.is_file() else []
    sections = {p.split("\n", 1)[0]: p.split("\n", 1)[1].strip() for p in parts}
    for file, tensors in FOUND.items():
        rows = [f"| {t} | {error:.1e} | {largest:.3g} |" for t, (error, largest) in sorted(tensors.items())]
        sections[file] = "\n".join(["| tensor | largest error | largest value |", "|---|---|---|", *rows])
    body = "\n\n".join(f"## {name}\n\n{text}" for name, text in sorted(sections.items()))
    path.write_text(f"{HEAD}\n{body}\n", "utf-8")


if os.environ.get("LOOKHEAR_PARITY"):
    atexit.register(lambda: FOUND and write(Path(os.environ["LOOKHEAR_PARITY"])))
