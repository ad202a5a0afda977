"""The conditional relation unit of HCRN, and the subsets of objects that it averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


def sizes_of(objects: int, built_for: int) -> range:
    """Subset sizes, largest first; a unit with as many objects as it was built for leaves out the full set."""
    full = 1 if objects == built_for and objects > 2 else 0
    return range(objects - full, 1, -1)


class Fixed:
    """One subset for every (number of objects, size), drawn once from a seed, so that all calls agree."""

    def __call__(self, unit: str, objects: int, sizes: Sequence[int], calls: int) -> Float[Tensor, "1 size object"]:
        """Rows of weights 1/size. `calls` is how many stretches the unit processes in parallel."""
        rows = torch.zeros(len(sizes), objects)
        for row, size in zip(rows, sizes, strict=True):
            drawn = torch.randperm(objects, generator=torch.Generator().manual_seed(1000 * objects + size))
            row[drawn[:size]] = 1 / size
        return rows[None]


class Drawn:
    """A subset drawn uniformly anew at every call of a unit, from torch's generator, as the official code does."""

    def __call__(self, unit: str, objects: int, sizes: Sequence[int], calls: int) -> Float[Tensor, "call size object"]:
        """Rows of weights 1/size, drawn for each call."""
        place = torch.rand(calls, len(sizes), objects).argsort(dim=-1).argsort(dim=-1)
        size = torch.tensor(list(sizes))[:, None]
        return (place < size).float() / size


class Given:
    """Subsets given per unit: 0/1 rows, (size, object) or (call, size, object), the largest size first."""

    def __init__(self, masks: Mapping[str, Tensor]) -> None:
        self.masks = masks

    def __call__(self, unit: str, objects: int, sizes: Sequence[int], calls: int) -> Float[Tensor, "call size object"]:
        """The rows of `unit`, as weights."""
        mask = self.masks[unit].float()
        mask = mask if mask.dim() == 3 else mask[None]
        return mask / mask.sum(dim=-1, keepdim=True)


SUBSETS = {"fixed": Fixed, "drawn": Drawn}


class Relation(nn.Module):
    """CRN (algorithm 1): for each size, the mean of a subset concatenated with the condition, through that size's
    layer.

    released: h = ELU(W [mean; condition] + b), times sigmoid(V [mean; condition] + d) where `gated`.
    fuse="mul": h = ELU(mean * c), c projected once more by one map for every further size.
    The layers of all sizes are one tensor, so a call is one matrix product; only the sizes that occur have layers.
    """

    def __init__(self, name: str, dim: int, objects: int, built_for: int, gated: bool = False, fuse: str = "concat"):
        super().__init__()
        self.name, self.objects, self.sizes = name, objects, sizes_of(objects, built_for)
        self.first = built_for - 1 - len(self.sizes) if objects == built_for else 0  # dead published layers before ours
        count = len(self.sizes)
        self.again = nn.Linear(dim, dim) if fuse == "mul" else None
        if self.again is None:
            self.weight, self.bias = layers(count, dim)
        if gated:
            self.gate_weight, self.gate_bias = layers(count, dim)
        self.gated = gated

    @property
    def outputs(self) -> int:
        """Number of output objects."""
        return len(self.sizes)

    def forward(
        self,
        x: Float[Tensor, "*rows object dim"],
        condition: Float[Tensor, "... dim"],
        chosen: Float[Tensor, "... size object"],
    ) -> Float[Tensor, "*rows size dim"]:
        """One object for each size. `chosen` holds the weights of the means; `condition` may lack inner rows."""
        means = chosen @ x
        if self.again is not None:
            seen = []
            for _ in self.sizes:
                condition = self.again(condition)
                seen.append(condition)
            return F.elu(means * torch.stack(seen, dim=-2))
        out = F.elu(both(means, condition, self.weight, self.bias))
        return out * both(means, condition, self.gate_weight, self.gate_bias).sigmoid() if self.gated else out


def layers(count: int, dim: int) -> tuple[nn.Parameter, nn.Parameter]:
    """`count` layers 2 dim -> dim as one tensor, Xavier-uniform, and their biases, 0."""
    weight = nn.Parameter(torch.empty(count, dim, 2 * dim))
    for layer in weight:
        nn.init.xavier_uniform_(layer)
    return weight, nn.Parameter(torch.zeros(count, dim))


def both(means: Tensor, condition: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Every size's layer on [mean; condition]; the condition's half is computed once for all rows that share it."""
    of_means, of_condition = weight.chunk(2, dim=-1)
    shared = torch.einsum("...d,sed->...se", condition, of_condition) + bias
    return torch.einsum("...sd,sed->...se", means, of_means) + shared


def windows(length: int, stretches: int, each: int) -> Int[Tensor, "stretch frame"]:
    """Indices of each stretch: `each` consecutive rows with evenly spaced starts; a short clip's last row is
    repeated."""
    starts = torch.linspace(0, max(length - each, 0), stretches).round().long()
    return (starts[:, None] + torch.arange(each)).clamp(max=length - 1)
