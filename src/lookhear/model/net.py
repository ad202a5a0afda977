"""Model interface for nets: a net together with the frozen encoders it was trained on.

It remembers the clips that it decoded, so that asking again decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lookhear import config
from lookhear.errors import ModelError
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.model import within
from lookhear.model._clips import Video, Watched, about
from lookhear.model.encoding import Encoding
from lookhear.model.options import among, by_text, chosen, pairs, with_options
from lookhear.model.pieces import gathered, together
from lookhear.model.pointing import TRACKS, Empty, segments, trimmed, word_weights
from lookhear.model.wordings import Wordings
from lookhear.nets import Net
from lookhear.store import world as worlds
from lookhear.store.batch import OFFERED, Batch, batch, orders, text_of
from lookhear.store.features import FeatureStore, key
from lookhear.store.fill import build_encoder
from lookhear.store.names import serving
from lookhear.store.scale import Scale, scaled
from lookhear.types import BLANK, Answer, Clip, Evidence, Example, Output

NOT_FINITE = "not answered: the network's outputs are NaN or infinite"


def served(method: Callable[..., Any], streams: Batch) -> dict[str, Tensor]:
    """The tensors of a batch that a method of a net requests by its argument names, one row per question."""
    rows = {n: streams.watch[n][streams.clip] for n in orders(method) if n in streams.watch}
    return {n: rows[n] if n in rows else streams.ask[n] for n in orders(method)}


def says(net: Net, streams: Batch) -> Output:
    """Output of a net for a batch: `watch` on the distinct clips, then `answer` on the questions."""
    memory = net.watch(**{n: streams.watch[n] for n in orders(net.watch)})
    return net.answer({n: t[streams.clip] for n, t in memory.items()}, **served(net.answer, streams))


class NetModel:
    """A `Model` around a net and the frozen encoders it was trained on."""

    def __init__(
        self,
        net: Net,
        recipe: config.Recipe,
        vocabulary: Sequence[str],
        cards: Mapping[str, Mapping[str, Any]],
        name: str = "",
        store: FeatureStore | None = None,
        build: Callable[[str], Any] = build_encoder,
        scale: Scale | None = None,
        world: worlds.World | None = None,
        words: frozenset[str] = frozenset(),
    ):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = net.to(self.device).eval()
        self.recipe, self.vocabulary, self.cards = recipe, tuple(vocabulary), dict(cards)
        self.name = name or recipe.net.get("name", "net")
        self.store, self.scale = store, scale or {}
        self.world, self.words = world, words
        self.encoding = Encoding(self.name, recipe.features, self.cards, build)
        self.texts, self.wordings = FeatureStore(None), Wordings()

    def __repr__(self) -> str:
        weights = sum(p.numel() for p in self.net.parameters())
        reads = ", ".join(f"{s}: {e}" for s, e in self.recipe.features.items())
        net = self.recipe.net.get("name", type(self.net).__name__)
        sizes = f"{weights:,} weights, {len(self.vocabulary)} answers"
        return f"<{self.name}: {net}, {sizes}, reads {reads}, on {self.device}>"

    def to(self, device: torch.device | str) -> NetModel:
        """Move the net to another device; returns this model."""
        self.device = torch.device(device)
        self.net.to(self.device)
        return self

    def using(self, store: FeatureStore | None) -> NetModel:
        """The same model with another store: features are read from it and missing ones are added."""
        other = copy(self)
        other.store, other.wordings = store, Wordings()
        return other

    @torch.inference_mode()
    def watch(self, clips: Sequence[Clip]) -> Watched:
        """Encode `clips`, which must have equal length unless the recipe sets `data.seconds`. Raises MediaError."""
        wanted = orders(self.net.watch)
        examples = [Example("", "question_answering", clip, "") for clip in dict.fromkeys(clips)]
        store, notes = self.encoding.filled(self.store, wanted, examples)
        streams = self.batch(examples, wanted, store)
        memory = self.net.watch(**{n: streams.watch[n] for n in wanted})
        seconds = tuple(self._seconds(e.clip, store) for e in examples)
        for i, example in enumerate(examples):
            notes[i] += tuple(n for n in streams.notes if repr(example.clip.id) in n and "rows short" not in n)
            limit = self.recipe.data.seconds
            if limit and (seconds[i] or 0) > limit + 1:
                notes[i] += (f"only the first {limit} of {seconds[i]} s were used",)
            notes[i] += self._strange(example.clip, store)
        return Watched(tuple(e.clip for e in examples), memory, seconds, tuple(tuple(dict.fromkeys(n)) for n in notes))

    @torch.inference_mode()
    def answer(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]:
        """One answer per example, whose clip must be in `watched`."""
        if not examples:
            return []
        if self.recipe.data.options == "text":
            return by_text(self._answers_by_form(watched, pairs(examples)), examples)
        return self._answers_by_form(watched, examples)

    def _answers_by_form(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]:
        """What the net says to each example, among the options where it is asked with a mask."""
        row = {clip: i for i, clip in enumerate(watched.clips)}
        unseen = next((e.clip.id for e in examples if e.clip not in row), None)
        if unseen is not None:
            raise ModelError(f"Asked about {unseen!r}, which was not watched. Give it to watch() first.")
        wanted = orders(self.net.answer)
        store = self.store or self.texts
        self.encoding.fill(store, wanted, examples)
        answers: dict[int, Answer] = {}
        for places in together([row[e.clip] for e in examples], self.device.type):
            some = [examples[i] for i in places]
            rows = [row[e.clip] for e in some]
            given, offered = self._asked(wanted, some, store)
            output = self.net.answer(gathered(watched.memory, rows), **given)
            output = replace(output, logits=among(output.logits, offered))
            answered = self._answers(
                output,
                [watched.seconds[i] for i in rows],
                [watched.notes[i] for i in rows],
                [self._empty(watched.clips[i]) for i in rows],
                some,
            )
            if self.recipe.data.options == "mask":
                answered = [chosen(a, e) for a, e in zip(answered, some, strict=True)]
            for i, example, answer in zip(places, some, answered, strict=True):
                strange = within.notes(example.question, answer.text, self.words, self.vocabulary)
                answers[i] = replace(answer, notes=answer.notes + strange) if strange else answer
        return [answers[i] for i in range(len(examples))]

    def _asked(
        self, wanted: Sequence[str], examples: Sequence[Example], store: FeatureStore
    ) -> tuple[dict[str, Any], Tensor | None]:
        """(streams that `answer` takes, one row per question, and which answers each question offers).

        Repeated wordings are projected once.
        """
        net = self.net
        if not (isinstance(net, WatchAnswer) and net.has_wording):
            streams = self.batch(examples, wanted, store)
            return dict(served(self.net.answer, streams)), streams.ask.get(OFFERED)
        rest = [n for n in wanted if n != "words"]
        streams = self.batch(examples, rest, store)
        given = {n: streams.ask[n] if n in streams.ask else streams.watch[n][streams.clip] for n in rest}
        texts = [text_of(e, "words") for e in examples]
        words = self.wordings(
            net, texts, lambda new: self.batch([examples[i] for i in new], ["words"], store).ask["words"]
        )
        return {**given, "words": words}, streams.ask.get(OFFERED)

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]:
        """Watch a video once and answer every question about it; see `clip_of` for the forms of `video`."""
        clip, examples = about(video, questions, "question_answering")
        return self.answer(self.watch([clip]), examples)

    def encoder(self, name: str) -> Any:
        """The encoder `name`. Raises ModelError if it is not the one of training."""
        return self.encoding.encoder(name)

    def batch(self, examples: Sequence[Example], wanted: Sequence[str], store: FeatureStore) -> Batch:
        """The streams of `examples` as in training: cut to length, scaled, and on the net's device."""
        data = self.recipe.data
        streams = batch(
            examples, wanted, self.recipe.features, store, seconds=data.seconds, fit=data.fit, absent="blank"
        )
        if set(wanted) - set(orders(self.net.watch)):
            streams = with_options(streams, examples, self.vocabulary, data.options, ordered=OFFERED in wanted)
        return scaled(streams, self.scale).to(self.device)

    def _strange(self, clip: Clip, store: FeatureStore) -> tuple[str, ...]:
        """A note if the clip is unlike the training clips."""
        if self.world is None:
            return ()
        features = worlds.of_clip(clip, orders(self.net.watch), self.recipe.features, store)
        kept = self.encoding.of(clip)
        told = self.world.note({**features, **(kept.described if kept else {})})
        return (told,) if told else ()

    def _empty(self, clip: Clip) -> Empty:
        """Which seconds of a clip are black or silent, as far as it was decoded here; a blank track is empty."""
        kept = self.encoding.of(clip)
        blank = {n: (True,) for n, track in (("seen", clip.video), ("heard", clip.audio)) if track in (None, BLANK)}
        return {**(kept.empty if kept else {}), **blank}

    def _seconds(self, clip: Clip, store: FeatureStore) -> int | None:
        """Length of a clip's longest stream before fitting, in rows (one per second)."""
        lengths = []
        for stream in orders(self.net.watch):
            name, own = serving(self.recipe.features[stream], stream)
            where = key(clip, store.reads(name, own))
            if where and where != BLANK.id and store.has(name, where, own):
                lengths.append(len(store.look(name, own, where)[0]))
        return max(lengths, default=None)

    def _answers(
        self,
        output: Output,
        seconds: Sequence[int | None],
        notes: Sequence[tuple[str, ...]],
        empty: Sequence[Empty],
        examples: Sequence[Example],
    ) -> list[Answer]:
        scores = output.logits.float().softmax(-1).cpu()
        opinions = {name: logits.float().softmax(-1).cpu() for name, logits in output.opinions.items()}
        attention = {name: weight.float().cpu() for name, weight in output.attention.items()}
        read = self._read(output, examples)
        answers = []
        for i in range(len(scores)):
            if scores[i].isnan().any():  # logits that are NaN or infinite, as of features that overflow
                answers.append(Answer(notes=(*notes[i], NOT_FINITE)))
                continue
            ranked = self._ranked(scores[i])
            weights = {
                name: trimmed(attention[name][i], seconds[i], empty[i].get(name, ()))
                for name in TRACKS
                if name in attention
            }
            evidence = Evidence(
                weights.get("seen", ()),
                weights.get("heard", ()),
                {n: self._ranked(o[i]) for n, o in opinions.items()},
                {n: w for n, w in read[i].items() if n not in TRACKS or weights.get(n)},
            )
            found = tuple(s for name, some in weights.items() for s in segments(name, some, empty[i].get(name, ())))
            text = next(iter(ranked))
            answers.append(Answer(text, ranked, found, (), evidence, raw=text, notes=notes[i]))
        return answers

    def _read(self, output: Output, examples: Sequence[Example]) -> list[dict[str, tuple[tuple[str, float], ...]]]:
        """For each question, the weights of its words by what attends to them."""
        stream = next((n for n in orders(self.net.answer) if n in ("words", "tokens")), "")
        pieces = self.encoding.pieces(stream) if output.words and stream else None
        if pieces is None:
            return [{} for _ in examples]
        weights = {name: weight.float().cpu() for name, weight in output.words.items()}
        spelled = [pieces(text_of(e, stream)) for e in examples]
        return [{n: word_weights(w[i], some) for n, w in weights.items()} for i, some in enumerate(spelled)]

    def _ranked(self, probabilities: Tensor) -> dict[str, float]:
        values, order = probabilities.sort(descending=True, stable=True)
        return {self.vocabulary[i]: v for i, v in zip(order.tolist(), values.tolist(), strict=True)}
