r"""Generate replies from a key-value cache: greedy, sampled, or by beam search, with length limit and stop texts.

    Generation(max_tokens=64)                            greedy: always the most probable token
    Generation(temperature=0.7, top_p=0.9, seed=3)       sampled; depends on seed and prompt, not on the batch
    Generation(beams=4)                                  the best reply of a beam search, by mean log-probability
    stop=("\n", "</answer>")                             a reply ends before the first of these texts

`on_text` is a callback called with (row, text so far) as a reply grows; text that may still become a stop is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Real
from torch import Tensor, nn

from lookhear.errors import RecipeError
from lookhear.layers import next_token
from lookhear.layers.kv_cache import MediaCache, pad_left, select_rows, spread

OnText = Callable[[int, str], None]  # row, text so far
Read = Callable[[Sequence[int]], str]  # tokens -> text


@dataclass(frozen=True)
class Generation:
    """Settings of generation. `max_tokens=0` uses the task's length; `temperature=0` is greedy.

    Raises RecipeError for inconsistent settings.
    """

    max_tokens: int = 0
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    """sample from the `top_k` most probable tokens; 0 uses all"""
    seed: int = 0
    beams: int = 1
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "stop", (self.stop,) if isinstance(self.stop, str) else tuple(self.stop))
        if self.max_tokens < 0 or self.temperature < 0 or self.top_k < 0:
            raise RecipeError("max_tokens, temperature and top_k of a reply must not be negative.")
        if not 0 < self.top_p <= 1:
            raise RecipeError(f"top_p={self.top_p:g}: the share of probability to draw from, over 0 and up to 1.")
        if self.beams < 1:
            raise RecipeError(f"beams={self.beams}: 1 or more.")
        if self.beams > 1 and self.temperature:
            raise RecipeError("Beam search and sampling exclude each other: give beams or temperature.")
        if any(not text for text in self.stop):
            raise RecipeError("An empty text cannot stop a reply.")

    @property
    def plain(self) -> bool:
        """Whether the settings equal greedy decoding with the task's own length."""
        return self == GREEDY


GREEDY = Generation()


@dataclass(frozen=True)
class Generated:
    """Generated tokens without the final stop token, and their mean log-probability including it.

    `states` (token, dim), if requested, are the last hidden states from which each token was chosen. `text` is set if a
    stop text cut the reply: the text before it. `last` is the token that ended the reply, None if the reply was cut.
    """

    tokens: tuple[int, ...]
    score: float
    states: Float[Tensor, "token dim"] | None = None
    text: str | None = None
    last: int | None = None


@dataclass
class _Row:
    """The state of one reply during generation."""

    number: int
    draw: torch.Generator | None = None
    tokens: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    ended: bool = False
    text: str | None = None
    last: int | None = None

    def add(
        self, token: int, score: float, ends: set[int], how: Generation, read: Read | None, on_text: OnText | None
    ) -> None:
        """Append a token."""
        self.scores.append(score)
        if token in ends:
            self.ended, self.last = True, token
        else:
            self.tokens.append(token)
        if read is None or not (how.stop or on_text):
            return
        text = read(self.tokens)
        if (cut := _first(text, how.stop)) is not None:
            self.text, self.ended = text[:cut], True
        if on_text is not None:
            shown = self.text if self.text is not None else text if self.ended else _sure(text, how.stop)
            on_text(self.number, shown)


@torch.inference_mode()
def generate(
    model: nn.Module,
    seen: MediaCache,
    rows: Sequence[int],
    prompts: Sequence[Sequence[int]],
    ends: set[int],
    pad: int,
    max_tokens: int,
    how: Generation = GREEDY,
    read: Read | None = None,
    on_text: OnText | None = None,
    states: bool = False,
    draws: Float[Tensor, "prompt token"] | None = None,
    barred: Sequence[int] = (),
) -> list[Generated]:
    """A reply to each of `prompts` about the clip in its row, until one of `ends`, a stop text, or `max_tokens`.

    `model` is any causal language model of transformers. `how.max_tokens`, if set, replaces `max_tokens`. `read`
    decodes tokens to text, which stop texts and `on_text` need. Beam search returns no `states`. `draws`
    (prompt, token) are numbers in 0..1 for sampling at `how.temperature`: equal numbers and equal probabilities give
    equal replies. Tokens in `barred` are never sampled with `draws`.
    """
    most = how.max_tokens or max_tokens
    if how.beams > 1:
        if states:
            raise RecipeError("A model with a mask decoder does not support beam search: leave beams out.")
        return [
            _beams(model, seen, row, prompt, ends, most, how, read, on_text, number)
            for number, (row, prompt) in enumerate(zip(rows, prompts, strict=True))
        ]
    device = seen.mask.device
    cache, ids, mask, positions, next_position = _start(seen, rows, prompts, pad)
    kept = [_Row(i, next_token.generator(how.temperature, how.seed, p)) for i, p in enumerate(prompts)]
    hidden: list[Tensor] = []
    for place in range(most):
        out = _step(model, ids, mask, positions, cache, seen.axes, states)
        logits = out.logits[:, -1].float()
        likely = logits.log_softmax(-1)
        if draws is not None:
            allowed = logits.index_fill(-1, torch.tensor(barred, dtype=torch.long, device=device), -torch.inf)
            token = next_token.by_uniform(allowed, draws[:, place], how.temperature)
        elif how.temperature:
            token = next_token.sampled(logits, [r.draw for r in kept], how.temperature, how.top_p, how.top_k)
        else:
            token = logits.argmax(-1)
        chosen = token.tolist()
        scores = likely.gather(-1, token[:, None])[:, 0].tolist()
        if states:
            hidden.append(out.hidden_states[-1][:, -1])
        for row, number, score in zip(kept, chosen, scores, strict=True):
            if not row.ended:
                row.add(number, score, ends, how, read, on_text)
        if all(row.ended for row in kept):
            break
        token = torch.tensor([pad if r.ended else n for r, n in zip(kept, chosen, strict=True)], device=device)
        ids, positions, next_position = token[:, None], next_position[:, None], next_position + 1
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    replies = []
    for i, row in enumerate(kept):
        if on_text is not None and read is not None and not row.ended:  # cut at its length: flush the held-back text
            on_text(i, read(row.tokens))
        of_row = torch.stack(hidden, 1)[i, : len(row.tokens)] if hidden else None
        score = sum(row.scores) / len(row.scores) if row.scores else 0.0
        replies.append(Generated(tuple(row.tokens), score, of_row, row.text, row.last))
    return replies


