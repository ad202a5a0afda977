"""A run folder read back: the net its recipe names, with the weights, answers and scale that training left.

A run folder is what training leaves: recipe.yaml, model.safetensors, vocabulary.json (the ordered answers) and
features.json (the signatures of the features it was trained on). Shipped models are run folders in `weights/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lookhear import catalog, config
from lookhear.errors import FeatureError, FileError, ModelError
from lookhear.files import read_json
from lookhear.model import within
from lookhear.model.net import NetModel
from lookhear.model.sizes import build_net, wrapped
from lookhear.store import world as worlds
from lookhear.store.arrays import check_card
from lookhear.store.features import FeatureStore

Kind = TypeVar("Kind", list, dict)
DAMAGED = "The run folder is damaged; train it again."
SCALE_PARTS = ("mean", "deviation")  # what scale.safetensors holds of each stream


def load_run(folder: Path, store: FeatureStore | None = None, net: Mapping[str, Any] | None = None) -> NetModel:
    """Load a run folder; with `store`, features are read from it and missing ones are added to it.

    `net` replaces options of the net that do not change its weights. Raises ModelError if the weights do not fit.
    """
    recipe = config.load(folder / "recipe.yaml")
    recipe = replace(recipe, net={**recipe.net, **(net or {})})
    vocabulary = tuple(_json(folder / "vocabulary.json", list))
    cards = _json(folder / "features.json", dict)
    if not vocabulary or not all(isinstance(word, str) for word in vocabulary):
        raise ModelError(f"{folder / 'vocabulary.json'}: not a list of answers. {DAMAGED}")
    for name, card in cards.items():
        try:
            check_card(card)
        except FeatureError as error:
            raise ModelError(f"{folder / 'features.json'}: {name}: {error}. {DAMAGED}") from None
    built = build_net(recipe, vocabulary, cards)
    if recipe.debias and catalog.find("debias", str(recipe.debias.get("name"))).STAYS:
        built = wrapped(built, recipe, vocabulary, cards)
    weights = _tensors(folder / "model.safetensors")
    try:
        built.load_state_dict(weights)
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
    return NetModel(built, recipe, vocabulary, cards, name, store, scale=scale, world=world, words=words)


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
