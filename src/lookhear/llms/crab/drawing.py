"""Mask losses of Crab's training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from lookhear.errors import ModelError
from lookhear.layers import kv_cache, mask_decoder


def mask_losses(
    decoder: mask_decoder.MaskDecoder | None,
    marks: Sequence[int],
    hidden: Float[Tensor, "clip token dim"],
    row: kv_cache.Packed,
    pictures: Sequence[tuple[Tensor, Tensor] | None],
    masks: Sequence[Sequence[np.ndarray | Tensor | None]],
) -> dict[str, Tensor]:
    """Mask losses, from the hidden states that predict the mask tokens `marks` of each ask with a target mask.

    Raises ModelError without a decoder, and for a target without mask tokens or picture.
    """
    if decoder is None:
        raise ModelError("This Crab was built without a mask decoder (masks=False), so it cannot be trained on masks.")
    wanted = torch.tensor(marks, device=hidden.device)
    rows_by_form: dict[bool, list[tuple[Tensor, Tensor, Tensor, Tensor]]] = {False: [], True: []}
    for i, truths in enumerate(masks):
        for k, truth in enumerate(truths, 1):
            if truth is None:
                continue
            states = hidden[i][(row.segment[i] == k) & torch.isin(row.labels[i], wanted)]
            picture = pictures[i]
            if len(states) < len(marks) or picture is None:
                raise ModelError("A target with a mask needs the six mask tokens, and its clip a picture.")
            true = _sized(torch.as_tensor(truth, device=hidden.device).squeeze(), decoder.config.side)
            many = not true.is_floating_point() and int(true.max()) > 1
            rows_by_form[many].append((states[-len(marks) :], *picture, true))
    pairs: dict[bool, list[tuple[Tensor, Tensor]]] = {False: [], True: []}
    for many, rows in rows_by_form.items():
        if rows:
            states, first, second, true = (torch.stack(column) for column in zip(*rows, strict=True))
            logits = decoder(states, [first, second], many).float()
            pairs[many] = list(zip(logits, true if many else true[:, None].float(), strict=True))
    return mask_decoder.losses(pairs[False], pairs[True])


def _sized(mask: Shaped[Tensor, "height width"], side: int) -> Shaped[Tensor, "{side} {side}"]:
    """Resize a target mask or class map to the decoder's size by nearest pixels."""
    if mask.shape == (side, side):
        return mask
    return F.interpolate(mask[None, None].float(), (side, side), mode="nearest-exact")[0, 0].to(mask.dtype)
