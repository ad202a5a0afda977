"""Golden tensors of the encoders: reading them, and making the weights that are given as an integer recipe."""

import json
import zlib

import numpy as np
import torch
from safetensors import safe_open

from tests.conftest import shared

MASK, CHUNK = (1 << 64) - 1, 1 << 15


def golden(name: str, folder: str = "encoders") -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and metadata (parsed where it is JSON) of one file; skips where it is absent."""
    with safe_open(shared("goldens", folder, f"{name}.safetensors"), "pt") as file:
        meta = {}
        for key, value in (file.metadata() or {}).items():
            try:
                meta[key] = json.loads(value)
            except json.JSONDecodeError:
                meta[key] = value
        return {k: file.get_tensor(k) for k in file.keys()}, meta  # noqa: SIM118


def uniform(name: str, shape, seed: int = 1) -> torch.Tensor:
    """Numbers in [-1, 1), a pure function of name, shape and seed (crc32 and splitmix64)."""
    n = int(np.prod(shape))
    step = 0x9E3779B97F4A7C15
    base = ((zlib.crc32(name.encode()) << 32) + seed * step) & MASK
    out = np.empty(n, np.float32)
    with np.errstate(over="ignore"):
        for start in range(0, n, CHUNK):  # in pieces that stay in the cache: networks have 80 million numbers
            z = np.arange(start + 1, min(start + CHUNK, n) + 1, dtype=np.uint64)
            z *= np.uint64(step)
            z += np.uint64(base)
            for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
                z ^= z >> np.uint64(shift)
                z *= np.uint64(factor)
            z ^= z >> np.uint64(31)
            z >>= np.uint64(40)
            out[start : start + CHUNK] = z.astype(np.float64) / 2**23 - 1
    return torch.from_numpy(out).reshape(tuple(shape))


def weight(name: str, shape, gain: float, seed: int = 1) -> torch.Tensor:
    """A parameter or BatchNorm buffer by recipe; `name` carries the prefix of its network."""
    u = uniform(name, shape, seed)
    if len(shape) >= 2:
        fan_in = u.numel() // shape[0]
        return u * np.float32(gain * np.sqrt(3 / fan_in))
    if name.endswith(("weight", "running_var")):
        return 1 + 0.1 * u
    return 0.1 * u


def fill(net: torch.nn.Module, prefix: str, gain: float, seed: int = 1) -> dict[str, torch.Tensor]:
    """A state dict of `net` by recipe."""
    state = net.state_dict()
    return {
        k: weight(f"{prefix}.{k}", v.shape, gain, seed) for k, v in state.items() if not k.endswith("batches_tracked")
    }


def error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference, relative to the largest golden value."""
    return float((ours.double() - theirs.double()).abs().max() / theirs.double().abs().max().clamp(min=1e-12))
