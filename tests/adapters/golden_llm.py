"""Golden tensors of Crab and Crab+: reading them, and making the weights that are given as an integer recipe."""

import json
import zlib

import numpy as np
import torch
from safetensors import safe_open

from tests.conftest import shared

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def read(name: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """(tensors, metadata) of a golden file."""
    with safe_open(shared("goldens", "av_llm", f"{name}.safetensors"), "pt") as file:
        return {k: file.get_tensor(k) for k in file.keys()}, file.metadata() or {}  # noqa: SIM118


def made(name: str, shape: list[int], seed: int, gain: float = 1.0) -> torch.Tensor:
    """A parameter by recipe: a pure function of its name, shape and seed (goldens/av_llm/README.md)."""
    n = int(np.prod(shape)) if shape else 1
    base = np.uint64(((zlib.crc32(name.encode()) << 32) + seed * GOLDEN) & MASK)
    with np.errstate(over="ignore"):
        z = base + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = torch.from_numpy(((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)).reshape(shape)
    if len(shape) >= 2:
        return u * (gain * (3.0 / (n / shape[0])) ** 0.5)
    return 1 + 0.1 * u if name.endswith("weight") else 0.1 * u


def weights(name: str) -> dict[str, torch.Tensor]:
    """The official state dict that a `*_param_shapes.json` describes."""
    told = json.loads(shared("goldens", "av_llm", f"{name}_param_shapes.json").read_text("utf-8"))
    return {key: made(key, shape, told["seed"], told["gain"]) for key, shape in told["shapes"].items()}
