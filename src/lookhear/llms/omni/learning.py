"""Sampling and log-probabilities of Qwen-Omni models, for preference optimisation and reinforcement learning.

MediaCache, prompts, draws 0..1 ─ sample ─▶ replies, equal for equal draws and probabilities
clips, [(prompt, tokens of a reply), …] ─ logprobs ─▶ log-probability of every token, with gradients
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear.layers.generation import Generation, generate
from lookhear.layers.kv_cache import IGNORED, MediaCache, Packed, packed, pad_left
from lookhear.llms import Prepared, Reply
from lookhear.types import Media

TOGETHER = 64  # largest number of replies sampled in one batch

Pairs = Sequence[Sequence[tuple[Sequence[int], Sequence[int]]]]  # by clip: (tokens of a prompt, tokens of a reply)


@torch.inference_mode()
def sample(
    llm: Any,
    seen: MediaCache,
    rows: Sequence[int],
    prompts: Sequence[str],
    draws: Float[Tensor, "prompt token"],
    temperature: float = 1.0,
) -> list[Reply]:
    """Sample a reply to each prompt, token by token, with `draws` (prompt, token) in 0..1.

    `tokens` includes the end token. A reply that has as many tokens as there are draws is `cut`. Placeholder tokens of
    media are never sampled: read again for its log-probability, such a reply would ask for features that do not exist.
    """
    asked = [llm.question(prompt) for prompt in prompts]
    order = sorted(range(len(asked)), key=lambda i: len(asked[i]))
    replies: dict[int, Reply] = {}
    for start in range(0, len(order), TOGETHER):
        some = order[start : start + TOGETHER]
        said = generate(
            llm.base, seen, [rows[i] for i in some], [asked[i] for i in some], llm.stop, llm.pad, draws.shape[1],
            Generation(temperature=temperature), draws=draws[some], barred=tuple(llm.places.values()),
        )  # fmt: skip
        for i, one in zip(some, said, strict=True):
            text = llm.tokenizer.decode(one.tokens, skip_special_tokens=True).strip()
            tokens = one.tokens if one.last is None else (*one.tokens, one.last)
            replies[i] = Reply(text, one.score, tokens, ended="cut" if one.last is None else "finished")
    return [replies[i] for i in range(len(asked))]


def logprobs(
    llm: Any, media: Sequence[Media | Prepared], asks: Sequence[Sequence[tuple[str, Sequence[int]]]]
) -> list[list[Float[Tensor, " _token"]]]:
    """Log-probabilities (token,) of the replies to each clip's prompts.

    `asks` are (prompt, tokens of the reply including the end token), for each clip.
    """
    pairs = [[(llm.question(prompt), list(tokens)) for prompt, tokens in some] for some in asks]
    said, batch = llm.logits(media, pairs)
    words = batch.labels[batch.labels != IGNORED]
    scores = said.float().log_softmax(-1).gather(-1, words[:, None])[:, 0]
    found = iter(scores.split([len(tokens) for some in pairs for _, tokens in some]))  # in the order of clips
    return [[next(found) for _ in some] for some in pairs]


def logits(llm: Any, media: Sequence[Media | Prepared], pairs: Pairs) -> tuple[Float[Tensor, "token word"], Packed]:
    """Logits at the positions that predict reply tokens, and the packed rows that they belong to."""
    given = llm.prepared(media)
    clips = [llm.prefix(one) for one in given]
    batch = packed(clips, pairs, llm.pad, llm.device)
    tensors = llm.tensors(given)
    ids, mask = pad_left(clips, llm.pad, llm.device)
    positions = batch.positions(*llm.positions(ids, mask, tensors))
    dtype = llm.base.get_input_embeddings().weight.dtype
    out = llm.base.model(
        input_ids=batch.ids, attention_mask=batch.mask(dtype), position_ids=positions, use_cache=False, **tensors
    )
    return llm.base.lm_head(out.last_hidden_state[batch.labels != IGNORED]), batch
