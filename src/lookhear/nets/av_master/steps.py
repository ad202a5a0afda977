"""Weights and dropout masks of one step of AV-Master's focus capture."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Weights(NamedTuple):
    """The weight matrices of a step; products of weights are computed once per forward pass."""

    old: Tensor  # Lin1 (inner, dim)
    spread: Tensor  # Lin3, and the query, key and value of Lin3, stacked (4 dim, inner)
    spread_bias: Tensor
    table: Tensor  # contribution of the bias to query and key (modality, 1, template, 2 dim)
    out: Tensor
    out_bias: Tensor
    cross_bias: Tensor
    up: Tensor
    up_bias: Tensor
    down: Tensor
    down_bias: Tensor
    norms: tuple[Tensor, ...]  # weight and bias of norm1, norm2, norm3, norm


class Masks(NamedTuple):
    """Dropout masks of one second. `cross` holds, per head, the factor that dropout makes of equal probabilities."""

    weights: Tensor
    self_out: Tensor
    cross: Tensor
    cross_out: Tensor
    inner: Tensor
    out: Tensor
