"""What a run's training clips are like, kept in its folder, so that the model can say when a clip is unlike them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lookhear.errors import LookhearError
from lookhear.media.sampling import Sampling
from lookhear.store import world
from lookhear.store.features import FeatureStore
from lookhear.store.names import build_encoder
from lookhear.types import Clip

CLIPS = 2000  # whose features are compared, at most
DECODED = 100  # of them that are decoded as well, where their files are here


def keep(
    run: Path,
    clips: Sequence[Clip],
    features: Mapping[str, str],
    streams: Sequence[str],
    cards: Mapping[str, Mapping[str, Any]],
    store: FeatureStore,
) -> None:
    """Write `world.safetensors` of training clips to a run folder; nothing where there are too few clips.

    `features` and `streams` are the recipe's and the net's; `cards` are the signatures of the encoders in `store`.
    """
    some = clips[:: 1 + len(clips) // CLIPS]
    rows: list[dict[str, Any]] = [dict(world.of_clip(clip, streams, features, store)) for clip in some]
    step = 1 + len(some) // DECODED
    for row, made in zip(rows[::step], world.of_files(some[::step], _samplings(cards, store)), strict=True):
        row.update(made)
    learned = world.fit(rows)
    if learned is not None:
        world.write(run, learned)


def _samplings(cards: Mapping[str, Mapping[str, Any]], store: FeatureStore) -> list[Sampling]:
    """How the encoders look at a clip, in the order in which one that is asked about is decoded."""
    found = []
    for name, card in cards.items():
        if card["reads"] != "text" and not store.official(name):
            with suppress(LookhearError):  # features without the encoder that made them still serve
                found.append((str(card["reads"]), build_encoder(name).sampling))
    return [sampling for _, sampling in sorted(found, key=lambda pair: pair[0])]
