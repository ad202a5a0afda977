"""The frozen encoders of a net: features of clips by the encoders that the net was trained on, and those only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from lookhear.errors import DependencyError, MediaError, ModelError, RecipeError
from lookhear.model._clips import stamp
from lookhear.model.pointing import empty_seconds
from lookhear.store import world as worlds
from lookhear.store.features import FeatureStore
from lookhear.store.fill import encoders_of, fill
from lookhear.store.names import configured, serving
from lookhear.store.official import OFFICIAL
from lookhear.types import Clip, Example, Media

REMEMBERED = 32  # clips whose features are kept, so that asking again decodes nothing
READ = {"frames": "seen", "waveform": "heard"}  # what an encoder reads -> track of evidence
ABSENT = ("no picture", "no sound track")  # true of any track not asked for; the batch says what is really absent


@dataclass
class Remembered:
    """A clip that was decoded here: its features, notes of decoding, descriptors for `store.world`, empty seconds."""

    store: FeatureStore
    notes: list[str] = field(default_factory=list)
    described: dict[str, Any] = field(default_factory=dict)
    empty: dict[str, Sequence[bool]] = field(default_factory=dict)


class Encoding:
    """The encoders of a net's streams. `features` is stream -> encoder; `cards` describe the encoders of training.

    `name` is the net's in errors; `build` makes an encoder from its name.
    """

    def __init__(
        self,
        name: str,
        features: Mapping[str, str],
        cards: Mapping[str, Mapping[str, Any]],
        build: Callable[[str], Any],
    ):
        self.name, self.features, self.cards, self.build = name, dict(features), cards, build
        self.encoders: dict[str, Any] = {}
        self.remembered: OrderedDict[Any, Remembered] = OrderedDict()
        self.spelling: dict[str, Callable[[str], list[str]] | None] = {}

    def encoder(self, name: str) -> Any:
        """The encoder `name`, built once. Raises ModelError if its signature differs from that of training."""
        if name not in self.encoders:
            self._refuse_adopted(name)
            encoder = self.build(name)
            self._agrees(name, {"weights": encoder.signature().get("sha256"), "streams": dict(encoder.streams)})
            self.encoders[name] = encoder
        return self.encoders[name]

    def pieces(self, stream: str) -> Callable[[str], list[str]] | None:
        """A function from a text to what the rows of the text stream `stream` stand for.

        None if its encoder does not tell, or if its tokenizer is not available here: evidence then has no words.
        """
        if stream not in self.spelling:
            self.spelling[stream] = None
            name, own = serving(self.features.get(stream, ""), stream)
            with suppress(ModelError, DependencyError, RecipeError):  # plug-ins and features of unknown encoders
                module, settings = configured(name)
                if own in ("words", "tokens") and hasattr(module, "pieces"):
                    self.spelling[stream] = module.pieces(settings)
        return self.spelling[stream]

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
        for what in ("weights", "streams"):
            was, now = self.cards.get(name, {}).get(what), card.get(what)
            if was is not None and was != now:
                raise ModelError(
                    f"{self.name} was trained on {name} features of {what} {was!r}, these are of {now!r}. "
                    f"Train it again on these, or use the {name} it was trained on."
                )

    def fill(self, store: FeatureStore, wanted: Sequence[str], examples: Sequence[Example]) -> None:
        """Compute missing features; refuse features made by another encoder of the same name."""
        tally = fill(store, self.features, wanted, examples, self.encoder)
        if tally.failed:
            raise MediaError(tally.failed[0][1])
        for name in encoders_of(self.features, wanted):
            self._agrees(name, store.card(name))

    def filled(
        self, store: FeatureStore | None, wanted: Sequence[str], examples: Sequence[Example]
    ) -> tuple[FeatureStore, list[tuple[str, ...]]]:
        """A store with every stream of the clips (`store`, or one in memory), and the decoding notes of each clip."""
        if store is not None:
            self.fill(store, wanted, examples)
            return store, [()] * len(examples)
        everything, notes = FeatureStore(None), []
        for example in examples:
            kept = self._remember(wanted, example)
            everything.cards |= kept.store.cards
            everything.memory |= kept.store.memory  # type: ignore[operator]
            notes.append(tuple(kept.notes))
        return everything, notes

    def _remember(self, wanted: Sequence[str], example: Example) -> Remembered:
        """The features of one clip in memory; made anew where its file has changed since."""
        which = stamp(example.clip)
        if which not in self.remembered:
            kept = Remembered(FeatureStore(None))
            tally = fill(
                kept.store, self.features, wanted, [example], lambda name: _CollectingNotes(self.encoder(name), kept)
            )
            if tally.failed:
                raise MediaError(tally.failed[0][1])
            self.remembered[which] = kept
            while len(self.remembered) > REMEMBERED:
                self.remembered.popitem(last=False)
        self.remembered.move_to_end(which)
        return self.remembered[which]

    def of(self, clip: Clip) -> Remembered | None:
        """What is remembered of a clip that was decoded here."""
        return self.remembered.get(stamp(clip))


class _CollectingNotes:
    """An encoder that also collects the notes of the media it encodes."""

    def __init__(self, encoder: Any, kept: Remembered):
        self.encoder, self.kept = encoder, kept
        self.reads, self.streams, self.signature = encoder.reads, encoder.streams, encoder.signature
        self.sampling, self.reach = encoder.sampling, encoder.reach

    def __call__(self, given: Sequence[Any]) -> list[dict[str, Any]]:
        for media in given:
            if isinstance(media, Media):
                self.kept.notes += [note for note in media.notes if note not in ABSENT]
                self.kept.described |= {k: v for k, v in worlds.of_media(media).items() if k not in self.kept.described}
                found = empty_seconds(media)
                self.kept.empty |= {t: found[t] for t in found if t == READ.get(self.reads)}
        return self.encoder(given)
