"""Compute the features that a net needs and the store does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lookhear.errors import FeatureError
from lookhear.store import _today
from lookhear.store.batch import NEGATIVE, OFFERED, text_of
from lookhear.store.extract import Tally, extract, extract_texts
from lookhear.store.features import FeatureStore, key, text_key
from lookhear.store.names import build_encoder, serving
from lookhear.types import BLANK, Example

PATIENCE = 7 * 24 * 3600.0  # seconds to wait for another process that extracts the same features
Progress = Callable[[str, int, int], None]  # (description, done, total)


def encoders_of(features: Mapping[str, str], wanted: Sequence[str]) -> dict[str, list[str]]:
    """Encoder -> the `wanted` streams it serves by a recipe's `features`; `…_negative` ones under their plain name."""
    serves: dict[str, list[str]] = {}
    for stream in dict.fromkeys(w.removesuffix(NEGATIVE) for w in wanted if w != OFFERED):
        if stream not in features:
            known = ", ".join(f"{k}: {v}" for k, v in features.items()) or "none"
            raise FeatureError(f"The net asks for {stream!r} but no encoder is named for it. Named are: {known}.")
        serves.setdefault(serving(features[stream], stream)[0], []).append(stream)
    return serves


def fill(
    store: FeatureStore,
    features: Mapping[str, str],
    wanted: Sequence[str],
    examples: Sequence[Example],
    build: Callable[[str], Any] = build_encoder,
    progress: Progress | None = None,
) -> Tally:
    """Encode the `wanted` streams of `examples` that are missing in `store`; unneeded encoders are not built.

    Unreadable clips are in the tally's `failed`. Raises FeatureError if stored features were made with other weights
    than the encoder has now.
    """
    clips = list(dict.fromkeys(e.clip for e in examples))
    looking, tally = [], Tally()
    for name, streams in encoders_of(features, wanted).items():
        if _has_card(store, name):
            encoder = _today.check(store, name, build)
        else:
            encoder = build(name)
            store.open(encoder)
        if store.official(name):
            tally += _lacking(store, name, streams, features, examples)
            continue
        reads = store.card(name)["reads"]
        if reads == "text":
            texts = list(dict.fromkeys(text_of(e, s) for e in examples for s in streams))
            if all(store.has(name, text_key(t)) for t in texts):
                continue
            report = _tally_progress(progress, f"{name} on {len(texts)} texts")
            tally += extract_texts(texts, encoder or build(name), store, report)
        else:
            # a missing track is replaced by black or silence
            keys = {key(c, reads) or BLANK.id for c in clips}
            if not all(store.has(name, k) for k in keys):
                looking.append(encoder or build(name))
    if looking:
        names = " and ".join(e.signature()["name"] for e in looking)
        report = _tally_progress(progress, f"{names} on {len(clips)} clips")
        tally += extract(clips, looking, store, progress=report, wait=PATIENCE)
    return tally


def _lacking(
    store: FeatureStore, name: str, streams: Sequence[str], features: Mapping[str, str], examples: Sequence[Example]
) -> Tally:
    """The clips that are missing in adopted features, which cannot be computed. Raises FeatureError for texts."""
    failed = []
    for stream in streams:
        own = serving(features[stream], stream)[1]
        reads = store.reads(name, own)
        for example in {e.clip: e for e in examples}.values() if reads != "text" else examples:
            where = text_key(text_of(example, stream)) if reads == "text" else key(example.clip, reads)
            if where in (None, BLANK.id) or store.has(name, where, own):
                continue
            what = f"text {text_of(example, stream)!r}" if reads == "text" else f"clip {where!r}"
            words = f"{name} has no {own} of {what}: adopted features are not made, and these are not among them"
            if reads == "text":
                raise FeatureError(f"{words}. Serve {stream} by an encoder: features.{stream}=clip_text")
            failed.append((example.clip.id, words))
    return Tally(failed=tuple(failed))


def _has_card(store: FeatureStore, name: str) -> bool:
    try:
        store.card(name)
    except FeatureError:
        return False
    return True


def _tally_progress(progress: Progress | None, what: str) -> Callable[[Tally, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done.made + done.kept + len(done.failed), total)
