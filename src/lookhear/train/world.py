"""Write the distribution of a run's training clips into its folder, so that the model can flag clips unlike them."""

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


def keep(
    run: Path,
    clips: Sequence[Clip],
    features: Mapping[str, str],
    streams: Sequence[str],
    cards: Mapping[str, Mapping[str, Any]],
    store: FeatureStore,
) -> None:
    """Write `world.safetensors` of training clips to a run folder, unless there are too few clips.

    `features` and `streams` are those of the recipe and the net; `cards` are the signatures of the encoders in `store`.
    """
    some = world.spread(clips)
    decoded = world.of_files(some, _samplings(cards, store))
    rows = [{**world.of_clip(c, streams, features, store), **made} for c, made in zip(some, decoded, strict=True)]
    learned = world.fit(rows)
    if learned is not None:
        world.write(run, learned)


def _samplings(cards: Mapping[str, Mapping[str, Any]], store: FeatureStore) -> list[Sampling]:
    """The samplings of the encoders, in the order in which a clip of a question is decoded."""
    found = []
    for name, card in cards.items():
        if card["reads"] != "text" and not store.official(name):
            with suppress(LookhearError):  # features can be used without their encoder
                found.append((str(card["reads"]), build_encoder(name).sampling))
    return [sampling for _, sampling in sorted(found, key=lambda pair: pair[0])]