def _start(
    seen: MediaCache, rows: Sequence[int], prompts: Sequence[Sequence[int]], pad: int
) -> tuple[Any, Int[Tensor, "row token"], Bool[Tensor, "row key"], Real[Tensor, "row token"], Real[Tensor, " row"]]:
    """(cache, tokens, mask, positions, next position) of prompts appended to their clips."""
    device = seen.mask.device
    which = torch.as_tensor(list(rows), dtype=torch.long, device=device)
    cache, mask, here = select_rows(seen, which), seen.mask[which], seen.after[which]
    ids, asked = pad_left(prompts, pad, device)
    positions = here[:, None] + (asked.long().cumsum(-1) - 1).clamp(min=0)
    return cache, ids, torch.cat([mask, asked], dim=1), positions, here + asked.sum(-1)


def _step(
    model: nn.Module,
    ids: Int[Tensor, "row token"],
    mask: Bool[Tensor, "row key"],
    positions: Real[Tensor, "row token"],
    cache: Any,
    axes: int,
    states: bool = False,
) -> Any:
    return model(
        input_ids=ids,
        attention_mask=mask.long(),
        position_ids=spread(positions, axes),
        past_key_values=cache,
        use_cache=True,
        **({"output_hidden_states": True} if states else {}),
    )


def _beams(
    model: nn.Module,
    seen: MediaCache,
    row: int,
    prompt: Sequence[int],
    ends: set[int],
    most: int,
    how: Generation,
    read: Read | None,
    on_text: OnText | None,
    number: int,
) -> Generated:
    """The reply with the highest mean log-probability found by a beam search with `how.beams` beams."""
    count, device = how.beams, seen.mask.device
    cache, ids, mask, positions, next_position = _start(seen, [row] * count, [prompt] * count, 0)
    beams: list[tuple[int, ...]] = [()] * count
    sums = torch.tensor([0.0] + [-torch.inf] * (count - 1), device=device)  # all are equal at first: one counts
    done: list[tuple[float, tuple[int, ...], str | None]] = []
    for length in range(1, most + 1):
        likely = _step(model, ids, mask, positions, cache, seen.axes).logits[:, -1].float().log_softmax(-1)
        total = (sums[:, None] + likely).flatten()
        best = total.topk(min(2 * count, len(total)))
        alive: list[tuple[int, int, float]] = []
        for value, place in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            beam, token = divmod(place, likely.shape[-1])
            words = beams[beam] if token in ends else (*beams[beam], token)
            text = read(words) if read and how.stop else ""
            cut = _first(text, how.stop)
            if value == -torch.inf:
                continue
            if token in ends or cut is not None or length == most:
                done.append((value / length, words, text[:cut] if cut is not None else None))
            elif len(alive) < count:
                alive.append((beam, token, value))
        done = sorted(done, key=lambda one: -one[0])[:count]
        if not alive or (len(done) == count and alive[0][2] / length <= done[-1][0]):
            break
        alive += [alive[-1]] * (count - len(alive))
        order = torch.tensor([beam for beam, _, _ in alive], device=device)
        cache.reorder_cache(order)
        beams = [(*beams[beam], token) for beam, token, _ in alive]
        values = [value for _, _, value in alive]
        repeated = [i > 0 and beams[i] in beams[:i] for i in range(count)]
        sums = torch.tensor([-torch.inf if r else v for v, r in zip(values, repeated, strict=True)], device=device)
        ids = torch.tensor([[token] for _, token, _ in alive], device=device)
        positions, next_position = next_position[:, None], next_position + 1
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    score, words, stopped_text = max(done, key=lambda one: one[0]) if done else (0.0, (), None)
    if on_text is not None and read is not None:
        on_text(number, read(words) if stopped_text is None else stopped_text)
    return Generated(words, score, None, stopped_text)


def placed(on_text: OnText | None, places: Sequence[int]) -> OnText | None:
    """`on_text` with row numbers of a batch replaced by their positions `places` in a longer list."""
    return None if on_text is None else lambda row, text: on_text(places[row], text)


def _first(text: str, stops: Sequence[str]) -> int | None:
    """Position of the first stop text, None if there is none."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return min(places) if places else None


def _sure(text: str, stops: Sequence[str]) -> str:
    """The part of a growing text that cannot become part of a stop text or of an incomplete character."""
    text = text.rstrip("\ufffd")
    longest = max((k for stop in stops for k in range(1, len(stop)) if text.endswith(stop[:k])), default=0)
    return text[: len(text) - longest]
