"""Key-value cache of encoded clips, from which answers are generated (`layers.generation`).

    clip a   ░░░░ system, lead-in, picture, sound │ ░░ question ─▶ answer, token by token
    clip b        system, lead-in, picture, sound │    question ─▶ answer          ░ padding, on the left
    clip b        system, lead-in, picture, sound │ ░  another  ─▶ answer

Rows of the cache are repeated for each question about them. Clips and questions are padded on the left; padding is
masked and has no position, so that a row's output does not depend on the other rows. `packed` puts a clip and all its
questions with their targets into one row for training, in which a question attends to the clip and to itself only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Real
from torch import Tensor

IGNORED = -100  # label of positions without loss


@dataclass(frozen=True)
class MediaCache:
    """Key-value cache of encoded clips, one row each.

    `layers` are (keys, values), each (clip, head, token, dim); `mask` is True for real tokens; `after` is the next
    position; `axes` is 3 if positions have time, height and width.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    mask: Bool[Tensor, "clip token"]
    after: Real[Tensor, " clip"]
    axes: int = 1
    notes: tuple[tuple[str, ...], ...] = ()


def cached_tensors(cache: Any) -> tuple[tuple[Tensor, Tensor], ...]:
    """The (keys, values) tensors of a transformers cache."""
    return tuple((layer.keys, layer.values) for layer in cache.layers)


def select_rows(seen: MediaCache, rows: Int[Tensor, " row"]) -> Any:
    """A transformers cache with copies of the given `rows`; `seen` is not modified."""
    from transformers import DynamicCache

    return DynamicCache([(keys[rows], values[rows]) for keys, values in seen.layers])


def pad_left(
    texts: Sequence[Sequence[int]], pad: int, device: Any = None
) -> tuple[Int[Tensor, "text token"], Bool[Tensor, "text token"]]:
    """(tokens, mask) of texts of different lengths, padded on the left."""
    longest = max(map(len, texts), default=0)
    ids = [[pad] * (longest - len(text)) + list(text) for text in texts]
    mask = [[False] * (longest - len(text)) + [True] * len(text) for text in texts]
    return torch.tensor(ids, dtype=torch.long, device=device), torch.tensor(mask, dtype=torch.bool, device=device)


def spread(positions: Real[Tensor, "text token"], axes: int) -> Real[Tensor, "*axes text token"]:
    """Positions of text in the model's format: the same on every axis."""
    return positions if axes == 1 else positions.expand(axes, *positions.shape)


@dataclass(frozen=True)
class Packed:
    """Clips with their questions, a row each, for one forward pass.

    `segment` is 0 for the clip, k for its k-th question, -1 for padding; `labels` is the next token at each position,
    or IGNORED.
    """

    ids: Int[Tensor, "clip token"]
    segment: Int[Tensor, "clip token"]
    labels: Int[Tensor, "clip token"]

    def positions(
        self, media: Real[Tensor, "axis clip token"], after: Real[Tensor, " clip"]
    ) -> Real[Tensor, "axis clip packed"]:
        """`media` positions unchanged, and positions of each question starting at `after`, as if it were the only
        question."""
        result = torch.zeros(len(media), *self.segment.shape, dtype=media.dtype, device=media.device)
        for row, segment in enumerate(self.segment):
            clip = (segment == 0).nonzero().squeeze(1)
            result[:, row, clip] = media[:, row, -len(clip) :]
            for k in range(1, int(segment.max()) + 1):
                place = (segment == k).nonzero().squeeze(1)
                result[:, row, place] = after[row] + torch.arange(len(place), device=media.device, dtype=media.dtype)
        return result

    def mask(self, dtype: torch.dtype) -> Float[Tensor, "clip 1 query key"]:
        """Additive attention mask: 0 where attention is allowed, the smallest number of `dtype` elsewhere."""
        mine, theirs = self.segment[:, :, None], self.segment[:, None, :]
        order = torch.arange(self.segment.shape[1], device=self.segment.device)
        sees = (order[:, None] >= order) & ((theirs == 0) | (theirs == mine)) & (theirs >= 0)
        sees = sees | (order[:, None] == order)  # padding attends to itself, so that no softmax row is empty
        return torch.zeros_like(sees, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)[:, None]


def packed(
    clips: Sequence[Sequence[int]], asks: Sequence[Sequence[tuple[Sequence[int], Sequence[int]]]], pad: int, device: Any
) -> Packed:
    """Pack the tokens of each clip and of its (prompt, target) pairs into one row."""
    rows, segments, labels = [], [], []
    for clip, pairs in zip(clips, asks, strict=True):
        row, segment, label = list(clip), [0] * len(clip), [IGNORED] * len(clip)
        for k, (prompt, target) in enumerate(pairs, 1):
            row += [*prompt, *target]
            segment += [k] * (len(prompt) + len(target))
            label += [IGNORED] * (len(prompt) - 1) + [*target] + [IGNORED]
        rows.append(row)
        segments.append(segment)
        labels.append(label)
    ids, _ = pad_left(rows, pad, device)
    return Packed(ids, pad_left(segments, -1, device)[0], pad_left(labels, IGNORED, device)[0])
