"""Clips and what is asked of them in one row of tokens, attention worked out part by part.

    clip a │ clip b │ … ║ ask of a │ ask of b ░│ ask of a │ … ║ long ask of b ░░░│ long ask of a │ …
                        └ a shelf: asks of like length ───┘   └ another shelf

A clip sees itself; an ask sees its clip and itself. Nothing else is computed, where a mask over the row would compute
all and throw most of it away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from lookhear.layers.kv_cache import IGNORED

EDGES = (12, 20, 28, 48, 80, 112, 160, 224, 4096)  # lengths that a shelf ends at
NAME = "clips_and_shelves"


@dataclass(frozen=True)
class Shelf:
    """Asks filled up on the right to `long` tokens; `owners` are their clips."""

    owners: Tensor
    long: int


@dataclass(frozen=True)
class Shelved:
    """Asks one after the other, shelf by shelf: tokens, what comes next of each, its place in its ask and its clip."""

    ids: Tensor
    labels: Tensor
    places: Tensor
    owners: Tensor
    shelves: tuple[Shelf, ...]


def shelved(pairs: Sequence[tuple[int, Sequence[int], Sequence[int]]], pad: int) -> Shelved:
    """(clip, prompt, target) triples on shelves of like length."""
    rows: dict[int, list[tuple[int, Sequence[int], Sequence[int]]]] = {}
    for pair in pairs:
        rows.setdefault(next(e for e in EDGES if e >= len(pair[1]) + len(pair[2])), []).append(pair)
    ids, labels, places, shelves = list[int](), list[int](), list[int](), []
    for _, some in sorted(rows.items()):
        long = max(len(prompt) + len(target) for _, prompt, target in some)
        shelves.append(Shelf(torch.tensor([clip for clip, _, _ in some]), long))
        for _, prompt, target in some:
            rest = long - len(prompt) - len(target)
            ids += [*prompt, *target, *[pad] * rest]
            labels += [*[IGNORED] * (len(prompt) - 1), *target, *[IGNORED] * (rest + 1)]
            places += range(long)
    owners = torch.cat([shelf.owners.repeat_interleave(shelf.long) for shelf in shelves])
    return Shelved(torch.tensor(ids), torch.tensor(labels), torch.tensor(places), owners, tuple(shelves))


NOW: list[tuple[int, int, tuple[Shelf, ...]]] = []  # clips, tokens of each, shelves: attention is told in no other way


@contextmanager
def attending(config: Any, clips: int, tokens: int, shelves: tuple[Shelf, ...]) -> Iterator[None]:
    """Attention of this kind for a while."""
    before = config._attn_implementation
    NOW.append((clips, tokens, shelves))
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
        NOW.pop()


def attend(module: nn.Module, q: Tensor, k: Tensor, v: Tensor, mask: None, scaling: float, **_: object) -> tuple:
    """q, k, v (1, head, token, dim) of a row laid out as above."""
    clips, tokens, shelves = NOW[-1]
    sizes = [clips * tokens, *(len(shelf.owners) * shelf.long for shelf in shelves)]
    (q, *qs), (k, *ks), (v, *vs) = (t[0].split(sizes, 1) for t in (q, k, v))
    q, k, v = (_apart(t, tokens) for t in (q, k, v))
    found = [F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling)]
    for shelf, q1, k1, v1 in zip(shelves, qs, ks, vs, strict=True):
        q1, k1, v1 = (_apart(t, shelf.long) for t in (q1, k1, v1))
        sees = torch.ones(shelf.long, tokens + shelf.long, dtype=torch.bool).tril(tokens)
        k1, v1 = torch.cat([k[shelf.owners], k1], 2), torch.cat([v[shelf.owners], v1], 2)
        found.append(F.scaled_dot_product_attention(q1, k1, v1, sees, scale=scaling))
    return torch.cat([one.transpose(1, 2).flatten(0, 1) for one in found])[None], None


def _apart(t: Tensor, tokens: int) -> Tensor:
    """(head, row x token, dim) as (row, head, token, dim)."""
    return t.unflatten(1, (-1, tokens)).transpose(0, 1)


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
