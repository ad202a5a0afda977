"""Model interface for nets: a net together with the frozen encoders it was trained on.

A run folder holds recipe.yaml, model.safetensors, vocabulary.json (the ordered answers) and features.json (the
signatures of the training features). Shipped models are run folders in `weights/`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lookhear import catalog, config
from lookhear.errors import FeatureError, FileError, MediaError, ModelError
from lookhear.files import read_json
from lookhear.model import within
from lookhear.model._clips import Video, Watched, about, stamp
from lookhear.nets import Net
from lookhear.store import world as worlds
from lookhear.store.arrays import check_card
from lookhear.store.batch import Batch, batch, orders
from lookhear.store.features import FeatureStore, key
from lookhear.store.fill import build_encoder, encoders_of, fill
from lookhear.store.names import serving
from lookhear.store.official import OFFICIAL
from lookhear.store.scale import Scale, scaled
from lookhear.types import BLANK, Answer, Clip, Evidence, Example, Media, Output, Segment

Kind = TypeVar("Kind", list, dict)
DAMAGED = "The run folder is damaged; train it again."
REMEMBERED = 32  # clips whose features are kept in memory for further questions
STANDS_OUT = 1.5  # a second belongs to a segment if its weight exceeds this multiple of the mean weight
SCALE_PARTS = ("mean", "deviation")  # tensors per stream in scale.safetensors
TRACKS = {"seen": "visual", "heard": "audio"}  # track of evidence -> stream of the segments found in it

ABSENT = (
    "no picture",
    "no sound track",
)  # true of any track that was not asked for; the batch says what is really absent


def load_run(folder: Path, store: FeatureStore | None = None) -> NetModel:
    """Load a run folder; with `store`, features are read from it and missing ones are added to it."""
    recipe = config.load(folder / "recipe.yaml")
    vocabulary = tuple(_json(folder / "vocabulary.json", list))
    cards = _json(folder / "features.json", dict)
    if not vocabulary or not all(isinstance(word, str) for word in vocabulary):
        raise ModelError(f"{folder / 'vocabulary.json'}: not a list of answers. {DAMAGED}")
    for name, card in cards.items():
        try:
            check_card(card)
        except FeatureError as error:
            raise ModelError(f"{folder / 'features.json'}: {name}: {error}. {DAMAGED}") from None
    net = build_net(recipe, vocabulary, cards)
    if recipe.debias and catalog.find("debias", str(recipe.debias.get("name"))).STAYS:
        net = wrapped(net, recipe, vocabulary, cards)
    weights = _tensors(folder / "model.safetensors")
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{folder / 'model.safetensors'} does not fit its recipe.yaml: {reason}") from None
    scale = {}
    if recipe.data.standardize:
        kept = _tensors(folder / "scale.safetensors")
        mean, deviation = SCALE_PARTS
        streams = {name.rpartition(".")[0] for name in kept}
        scale = {stream: (kept[f"{stream}.{mean}"], kept[f"{stream}.{deviation}"]) for stream in streams}
    name, world, words = folder.resolve().name, worlds.read(folder), within.read(folder)
    return NetModel(net, recipe, vocabulary, cards, name, store, scale=scale, world=world, words=words)


def build_net(recipe: config.Recipe, vocabulary: Sequence[str], cards: Mapping[str, Mapping[str, Any]]) -> Net:
    """Build the net of a recipe, sized for its features (`cards`: encoder -> signature) and its vocabulary."""
    return config.build("nets", recipe.net, answers=len(vocabulary), **widths(recipe, cards))


def wrapped(net: Net, recipe: config.Recipe, vocabulary: Sequence[str], cards: Mapping[str, Mapping[str, Any]]) -> Net:
    """The net inside the wrapper of the recipe's `debias` section, if there is one."""
    return config.build("debias", recipe.debias, answers=len(vocabulary), **widths(recipe, cards))(net)


