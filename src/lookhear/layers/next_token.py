"""Choose the next token of a reply: sampled with a generator per reply, or by given numbers in 0..1."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sampled(
    logits: Float[Tensor, "row word"],
    generators: Sequence[torch.Generator | None],
    temperature: float,
    top_p: float = 1.0,
    top_k: int = 0,
) -> Int[Tensor, " row"]:
    """A sample for each row, from its own generator.

    Only the `top_k` most probable tokens (0: all) and the most probable ones that hold the share `top_p` are sampled.
    """
    scaled = (logits / temperature).cpu()
    if top_k:
        least = scaled.topk(min(top_k, scaled.shape[-1])).values[:, -1:]
        scaled = scaled.masked_fill(scaled < least, -torch.inf)
    if top_p < 1:
        order = scaled.argsort(descending=True, dim=-1)
        before = scaled.gather(-1, order).softmax(-1).cumsum(-1).roll(1, -1)
        before[:, 0] = 0.0
        out = torch.zeros_like(scaled, dtype=torch.bool).scatter(-1, order, before >= top_p)
        scaled = scaled.masked_fill(out, -torch.inf)
    chances = scaled.softmax(-1)
    drawn = [torch.multinomial(chances[i], 1, generator=generator) for i, generator in enumerate(generators)]
    return torch.cat(drawn).to(logits.device)


def by_uniform(
    logits: Float[Tensor, "row word"], draws: Float[Tensor, " row"], temperature: float = 1.0
) -> Int[Tensor, " row"]:
    """Tokens sampled from `logits` by inverse cumulative probabilities at the numbers `draws` in 0..1."""
    sums = (logits.double() / temperature).softmax(-1).cumsum(-1)
    places = draws.to(sums)[:, None] * sums[:, -1:]
    return torch.searchsorted(sums, places, right=True)[:, 0].clamp(max=sums.shape[-1] - 1)


def generator(temperature: float, seed: int, prompt: Sequence[int]) -> torch.Generator | None:
    """The generator of a reply, seeded by `seed` and the prompt, so that the batch has no influence; None if greedy."""
    if not temperature:
        return None
    digest = hashlib.sha256(repr((seed, tuple(prompt))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
