"""Convert a published checkpoint to a run folder, for use with evaluate, audit, ask and compare."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookhear import catalog, checkpoints, config, datasets
from lookhear.errors import FeatureError, ModelError
from lookhear.model import widths
from lookhear.store.batch import NEGATIVE, wants
from lookhear.store.features import FeatureStore
from lookhear.store.fill import build_encoder, encoders_of
from lookhear.store.signature import signature
from lookhear.train import files

TOKENS = "avst_words"  # the encoder of tokenised questions, if a recipe names none
INTEGERS = ("tokens", "candidates")  # streams of token ids, which adopted features do not hold
NOT_IN_WEIGHTS = ("tower", "sound", "repeat", "norms", "hard", "mask", "fuse", "top_k")
WRAPPERS = ("state_dict", "model", "model_state_dict", "net", "network")  # keys of checkpoints for the state dict


def recipe_of(name: str, overrides: Sequence[str] = ()) -> config.Recipe:
    """The recipe with the features of net `name`: `music_avqa/NAME`, else `soundstage/NAME` for MUSIC-AVQA.

    Raises ModelError for a net without a published checkpoint.
    """
    _check(name)
    if f"music_avqa/{name}" in config.recipes():
        return config.load(f"music_avqa/{name}", overrides)
    return config.load(f"soundstage/{name}", ["data.name=music_avqa", "data.root=''", *overrides])


def _published(name: str) -> bool:
    """Whether published checkpoints of the net can be converted. Imports only this net."""
    return name in catalog.names("nets") and hasattr(catalog.find("nets", name), "from_official")


def convert(
    name: str,
    checkpoint: Path,
    recipe: config.Recipe,
    vocabulary: Sequence[str] = (),
    features: Sequence[str] = (),
) -> Path:
    """Write the run folder `recipe.out` with the weights of `checkpoint`, published for net `name`.

    `recipe` defines the features, the length of streams, and the dataset whose answers are the classes, unless
    `vocabulary` is given; sizes and variant are inferred from the weights, and what weights do not show is taken from
    the recipe's `net` section (`not_in_weights`). Each of `features` is `STREAM=ENCODER`, or
    an encoder that serves every stream the net reads, except tokens. Raises ModelError if the weights are not of this
    net, or do not fit the features or the answers.
    """
    _check(name)
    net = catalog.find("nets", name).from_official(read(checkpoint), **not_in_weights(name, recipe)).eval()
    sizes = {"name": name, **dataclasses.asdict(net.config)}
    kept = {k: v for k, v in recipe.net.items() if k not in sizes or k in ("every", "top_k", "segments", "top_m")}
    answers = tuple(vocabulary) or _answers(recipe)
    if len(answers) != sizes["answers"]:
        raise ModelError(
            f"{str(checkpoint)!r} has {sizes['answers']} answers, {recipe.data.name} {len(answers)}. "
            "Give the checkpoint's own list, in its order: --vocabulary FILE.json"
        )
    wanted = wants(net)
    served = _served(wanted, recipe.features, features)
    whole = replace(recipe, net={**sizes, **kept}, features=served, debias={})
    cards = _cards(whole, wanted)
    for stream, width in widths(whole, cards).items():
        if stream in sizes and sizes[stream] != width:
            raise ModelError(
                f"{str(checkpoint)!r} reads {stream!r} {sizes[stream]} wide, {served[stream]!r} is {width} wide. "
                f"Name its own features: --features {stream}=NAME"
            )
    run = Path(recipe.out)
    if files.claim(whole, run):
        return run
    with files.unless_refused(run):
        files.start(run, whole, answers, cards, {})
        checkpoints.save(net.state_dict(), run / "model.safetensors")
    return run


def not_in_weights(name: str, recipe: config.Recipe) -> dict[str, Any]:
    """Settings in the recipe's `net` section that `from_official` takes because a checkpoint does not contain them."""
    given = {k: v for k, v in recipe.net.items() if k == "name" or k in NOT_IN_WEIGHTS}
    settings = config.settings_of("nets", {**given, "name": name})
    found = {k: getattr(settings, k) for k in given if k in NOT_IN_WEIGHTS}
    if "tower" in found:
        found["image"] = found.pop("tower").image
    taken = inspect.signature(catalog.find("nets", name).from_official).parameters
    return {k: v for k, v in found.items() if k in taken}


def _served(wanted: Sequence[str], own: Mapping[str, str], given: Sequence[str]) -> dict[str, str]:
    """Stream -> encoder: `given` for single streams, else for all but token ids, else the recipe's `own`."""
    streams = list(dict.fromkeys(w.removesuffix(NEGATIVE) for w in wanted))
    single = dict(one.split("=", 1) for one in given if "=" in one.partition("@")[0])
    every = [one for one in given if "=" not in one.partition("@")[0]]
    served = {"tokens": TOKENS, **own}
    served |= {s: encoder for encoder in every for s in streams if s not in INTEGERS} | single
    return {stream: served[stream] for stream in streams if stream in served}


def _check(name: str) -> None:
    if not _published(name):
        have = [net for net in catalog.names("nets") if _published(net)]
        raise ModelError(f"No checkpoint was published for {name!r}. There are: {', '.join(have)}.")


def read(path: Path) -> dict[str, Tensor]:
    """The state dict of a checkpoint, unwrapped and without prefixes. Raises ModelError for NaN."""
    if not path.is_file():
        raise ModelError(f"No checkpoint at {str(path)!r}. Give the published .pt, .pth, .bin or .safetensors file.")
    state = checkpoints.tensors(checkpoints.read(path), *WRAPPERS)
    if not state:
        raise ModelError(f"{str(path)!r} holds no tensors by name. Give the file with the network's state dict.")
    bad = [n for n, t in state.items() if t.is_floating_point() and not torch.isfinite(t).all()]
    if bad:
        raise ModelError(
            f"{str(path)!r} has NaN or infinite values in {bad[0]!r} and {len(bad) - 1} more: it is damaged."
        )
    return state


def _answers(recipe: config.Recipe) -> tuple[str, ...]:
    """The answers of a dataset in the order of published classes. Raises ModelError if it has no fixed order."""
    fixed = datasets.of(recipe.data.name).vocabulary
    if not fixed:
        raise ModelError(f"{recipe.data.name!r} has no fixed order of answers: give it with --vocabulary FILE.json")
    return fixed


def _cards(recipe: config.Recipe, wanted: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Encoder -> signature, from the store if it has such features, else from the encoder."""
    root = recipe.data.store_folder if recipe.data.store or recipe.data.root else None
    store, cards = FeatureStore(root), dict[str, Mapping[str, Any]]()
    for name in encoders_of(recipe.features, wanted):
        try:
            cards[name] = store.card(name)
        except FeatureError:
            cards[name] = signature(build_encoder(name))
    return cards
