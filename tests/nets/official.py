"""Golden tensors of official networks: weights stored or by recipe, gradients with respect to tensors as published.

`translated` of a net is differentiable, so the published tensors themselves are the leaves: gradients and steps of an
optimizer are compared under the published names, whatever is stacked or transposed on the way.
"""

import json
import zlib

import numpy as np
import torch
from safetensors import safe_open
from torch import nn
from torch.func import functional_call

from tests.conftest import shared
from tests.parity import note

MASK = (1 << 64) - 1


def recipe(key, shape, seed):
    """Numbers in [-1, 1), a pure function of a name, a shape and a seed (splitmix64; README of the goldens)."""
    n = int(np.prod(shape))
    with np.errstate(over="ignore"):
        start = np.uint64(((zlib.crc32(key.encode()) << 32) + seed) & MASK)
        z = start + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) / 2**24
    return torch.from_numpy((2 * u - 1).astype(np.float32)).reshape(tuple(shape))


def baseline_weight(key, shape, seed):
    """A tensor by the recipe of goldens/baselines."""
    r = recipe(key, shape, seed)
    if key.endswith("weight_g"):
        return 20 + r if r.numel() == 1 else 1 + r / 2
    if key.endswith("running_var"):
        return 1 + r / 2
    if r.dim() <= 1:
        return 1 + 0.1 * r if key.endswith(("weight", "a_2")) else 0.1 * r
    return r * float(np.float32(np.sqrt(3 / np.prod(shape[1:]))))


def net_weight(key, shape, seed):
    """A tensor by the recipe of goldens/nets_c."""
    r = recipe(key, shape, seed)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if key.endswith("running_mean"):
        return 0.1 * r
    if key.endswith("running_var"):
        return 1 + 0.5 * r
    if r.dim() <= 1:
        return 1 + 0.1 * r if key.endswith("weight") else 0.1 * r
    if any(word in key for word in ("word2vec", "encoder_embed", "pos_embed", "av_token", "modality_param")):
        return 0.5 * r
    return r * float(np.float32(np.sqrt(3 / np.prod(shape[1:]))))


def tower_weight(key, shape, seed):
    """A tensor by the recipe of goldens/towers."""
    r, leaf = recipe(key, shape, seed), key.split(".")[-1]
    rules = {"gate": (0.5, 0.3), "gate_av": (0.5, 0.3), "logit_scale": (float(np.log(10)), 0.3)}
    rules |= {"running_var": (1, 0.3), "running_mean": (0, 0.3), "relative_position_bias_table": (0, 0.5)}
    if leaf in rules:
        base, scale = rules[leaf]
        return base + scale * r
    if leaf == "my_tokens":
        return 2 * r / np.sqrt(shape[-1])
    if r.dim() <= 1:
        return 1 + 0.1 * r if leaf == "weight" else 0.1 * r
    return 0.5 * r if "word2vec" in key else r * float(np.float32(np.sqrt(3 / np.prod(shape[1:]))))


RECIPES = {"baselines": baseline_weight, "nets_c": net_weight, "towers": tower_weight}


