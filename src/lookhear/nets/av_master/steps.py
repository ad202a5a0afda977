"""What a step of AV-Master's focus capture multiplies by, and what it drops."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Weights(NamedTuple):
    """What a step multiplies by; products are made once per forward."""

    old: Tensor  # Lin1 (inner, dim)
    spread: Tensor  # Lin3, and the query, key and value of Lin3, one above the other (4 dim, inner)
    spread_bias: Tensor
    table: Tensor  # what the bias adds to query and key (modality, 1, template, 2 dim)
    out: Tensor
    out_bias: Tensor
    cross_bias: Tensor
    up: Tensor
    up_bias: Tensor
    down: Tensor
    down_bias: Tensor
    norms: tuple[Tensor, ...]  # weight and bias of norm1, norm2, norm3, norm


class Masks(NamedTuple):
    """Dropout of one second. `cross` is what becomes of equal probabilities, per head."""

    weights: Tensor
    self_out: Tensor
    cross: Tensor
    cross_out: Tensor
    inner: Tensor
    out: Tensor
