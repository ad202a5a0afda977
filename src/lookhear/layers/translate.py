"""Published state dicts in our layout: renaming by pattern, and stacking of layers that we keep as one matrix.

Everything here is differentiable, so a test can take gradients with respect to the published tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from lookhear import checkpoints


def renamed(state: Mapping[str, Tensor], rules: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """The tensors whose full name matches a pattern, renamed; the first matching rule is used.

    A rule is (regular expression, replacement as in `re.sub`). Names without a matching rule are left out.
    """
    result = {}
    for name, tensor in state.items():
        for pattern, replacement in rules:
            if re.fullmatch(pattern, name):
                result[re.sub(pattern, replacement, name, count=1)] = tensor
                break
    return result


def stacked(state: Mapping[str, Tensor], parts: Sequence[str], weight: str, bias: str = "") -> dict[str, Tensor]:
    """Layers named `<prefix><part>`, stacked: matrices as `<prefix><weight>`, biases as `<prefix><bias>`."""
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


def fitted(net: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """`net` loaded with the tensors of `state` that it has. Raises ModelError for missing ones and wrong shapes."""
    wanted = net.state_dict()
    return checkpoints.load(net, {n: t for n, t in state.items() if n in wanted}, "this")


def numbered(state: Mapping[str, Tensor], pattern: str) -> int:
    """The number of different values of the first group of `pattern` in the names of `state`, for example of layers."""
    return len({found[1] for name in state if (found := re.match(pattern, name))})
