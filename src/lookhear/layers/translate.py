"""Published state dicts in our layout: renaming by pattern, and stacking what we keep as one matrix.

Everything here is differentiable, so a test can take gradients with respect to the tensors as published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lookhear.errors import ModelError


def renamed(state: Mapping[str, Tensor], rules: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """The tensors whose whole name matches a pattern, under its replacement; the first rule that matches decides.

    A rule is (regular expression, replacement as `re.sub` takes it). Names that no rule matches are left out.
    """
    result = {}
    for name, tensor in state.items():
        for pattern, replacement in rules:
            if re.fullmatch(pattern, name):
                result[re.sub(pattern, replacement, name, count=1)] = tensor
                break
    return result


def stacked(state: Mapping[str, Tensor], parts: Sequence[str], weight: str, bias: str = "") -> dict[str, Tensor]:
    """`<prefix><part>.weight` (and `.bias`) of all `parts` stacked on axis 0 as `<prefix><weight>`, `<prefix><bias>`."""
    result = dict(state)
    for name in state:
        if not name.endswith(f"{parts[0]}.weight"):
            continue
        prefix = name.removesuffix(f"{parts[0]}.weight")
        for kind, new in (("weight", weight), ("bias", bias)):
            names = [f"{prefix}{part}.{kind}" for part in parts]
            if new and all(n in result for n in names):
                result[prefix + new] = torch.cat([result.pop(n) for n in names])
    return result


def fitted(net: nn.Module, state: Mapping[str, Tensor], strange: Iterable[str] = ()) -> nn.Module:
    """`net` with the weights in `state`, whose names are ours. Raises ModelError for what is missing or misshapen.

    `strange` names published tensors that nothing translates, not even as never used: they are refused.
    """
    strange = sorted(strange)
    if strange:
        raise ModelError(
            f"The checkpoint has tensors that are not of this network: {', '.join(strange[:3])} ({len(strange)} in all)."
        )
    wanted = net.state_dict()
    missing = [n for n in wanted if n not in state and not n.endswith("num_batches_tracked")]
    if missing:
        raise ModelError(f"The checkpoint lacks what becomes {missing[0]!r} ({len(missing)} tensors are missing).")
    for name, tensor in wanted.items():
        if name in state and state[name].shape != tensor.shape:
            raise ModelError(
                f"{name!r} has shape {tuple(state[name].shape)} in the checkpoint, not {tuple(tensor.shape)}."
            )
    net.load_state_dict({n: state.get(n, t) for n, t in wanted.items()})
    return net


def numbered(state: Mapping[str, Tensor], pattern: str) -> int:
    """How many numbers the one group of `pattern` takes over the names in `state`: the count of layers in a list."""
    return len({found[1] for name in state if (found := re.match(pattern, name))})
