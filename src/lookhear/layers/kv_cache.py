"""The key-value cache of what was watched, and greedy answers that go on from it.

    clip a   ░░░░ system, lead-in, picture, sound │ ░░ question ─▶ answer, token by token
    clip b        system, lead-in, picture, sound │    question ─▶ answer          ░ padding, on the left
    clip b        system, lead-in, picture, sound │ ░  another  ─▶ answer

Rows of the cache are taken as often as there are questions about them. Padding stands on the left of the clip and on
the left of the question, is never attended to, and takes no position, so that a row says what it would say alone.
`packed` puts a clip and all its questions with their targets into one row for training: a question sees the clip and
itself, and nothing of the other questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

IGNORED = -100  # label of what is not learned


@dataclass(frozen=True)
class MediaCache:
    """Clips as a language model keeps them: one row each.

    `layers` are (keys, values) of (clip, head, token, dim); `mask` says which tokens are not padding; `after` is the
    position of the token that comes next; `axes` is 3 where positions are time, height and width.
    """

    layers: tuple[tuple[Tensor, Tensor], ...]
    mask: Bool[Tensor, "clip token"]
    after: Int[Tensor, " clip"]
    axes: int = 1
    notes: tuple[tuple[str, ...], ...] = ()


def kept(cache: Any) -> tuple[tuple[Tensor, Tensor], ...]:
    """The tensors of a cache of transformers."""
    return tuple((layer.keys, layer.values) for layer in cache.layers)


def taken(seen: MediaCache, rows: Tensor) -> Any:
    """A cache of transformers that goes on from `rows` of what was seen, and leaves that as it is."""
    from transformers import DynamicCache

    return DynamicCache([(keys[rows], values[rows]) for keys, values in seen.layers])


def left(texts: Sequence[Sequence[int]], pad: int, device: Any = None) -> tuple[Tensor, Tensor]:
    """(tokens, mask) of texts of unequal length, padded on the left."""
    longest = max(map(len, texts), default=0)
    ids = [[pad] * (longest - len(text)) + list(text) for text in texts]
    mask = [[False] * (longest - len(text)) + [True] * len(text) for text in texts]
    return torch.tensor(ids, dtype=torch.long, device=device), torch.tensor(mask, dtype=torch.bool, device=device)


def spread(positions: Tensor, axes: int) -> Tensor:
    """(batch, token) positions of text as the model takes them: the same on every axis."""
    return positions if axes == 1 else positions.expand(axes, *positions.shape)


@dataclass(frozen=True)
class Said:
    """Tokens a model chose, without the one it stopped at, and their mean log-probability, with it.

    `states` (token, dim), where asked for, are the last hidden states each token was chosen from; `last` is the token
    it stopped at, None where it was cut.
    """

    tokens: tuple[int, ...]
    score: float
    states: Tensor | None = None
    last: int | None = None


@torch.inference_mode()
def greedy(
    model: nn.Module,
    seen: MediaCache,
    rows: Sequence[int],
    prompts: Sequence[Sequence[int]],
    stop: set[int],
    pad: int,
    max_tokens: int,
    states: bool = False,
) -> list[Said]:
    """The likeliest token again and again after each of `prompts`, until one of `stop` or `max_tokens`.

    See `decoded`.
    """
    return decoded(model, seen, rows, prompts, stop, pad, max_tokens, states=states)


@torch.inference_mode()
def decoded(
    model: nn.Module,
    seen: MediaCache,
    rows: Sequence[int],
    prompts: Sequence[Sequence[int]],
    stop: set[int],
    pad: int,
    max_tokens: int,
    choose: Callable[[Tensor, int], Tensor] | None = None,
    states: bool = False,
) -> list[Said]:
    """Token after token after each of `prompts`, until one of `stop` or `max_tokens`.

    `choose` takes log-probabilities (prompt, token) and how many tokens there are already, and gives the next token of
    each prompt; without it that is the likeliest. `model` is any causal language model of transformers that returns
    logits for the last token when told to keep that one only, or for all.
    """
    device = seen.mask.device
    which = torch.as_tensor(list(rows), dtype=torch.long, device=device)
    cache, mask, here = taken(seen, which), seen.mask[which], seen.after[which]
    ids, asked = left(prompts, pad, device)
    positions = here[:, None] + (asked.long().cumsum(-1) - 1).clamp(min=0)
    here = here + asked.sum(-1)
    mask = torch.cat([mask, asked], dim=1)
    chosen: list[Tensor] = []
    scores: list[Tensor] = []
    hidden: list[Tensor] = []
    done = torch.zeros(len(which), dtype=torch.bool, device=device)
    ends = torch.tensor(sorted(stop), device=device)
    for _ in range(max_tokens):
        out = model(
            input_ids=ids,
            attention_mask=mask.long(),
            position_ids=spread(positions, seen.axes),
            past_key_values=cache,
            use_cache=True,
            **({"output_hidden_states": True} if states else {}),
        )
        likely = out.logits[:, -1].float().log_softmax(-1)
        token = likely.argmax(-1) if choose is None else choose(likely, len(chosen))
        score = likely.gather(-1, token[:, None])[:, 0]
        chosen.append(token.masked_fill(done, pad))
        scores.append(score.masked_fill(done, torch.nan))
        if states:
            hidden.append(out.hidden_states[-1][:, -1])
        done = done | torch.isin(token, ends)
        if bool(done.all()):
            break
        ids, positions, here = token[:, None], here[:, None], here + 1
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    if not chosen:
        return [Said((), 0.0) for _ in rows]
    words, points = torch.stack(chosen, 1), torch.stack(scores, 1)
    result = []
    for i in range(len(which)):
        spoken = words[i][~points[i].isnan()].tolist()
        last = spoken[-1] if spoken and spoken[-1] in stop else None
        cut = spoken if last is None else spoken[:-1]
        kept_states = torch.stack(hidden, 1)[i, : len(cut)] if states else None
        result.append(Said(tuple(cut), float(points[i].nanmean()), kept_states, last))
    return result


def by_uniform(draws: Float[Tensor, "prompt token"], temperature: float = 1.0) -> Callable[[Tensor, int], Tensor]:
    """A `choose` that draws tokens by numbers of 0..1: equal numbers and equal probabilities give equal tokens."""

    def choose(likely: Tensor, place: int) -> Tensor:
        shares = (likely.double() / temperature).softmax(-1).cumsum(-1)
        u = draws[:, place : place + 1].to(shares) * shares[:, -1:]
        return torch.searchsorted(shares, u, right=True)[:, 0].clamp(max=shares.shape[-1] - 1)

    return choose


@dataclass(frozen=True)
class Packed:
    """Clips with their questions, a row each, for one forward pass.

    `segment` is 0 for the clip, k for its k-th question, -1 for padding; `labels` holds at each token what should come
    next, or IGNORED.
    """

    ids: Int[Tensor, "clip token"]
    segment: Int[Tensor, "clip token"]
    labels: Int[Tensor, "clip token"]

    def positions(self, media: Int[Tensor, "axis clip token"], after: Int[Tensor, " clip"]) -> Tensor:
        """`media` positions as they are, and each question's from `after` on, as if it were the only one."""
        found = torch.zeros(len(media), *self.segment.shape, dtype=media.dtype, device=media.device)
        for row, segment in enumerate(self.segment):
            clip = (segment == 0).nonzero().squeeze(1)
            found[:, row, clip] = media[:, row, -len(clip) :]
            for k in range(1, int(segment.max()) + 1):
                place = (segment == k).nonzero().squeeze(1)
                found[:, row, place] = after[row] + torch.arange(len(place), device=media.device, dtype=media.dtype)
        return found

    def mask(self, dtype: torch.dtype) -> Float[Tensor, "clip 1 query key"]:
        """What is added to attention: 0 where a token may look, the least number elsewhere."""
        mine, theirs = self.segment[:, :, None], self.segment[:, None, :]
        order = torch.arange(self.segment.shape[1], device=self.segment.device)
        sees = (order[:, None] >= order) & ((theirs == 0) | (theirs == mine)) & (theirs >= 0)
        sees = sees | (order[:, None] == order)  # padding sees itself, so that no row of a softmax is empty
        return torch.zeros_like(sees, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)[:, None]


def packed(
    clips: Sequence[Sequence[int]], asks: Sequence[Sequence[tuple[Sequence[int], Sequence[int]]]], pad: int, device: Any
) -> Packed:
    """Tokens of clips and of their (prompt, target) pairs in one row a clip."""
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
    ids, _ = left(rows, pad, device)
    return Packed(ids, left(segments, -1, device)[0], left(labels, IGNORED, device)[0])