def widths(recipe: config.Recipe, cards: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Stream -> width, from the `cards` of the recipe's encoders; for a token stream, the size of its vocabulary."""
    sizes: dict[str, int] = {}
    for stream, served in recipe.features.items():
        name, own = serving(served, stream)
        streams = cards.get(name, {}).get("streams", {})
        if name in cards and own not in streams:
            raise ModelError(f"Encoder {name} makes {', '.join(streams)}; the recipe wants {stream!r} from {served!r}.")
        sizes |= {stream: streams[own]} if streams else {}
    return sizes


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
        self.described: dict[
            Any, worlds.Descriptor
        ] = {}  # descriptors of clips decoded here, for comparison with `world`
        self.build = build
        self.encoders: dict[str, Any] = {}
        self.remembered: OrderedDict[Any, tuple[FeatureStore, tuple[str, ...]]] = OrderedDict()
        self.texts = FeatureStore(None)

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
        other.store = store
        return other

    @torch.inference_mode()
    def watch(self, clips: Sequence[Clip]) -> Watched:
        """Encode `clips`, which must have equal length unless the recipe sets `data.seconds`. Raises MediaError."""
        wanted = orders(self.net.watch)
        examples = [Example("", "question_answering", clip, "") for clip in dict.fromkeys(clips)]
        store, notes = self._filled(wanted, examples)
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
        row = {clip: i for i, clip in enumerate(watched.clips)}
        unseen = next((e.clip.id for e in examples if e.clip not in row), None)
        if unseen is not None:
            raise ModelError(f"Asked about {unseen!r}, which was not watched. Give it to watch() first.")
        rows = torch.tensor([row[e.clip] for e in examples], device=self.device)
        wanted = orders(self.net.answer)
        store = self.store or self.texts
        self._fill(store, wanted, examples)
        asked = self.batch(examples, wanted, store)
        output = self.net.answer({n: t[rows] for n, t in watched.memory.items()}, **served(self.net.answer, asked))
        answers = self._answers(output, [watched.seconds[i] for i in rows.tolist()], [watched.notes[i] for i in rows])
        strange = [
            within.notes(e.question, a.text, self.words, self.vocabulary)
            for a, e in zip(answers, examples, strict=True)
        ]
        return [replace(a, notes=a.notes + more) if more else a for a, more in zip(answers, strange, strict=True)]

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]:
        """Watch a video once and answer every question about it; see `clip_of` for the forms of `video`."""
        clip, examples = about(video, questions, "question_answering")
        return self.answer(self.watch([clip]), examples)

    def encoder(self, name: str) -> Any:
        """The encoder `name`, built once. Raises ModelError if its signature differs from that of training."""
        if name not in self.encoders:
            self._refuse_adopted(name)
            encoder = self.build(name)
            self._agrees(name, {"weights": encoder.signature().get("sha256"), "streams": dict(encoder.streams)})
            self.encoders[name] = encoder
        return self.encoders[name]

    def _refuse_adopted(self, name: str) -> None:
        """Raise ModelError for adopted features, which exist only for their own clips and cannot be computed."""
        card = self.cards.get(name, {})
        if card.get("weights") != OFFICIAL:
            return
        what = ", ".join(f"{s} ({card['streams'][s]} wide, {p['path']})" for s, p in card["places"].items())
        raise ModelError(
            f"{self.name} was trained on adopted features {name!r}: {what}. They are of published clips; no encoder "
            "here is known to make them, so new media cannot be watched. Train on an encoder's: lookhear list encoders"
        )

    def _agrees(self, name: str, card: Mapping[str, Any]) -> None:
        for field in ("weights", "streams"):
            was, now = self.cards.get(name, {}).get(field), card.get(field)
            if was is not None and was != now:
                raise ModelError(
                    f"{self.name} was trained on {name} features of {field} {was!r}, these are of {now!r}. "
                    f"Train it again on these, or use the {name} it was trained on."
                )

    def _fill(self, store: FeatureStore, wanted: Sequence[str], examples: Sequence[Example]) -> None:
        """Compute missing features; refuse features made by another encoder of the same name."""
        tally = fill(store, self.recipe.features, wanted, examples, self.encoder)
        if tally.failed:
            raise MediaError(tally.failed[0][1])
        for name in encoders_of(self.recipe.features, wanted):
            self._agrees(name, store.card(name))

    def _filled(self, wanted: Sequence[str], examples: Sequence[Example]) -> tuple[FeatureStore, list[tuple[str, ...]]]:
        """A store with every stream of the clips, and the notes of decoding for each clip."""
        if self.store is not None:
            self._fill(self.store, wanted, examples)
            return self.store, [()] * len(examples)
        everything, notes = FeatureStore(None), []
        for example in examples:
            one, said = self._remember(wanted, example)
            everything.cards |= one.cards
            everything.memory |= one.memory  # type: ignore[operator]
            notes.append(said)
        return everything, notes

    def _remember(self, wanted: Sequence[str], example: Example) -> tuple[FeatureStore, tuple[str, ...]]:
        """Features of one clip in an in-memory store; recomputed if its file has changed."""
        which = stamp(example.clip)
        if which not in self.remembered:
            notes: list[str] = []
            seen: dict[str, Any] = {}
            store = FeatureStore(None)
            tally = fill(
                store, self.recipe.features, wanted, [example], lambda name: _Overheard(self.encoder(name), notes, seen)
            )
            if tally.failed:
                raise MediaError(tally.failed[0][1])
            self.remembered[which] = store, tuple(notes)
            self.described[which] = seen
            while len(self.remembered) > REMEMBERED:
                self.described.pop(self.remembered.popitem(last=False)[0], None)
        self.remembered.move_to_end(which)
        return self.remembered[which]

    def batch(self, examples: Sequence[Example], wanted: Sequence[str], store: FeatureStore) -> Batch:
        """The streams of `examples` as in training: cut to length, scaled, and on the net's device."""
        data = self.recipe.data
        streams = batch(
            examples, wanted, self.recipe.features, store, seconds=data.seconds, fit=data.fit, absent="blank"
        )
        return scaled(streams, self.scale).to(self.device)

    def _strange(self, clip: Clip, store: FeatureStore) -> tuple[str, ...]:
        """A note if the clip is unlike the training clips."""
        if self.world is None:
            return ()
        features = worlds.of_clip(clip, orders(self.net.watch), self.recipe.features, store)
        told = self.world.note({**features, **self.described.get(stamp(clip), {})})
        return (told,) if told else ()

    def _seconds(self, clip: Clip, store: FeatureStore) -> int | None:
        """Length of a clip's longest stream before fitting, in rows (one per second)."""
        lengths = []
        for stream in orders(self.net.watch):
            name, own = serving(self.recipe.features[stream], stream)
            where = key(clip, store.reads(name, own))
            if where and where != BLANK.id and store.has(name, where, own):
                lengths.append(len(store.look(name, own, where)[0]))
        return max(lengths, default=None)

    def _answers(self, output: Output, seconds: Sequence[int | None], notes: Sequence[tuple[str, ...]]) -> list[Answer]:
        scores = output.logits.float().softmax(-1).cpu()
        opinions = {name: logits.float().softmax(-1).cpu() for name, logits in output.opinions.items()}
        attention = {name: weight.float().cpu() for name, weight in output.attention.items()}
        answers = []
        for i in range(len(scores)):
            ranked = self._ranked(scores[i])
            weights = {name: _trimmed(attention[name][i], seconds[i]) for name in TRACKS if name in attention}
            evidence = Evidence(
                weights.get("seen", ()), weights.get("heard", ()), {n: self._ranked(o[i]) for n, o in opinions.items()}
            )
            segments = tuple(s for name, weight in weights.items() for s in _segments(name, weight))
            text = next(iter(ranked))
            answers.append(Answer(text, ranked, segments, (), evidence, raw=text, notes=notes[i]))
        return answers

    def _ranked(self, probabilities: Tensor) -> dict[str, float]:
        values, order = probabilities.sort(descending=True, stable=True)
        return {self.vocabulary[i]: v for i, v in zip(order.tolist(), values.tolist(), strict=True)}


