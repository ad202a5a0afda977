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


def recipe_weights(state, seed=1234):
    """Tensors of the names and shapes in `state`, by the recipe that the full-width goldens were made with."""
    drawn = {}
    for name, tensor in state.items():
        x = _draw(name, tuple(tensor.shape), seed)
        if tensor.dim() >= 2:
            x = x / np.float32(np.sqrt(tensor.shape[-1]))
        elif name.endswith("weight"):
            x = np.float32(1) + np.float32(0.1) * x
        else:
            x = np.float32(0.1) * x
        drawn[name] = torch.from_numpy(x)
    return drawn


def recipe_input(name, shape, rows=2, seed=1234):
    """The input called `name` in the published code."""
    return torch.from_numpy(_draw(f"inputs/{name}", (rows, *shape), seed))


def _draw(name, shape, seed):
    generator = np.random.Generator(np.random.PCG64((zlib.crc32(name.encode()) ^ seed) & 0xFFFFFFFF))
    return generator.standard_normal(shape, np.float32)


def weights_of(tensors):
    """The official state in a golden file, named as parallel training saves it."""
    return {f"module.{k.removeprefix('weights/')}": v for k, v in tensors.items() if k.startswith("weights/")}


def close_gradients(net, names, tensors, prefix):
    """Every gradient in `tensors` directly under `prefix` equals ours."""
    found = [k for k in tensors if k.startswith(prefix) and not k.removeprefix(prefix).startswith(("topk/", "concat/"))]
    assert found
    for name in found:
        mine, theirs = ours(net, names, name.removeprefix(prefix)).grad, tensors[name]
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-6 * float(theirs.abs().max())), name


def steps(net, loss, betas=(0.9, 0.999)):
    """The loss before three steps of Adam and after them."""
    adam, taken = torch.optim.Adam(net.parameters(), lr=1e-3, betas=betas), []
    for _ in range(4):
        adam.zero_grad()
        now = loss()
        taken.append(now.item())
        now.backward()
        adam.step()
    return taken


def official_shapes(net, names):
    """Official name -> a tensor of that shape, for all that `net` keeps, by the table of prefixes `names`."""
    back = sorted(((new, old) for old, new in names.items()), key=lambda pair: -len(pair[0]))
    state = {}
    for name, tensor in net.state_dict().items():
        new, old = next((n, o) for n, o in back if name == n or name.startswith(n + "."))
        state[old + name[len(new) :]] = tensor
    return state
