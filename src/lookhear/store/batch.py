"""Build batches: the streams that a net's methods request by argument name, with each clip's features loaded once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from lookhear.errors import FeatureError, well_formed
from lookhear.layers.watch_answer import HasLosses
from lookhear.store.features import FeatureStore, key, text_key
from lookhear.store.names import serving
from lookhear.types import BLANK, Blank, Clip, Example

NOT_STREAMS = {"self", "memory", "output", "labels"}
NEGATIVE = "_negative"
OFFERED = (
    "options"  # the answers that a question offers: no encoder's stream, added by the model, which has the vocabulary
)


@dataclass(frozen=True)
class Batch:
    """A batch: `watch` streams with one row per distinct clip, `ask` streams with one row per question.

    `clip` (question,) is the row of each question's clip in the `watch` streams.
    """

    watch: dict[str, Tensor]
    clip: Int[Tensor, " question"]
    ask: dict[str, Tensor]
    notes: tuple[str, ...] = ()  # warnings: "no sound track in 'x': silence served"

    def to(self, device: Any) -> Batch:
        """The same batch on a device."""
        watch, ask = ({n: t.to(device) for n, t in part.items()} for part in (self.watch, self.ask))
        return Batch(watch, self.clip.to(device), ask, self.notes)


def wants(net: Any) -> tuple[str, ...]:
    """The streams that a net requests by the argument names of `watch`, `answer` and `losses`."""
    methods = [net.watch, net.answer, *([net.losses] if isinstance(net, HasLosses) else [])]
    return tuple(dict.fromkeys(name for method in methods for name in orders(method)))


def orders(method: Any) -> tuple[str, ...]:
    """The streams among the argument names of one method."""
    bound = inspect.ismethod(method)
    return _streams_of(method.__func__ if bound else method, bound)


@lru_cache(256)
def _streams_of(function: Any, bound: bool) -> tuple[str, ...]:
    names = tuple(inspect.signature(function).parameters)
    return tuple(n for n in names[bound:] if n not in NOT_STREAMS)


def text_of(example: Example, stream: str) -> str:
    """The text that a text stream encodes: the question, unless `example.meta` has a text by the stream's name."""
    return well_formed(str(example.meta.get(stream, example.question)))


def batch(
    examples: Sequence[Example],
    wanted: Sequence[str],
    features: Mapping[str, str],
    store: FeatureStore,
    *,
    seconds: int | None = None,
    fit: str = "repeat_last",
    absent: str = "refuse",
    pool: Sequence[Clip] = (),
    generator: torch.Generator | None = None,
) -> Batch:
    """Load the `wanted` streams of `examples`, each from the encoder that `features` names for it.

    With `seconds`, clip streams get that many rows: longer ones are cut; shorter ones are extended by their last row
    (`fit="repeat_last"`) or zeros (`"zeros"`), or refused (`"cut"`). Without `seconds`, unequal lengths are refused, or
    cut to the shortest of the batch with `fit="cut"`. A missing track is refused unless `absent="blank"` replaces it by
    black or silence. A `…_negative` stream is in `ask`: for each question another clip is drawn from `pool` (default:
    the clips of this batch) with `generator`, the same clip for all negative streams of a question. Raises
    FeatureError.
    """
    if not examples:
        raise FeatureError("A batch needs at least one example, got none.")
    wanted = [n for n in wanted if n != OFFERED]
    clips = list(dict.fromkeys(e.clip for e in examples))
    row = {clip: i for i, clip in enumerate(clips)}
    shelf = _Shelf(store, features, seconds, fit, absent)
    media = [n for n in wanted if not n.endswith(NEGATIVE) and shelf.reads(n) != "text"]
    watch = shelf.stack(media, clips)
    ask = {n: shelf.texts(n, examples) for n in wanted if not n.endswith(NEGATIVE) and shelf.reads(n) == "text"}
    negative = [n for n in wanted if n.endswith(NEGATIVE)]
    if negative:
        others = _others(examples, pool or clips, generator)
        distinct = list(dict.fromkeys(others))
        rows = torch.tensor([distinct.index(c) for c in others])
        lengths = {n: watch[n].shape[1] for n in media}
        stacked = shelf.stack([n.removesuffix(NEGATIVE) for n in negative], distinct, lengths)
        ask |= {n: stacked[n.removesuffix(NEGATIVE)][rows] for n in negative}
    return Batch(watch, torch.tensor([row[e.clip] for e in examples]), ask, tuple(dict.fromkeys(shelf.notes)))  # type: ignore[arg-type]