class Golden:
    """One file: `tensors` by name, `meta`, `weights` under their published names (made by recipe where not stored)."""

    def __init__(self, folder, file, weights="weights/"):
        self.file, self.tensors = file, {}
        with safe_open(shared("goldens", folder, f"{file}.safetensors"), "pt") as opened:
            self.meta = dict(opened.metadata() or {})
            for key in opened.keys():  # noqa: SIM118
                self.tensors[key] = opened.get_tensor(key)
        self.seed = int(self.meta.get("seed", 0))
        self.weights = {k: v for k, v in self.part(weights).items() if not k.startswith("__first4__/")}
        if not self.weights and (self.meta.get("keys") or self.meta.get("shapes")):
            shapes = json.loads(self.meta.get("keys") or self.meta["shapes"])
            self.weights = {k: RECIPES[folder](k, s, self.seed) for k, s in shapes.items()}
            for prefix in ("first4/", f"{weights}__first4__/"):
                for name, four in self.part(prefix).items():
                    assert torch.equal(self.weights[name].flatten()[:4].to(four.dtype), four), name

    def part(self, prefix):
        """The tensors under a prefix, without it."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def __getitem__(self, name):
        return self.tensors[name]

    def __contains__(self, name):
        return name in self.tensors

    def drawn(self, name, shape):
        """The input called `name`, by recipe."""
        return recipe(f"inputs/{name}", shape, self.seed)

    def check(self, name, mine, relative=1e-5, absolute=1e-6):
        """`mine` equals the tensor called `name` to a share of its largest entry; whole numbers exactly."""
        theirs = self.tensors[name]
        mine = mine.detach().reshape(theirs.shape)
        if not theirs.is_floating_point():
            assert torch.equal(mine.to(theirs.dtype), theirs), f"{self.file} {name}"
            return
        note(self.file, name, mine, theirs)
        error = float((mine.double() - theirs.double()).abs().max())
        allowed = absolute + relative * float(theirs.abs().max())
        assert error <= allowed, f"{self.file} {name}: off by {error:.2e}, allowed {allowed:.2e}"

    def checks(self, found, prefix="outputs/", **allowed):
        """Everything in `found`, which must all be in the file."""
        for name, mine in found.items():
            self.check(prefix + name, mine, **allowed)

    def gradients(self, found, prefix="grads/", relative=2e-5, absolute=1e-6, but=()):
        """Gradients by published name equal those under `prefix`, of which there must be some."""
        theirs = [n for n in self.part(prefix) if n not in but]
        assert theirs, prefix
        for name in theirs:
            self.check(prefix + name, found[name], relative, absolute)


class Run(nn.Module):
    """A net and a function of it as one module, for `functional_call`."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, function):
        return function(self.net)


def with_weights(net, state, function):
    """`function(net)` with the tensors in `state` (our names) as its weights; what it does not have is left out."""
    known = net.state_dict()
    return functional_call(Run(net), {f"net.{n}": t for n, t in state.items() if n in known}, (function,))


def leaves(weights, frozen=()):
    """Copies of the published tensors that gradients reach."""
    fixed = ("running_mean", "running_var", "num_batches_tracked", *frozen)
    return {
        k: v.clone().requires_grad_(v.is_floating_point() and not k.endswith(fixed)) if v.is_floating_point() else v
        for k, v in weights.items()
    }


def gradients(net, weights, translated, loss, frozen=()):
    """(the loss, its gradient with respect to every published tensor; zeros where nothing reaches it)."""
    state = leaves(weights, frozen)
    live = {k: v for k, v in state.items() if v.requires_grad}
    value = with_weights(net, translated(state), loss)
    found = torch.autograd.grad(value, list(live.values()), allow_unused=True)
    return value, {k: torch.zeros_like(v) if g is None else g for (k, v), g in zip(live.items(), found, strict=True)}


def trajectory(net, weights, translated, loss, steps=3, frozen=(), clip=None, optimizer=None):
    """The loss before each of some steps of Adam on the published tensors, and after the last."""
    state = leaves(weights, frozen)
    live = [v for v in state.values() if v.requires_grad]
    learns = (optimizer or (lambda p: torch.optim.Adam(p, lr=1e-3)))(live)
    losses = []
    for step in range(steps + 1):
        learns.zero_grad()
        value = with_weights(net, translated(state), loss)
        losses.append(value.item())
        if step < steps:
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(live, clip)
            learns.step()
    return torch.tensor(losses, dtype=torch.float64)


def gradient_norms(golden, found, name="gradnorms", relative=2e-5):
    """The norms of all gradients, sorted by published name, equal the stored ones."""
    norms = torch.stack([found[k].norm() for k in sorted(found)])
    theirs = golden[name]
    assert norms.shape == theirs.shape, (len(norms), len(theirs))
    golden.check(name, norms, relative=relative)
