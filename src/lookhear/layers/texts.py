"""Computations that depend on the question's words only, done once for equal wordings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.layers.attention import trim_padding


def read_words(
    words: Float[Tensor, "question word wide"] | Mapping[str, Tensor], make: Callable[[Tensor], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """`make(words)` with all-zero rows at the end cut off, and a `padding_mask` if any are left.

    In inference, equal rows are computed once. A mapping, which is an earlier result, is returned unchanged.
    """
    if isinstance(words, Mapping):
        return dict(words)
    words, padding_mask = trim_padding(words)
    rows, back = (words, None) if torch.is_grad_enabled() else distinct(words)
    made = make(rows)
    made = made if back is None else {name: x[back] for name, x in made.items()}
    return made if padding_mask is None else {**made, "padding_mask": padding_mask}


def distinct(x: Float[Tensor, "row ..."]) -> tuple[Tensor, Tensor | None]:
    """(distinct rows of `x`, index of each row among them), or (x, None) if no two rows are equal.

    Rows are first compared by a weighted sum; those that agree are then compared in full.
    """
    flat = x.flatten(1)
    places = torch.arange(flat.shape[1], device=x.device, dtype=flat.dtype)
    marks, back = (flat @ torch.sin(places + 1)).unique(return_inverse=True)
    if len(marks) == len(x):
        return x, None
    first = torch.full_like(marks, len(x), dtype=torch.long)
    first.scatter_reduce_(0, back, torch.arange(len(x), device=x.device), "amin")
    return (x[first], back) if torch.equal(flat[first[back]], flat) else (x, None)


def of_one_clip(x: Tensor) -> bool:
    """Whether all rows of a gathered memory are one expanded row, that is, all questions are about one clip."""
    return len(x) > 1 and x.stride(0) == 0
