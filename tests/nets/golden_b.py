"""Golden tensors of AVST and MCCD: reading them, and making the weights that are given as an integer recipe."""

import json
import zlib

import numpy as np
import torch
from safetensors import safe_open

from tests.conftest import shared

MASK = (1 << 64) - 1


def recipe(key: str, shape, seed: int) -> torch.Tensor:
    """Numbers in [-1, 1), a pure function of a name, a shape and a seed (splitmix64; goldens/nets_b/README.md)."""
    n = int(np.prod(shape))
    with np.errstate(over="ignore"):
        start = np.uint64(((zlib.crc32(key.encode()) << 32) + seed) & MASK)
        z = start + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) / 2**24
    return torch.from_numpy((2 * u - 1).astype(np.float32)).reshape(tuple(shape))


def recipe_weight(key: str, shape, seed: int) -> torch.Tensor:
    """A parameter by recipe: norms near 1, biases small, embeddings 0.5 r, matrices scaled by their fan-in."""
    r = recipe(key, shape, seed)
    low = key.lower()
    if len(shape) == 1:
        return 1 + 0.1 * r if "norm" in low and key.endswith("weight") else 0.1 * r
    if "emb" in low or "word2vec" in low:
        return 0.5 * r
    return r * float(np.float32(np.sqrt(3 / shape[-1])))


class Golden:
    """One file: `weights`, `inputs`, `outputs`, `grads` by name, and its metadata."""

    def __init__(self, name: str, folder: str = "nets_b"):
        path = shared("goldens", folder, f"{name}.safetensors")
        self.weights, self.inputs, self.outputs, self.grads = {}, {}, {}, {}
        with safe_open(path, "pt") as file:
            self.meta = file.metadata()
            for key in file.keys():  # noqa: SIM118
                part, _, rest = key.partition("/")
                getattr(self, part)[rest] = file.get_tensor(key)
        if "recipe" in self.meta.get("weights", ""):
            self.by_recipe()

    def by_recipe(self) -> None:
        """Make the weights that are not stored, and check them against the values that are."""
        seed = int(self.meta["seed"])
        stored = self.weights
        self.weights = {k: recipe_weight(k, s, seed) for k, s in json.loads(self.meta["keys"]).items()}
        for key, value in stored.items():
            if key.startswith("__first4__/"):
                assert torch.equal(self.weights[key.removeprefix("__first4__/")].flatten()[:4], value), key
            else:
                assert torch.equal(self.weights[key], value), key

    def input(self, name: str, shape=None, change=lambda r: r) -> torch.Tensor:
        """A stored input, or one by recipe."""
        if name in self.inputs:
            return self.inputs[name]
        return change(recipe(name, shape, int(self.meta["seed"])))


def far(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest error as a share of what `rtol 1e-5, atol 1e-6` allows: below 1 is equal."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(((ours - theirs).abs() / (1e-6 + 1e-5 * theirs.abs())).max())


def made(state: dict[str, torch.Tensor], seed: int = 5) -> dict[str, torch.Tensor]:
    """The same tensors with values by recipe: frozen numbers need no file."""
    return {k: recipe_weight(k, v.shape, seed) for k, v in state.items()}