def batches(
    examples: Sequence[Example], batch: int, clips: int = 0, generator: torch.Generator | None = None
) -> list[list[Example]]:
    """One epoch in batches of `batch` questions from about `clips` distinct clips each; 0 shuffles questions freely.

    The questions of a clip are shuffled and cut into groups of `batch / clips`; the groups are shuffled, concatenated
    and cut into batches. The same generator state gives the same epoch. The last batch may be smaller.
    """
    if batch < 1 or clips < 0:
        raise FeatureError(f"A batch needs at least one question and clips >= 0, got batch={batch}, clips={clips}.")

    def shuffled(things: list) -> list:
        return [things[i] for i in torch.randperm(len(things), generator=generator).tolist()]

    groups: dict[Any, list[Example]] = {}
    for number, example in enumerate(examples):
        groups.setdefault(example.clip if clips else number, []).append(example)
    size = max(1, round(batch / clips)) if clips else 1
    pieces = []
    for group in groups.values():
        mixed = shuffled(group) if len(group) > 1 else group
        pieces += [mixed[i : i + size] for i in range(0, len(mixed), size)]
    line = [example for piece in shuffled(pieces) for example in piece]
    return [line[i : i + batch] for i in range(0, len(line), batch)]


class _Shelf:
    """Loads streams for one batch, fits their lengths, and collects notes."""

    def __init__(self, store: FeatureStore, features: Mapping[str, str], seconds: int | None, fit: str, absent: str):
        if fit not in ("repeat_last", "zeros", "cut"):
            raise FeatureError(f"No rule to fit lengths is called {fit!r}. There are: repeat_last, zeros, cut.")
        if absent not in ("refuse", "blank"):
            raise FeatureError(f"What to do about absent tracks is 'refuse' or 'blank', got {absent!r}.")
        self.store, self.features, self.seconds, self.fit, self.absent = store, features, seconds, fit, absent
        self.notes: list[str] = []

    def encoder(self, stream: str) -> tuple[str, str]:
        """(encoder, its stream) for a stream of the net: `clip`, or `clip:question` where the names differ."""
        if stream not in self.features:
            known = ", ".join(f"{k}: {v}" for k, v in self.features.items()) or "none"
            raise FeatureError(f"The net asks for {stream!r} but no encoder is named for it. Named are: {known}.")
        return serving(self.features[stream], stream)

    def reads(self, stream: str) -> str:
        return self.store.reads(*self.encoder(stream))

    def texts(self, stream: str, examples: Sequence[Example]) -> Tensor:
        name, own = self.encoder(stream)
        texts = [text_of(e, stream) for e in examples]
        distinct = list(dict.fromkeys(texts))
        rows = []
        for text in distinct:
            if not self.store.has(name, text_key(text), own):
                raise FeatureError(f"No {name} features for the text {text!r}. Run: lookhear extract {name}")
            rows.append(_tensor(self.store.get(name, own, text_key(text))))
        if len({r.shape for r in rows}) > 1:
            raise FeatureError(f"{name} {stream} of {distinct[0]!r} and others differ in shape: it must fix its rows.")
        return torch.stack(rows)[torch.tensor([distinct.index(t) for t in texts])]

    def stack(
        self, streams: Sequence[str], clips: Sequence[Clip], lengths: Mapping[str, int] | None = None
    ) -> dict[str, Tensor]:
        """The streams of `clips`, one row per clip, all of a stream equally long."""
        loaded = {(s, c): self._load(s, c) for s in streams for c in clips}
        result = {}
        for stream in streams:
            rows = []
            for clip in clips:
                value = loaded[stream, clip]
                if value is None:  # a BLANK track: as long as the clip's other streams
                    near = [v for s in streams if (v := loaded[s, clip]) is not None]
                    near = near or [v for c in clips if (v := loaded[stream, c]) is not None]
                    value = self._blank(stream, len(near[0]) if near else None)
                    source = clip.source(self.reads(stream))
                    if isinstance(source, Blank) and source.zeros:
                        value = torch.zeros_like(value)
                rows.append(value)
            result[stream] = torch.stack(self._fitted(stream, clips, rows, (lengths or {}).get(stream)))
        return result

    def _load(self, stream: str, clip: Clip) -> Tensor | None:
        name, own = self.encoder(stream)
        reads = self.reads(stream)
        where = key(clip, reads)
        side = "picture" if reads == "frames" else "sound track"
        blank = "black" if reads == "frames" else "silence"
        if clip.source(reads) == BLANK:
            return None
        if where is None:
            array, absent = None, True
        else:
            array, absent = self.store.look(name, own, where)
        if absent:
            if self.absent == "refuse":
                raise FeatureError(f"{clip.id!r} has no {side} for {stream!r}. Serve {blank} with absent='blank'.")
            self.notes.append(f"no {side} in {clip.id!r}: {blank} served")
        return None if array is None else _tensor(array)

    def _blank(self, stream: str, length: int | None) -> Tensor:
        name, own = self.encoder(stream)
        row = _tensor(self.store.get(name, own, BLANK.id))[-1:]
        return row.repeat_interleave(length or self.seconds or 1, 0)

    def _fitted(self, stream: str, clips: Sequence[Clip], rows: list[Tensor], length: int | None) -> list[Tensor]:
        shortest, longest = (pick(rows, key=len) for pick in (min, max))
        length = self.seconds or length or (len(shortest) if self.fit == "cut" else None)
        if length is None:
            if len(shortest) < len(longest):
                a, b = (clips[[len(r) for r in rows].index(len(x))].id for x in (shortest, longest))
                raise FeatureError(
                    f"{stream!r} has {len(shortest)} rows for {a!r} but {len(longest)} for {b!r}. "
                    "Give the recipe data.seconds, and data.fit to say how the shorter are filled."
                )
            return rows
        fitted = []
        for clip, row in zip(clips, rows, strict=True):
            short = length - len(row)
            if short > 0:
                if self.fit == "cut" or not len(row):
                    raise FeatureError(
                        f"{stream!r} of {clip.id!r} has {len(row)} rows, fewer than the {length} asked for. "
                        "Set data.fit to repeat_last or zeros, or ask for fewer data.seconds."
                    )
                last = row[-1:] if self.fit == "repeat_last" else torch.zeros_like(row[-1:])
                row = torch.cat([row, last.repeat_interleave(short, 0)])
                self.notes.append(f"{stream} of {clip.id!r} is {short} of {length} rows short: {self.fit}")
            fitted.append(row[:length])
        return fitted


def _tensor(array: np.ndarray) -> Tensor:
    """Convert an array to a tensor: floats to float32, integers unchanged."""
    tensor = torch.from_numpy(array if array.flags.writeable else array.copy())  # memory maps are read-only
    return tensor.float() if tensor.is_floating_point() else tensor


def _others(examples: Sequence[Example], pool: Sequence[Clip], generator: torch.Generator | None) -> list[Clip]:
    """For each question, a clip of `pool` other than its own."""
    place = {clip: i for i, clip in enumerate(dict.fromkeys(pool))}
    choice = list(place)
    if len(choice) < 2:
        raise FeatureError("Negative streams need at least two clips to draw from. Give batch a pool of clips.")
    others = []
    for example in examples:
        own = place.get(example.clip, len(choice))
        drawn = int(torch.randint(len(choice) - (own < len(choice)), (1,), generator=generator))
        others.append(choice[drawn + (drawn >= own)])
    return others
