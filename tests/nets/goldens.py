"""Reading the official tensors: what their names are here, how full-width weights are drawn, how close is equal."""

import zlib

import numpy as np
import torch


def close(mine, theirs, what):
    """Equal as far as the order of float32 sums allows."""
    error = float((mine.detach() - theirs).abs().max())
    assert torch.allclose(mine.detach(), theirs, rtol=1e-4, atol=2e-5), f"{what}: off by {error:.2e}"


def inputs(tensors, names):
    """Inputs of a golden file under our stream names; a sentence and its words are one row each."""
    given = {ours: tensors[f"inputs/{theirs}"] for ours, theirs in names.items()}
    return {n: x[:, 0] if n in ("question", "words") and x.shape[1] == 1 else x for n, x in given.items()}


def ours(net, names, official):
    """The parameter of `net` that is called `official` in the published code, by the table of prefixes `names`."""
    old = next(o for o in names if official == o or official.startswith(o + "."))
    return dict(net.named_parameters())[names[old] + official[len(old) :]]


def recipe_weights(net, seed=1234):
    """State of `net`, drawn by the recipe that the full-width goldens were made with."""
    state = {}
    for name, tensor in net.state_dict().items():
        x = _draw(name, tuple(tensor.shape), seed)
        if tensor.dim() >= 2:
            x = x / np.float32(np.sqrt(tensor.shape[-1]))
        elif name.endswith("weight"):
            x = np.float32(1) + np.float32(0.1) * x
        else:
            x = np.float32(0.1) * x
        state[name] = torch.from_numpy(x)
    return state


def recipe_input(name, shape, rows=2, seed=1234):
    """The input called `name` in the published code."""
    return torch.from_numpy(_draw(f"inputs/{name}", (rows, *shape), seed))


def _draw(name, shape, seed):
    generator = np.random.Generator(np.random.PCG64((zlib.crc32(name.encode()) ^ seed) & 0xFFFFFFFF))
    return generator.standard_normal(shape, np.float32)