class _Overheard:
    """An encoder that also collects the notes of the media it encodes."""

    def __init__(self, encoder: Any, said: list[str], seen: dict[str, Any]):
        self.encoder, self.said, self.seen = encoder, said, seen
        self.reads, self.streams, self.signature = encoder.reads, encoder.streams, encoder.signature
        self.sampling = getattr(encoder, "sampling", None)

    def __call__(self, given: Sequence[Any]) -> list[dict[str, Any]]:
        notes = [n for one in given if isinstance(one, Media) for n in one.notes]
        self.said += [n for n in notes if n not in ABSENT]
        for one in given:
            if isinstance(one, Media):
                self.seen.update({k: v for k, v in worlds.of_media(one).items() if k not in self.seen})
        return self.encoder(given)


def _trimmed(weight: Tensor, seconds: int | None) -> tuple[float, ...]:
    weight = weight[:seconds]
    return tuple((weight / weight.sum().clamp(min=1e-12)).tolist())


def _segments(track: str, weight: Sequence[float]) -> list[Segment]:
    """Segments of contiguous seconds with high weight (see STANDS_OUT)."""
    high = [w > STANDS_OUT / len(weight) for w in weight]
    segments, start = [], None
    for second, on in enumerate([*high, False]):
        if on and start is None:
            start = second
        elif not on and start is not None:
            segments.append(Segment(track, float(start), float(second), TRACKS[track]))
            start = None
    return segments


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable ({error}). {DAMAGED}") from None
    wrong = next((name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())), None)
    if wrong:
        raise ModelError(f"{path}: {wrong} holds NaN or infinity. {DAMAGED}")
    return tensors


def _json(path: Path, kind: type[Kind]) -> Kind:
    try:
        return read_json(path, kind)
    except FileError as error:
        raise ModelError(f"{error} {DAMAGED}") from None
