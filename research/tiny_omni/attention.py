"""Attention of a row that holds a clip and many questions about it: each question sees the clip and itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS


@dataclass(frozen=True)
class Layout:
    """How rows are laid out: a clip of `clip` tokens, then `asks` blocks of `block` tokens, filled up on the right."""

    clip: int
    asks: int
    block: int


LAYOUT: list[Layout] = []  # of the rows in work: attention has no other way to be told


def attend(module: nn.Module, q: Tensor, k: Tensor, v: Tensor, mask: None, scaling: float, **_: object) -> tuple:
    """Causal attention where every block sees the clip and itself."""
    at = LAYOUT[-1]
    (q, qs), (k, ks), (v, vs) = (t.split([at.clip, at.asks * at.block], 2) for t in (q, k, v))
    clip = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling)
    qs = qs * scaling
    to_clip = (qs @ k.transpose(-1, -2)).unflatten(2, (at.asks, at.block))  # … ask, place, clip token
    qs, ks, vs = (t.unflatten(2, (at.asks, at.block)) for t in (qs, ks, vs))
    later = torch.full((at.block, at.block), -1e4, dtype=qs.dtype).triu(1)
    shares = torch.cat([to_clip, qs @ ks.transpose(-1, -2) + later], -1).softmax(-1).to(v.dtype)
    on_clip, on_self = shares.split([at.clip, at.block], -1)
    blocks = on_clip.flatten(2, 3) @ v + (on_self @ vs).flatten(2, 3)
    return torch.cat([clip, blocks], 2).transpose(1, 2), None


ALL_ATTENTION_FUNCTIONS.register("clip_and_asks", attend)
