"""Names of encoders with settings, as used in recipes, on the command line, and for folders of a store.

    clip                                              the encoder with its defaults
    clip@weights=openai/clip-vit-large-patch14        with settings: `key=value`, more after commas
    clip@rule=crab_arange,count=10                    with another choice of frames (rule, fps, offset, count) or
                                                      faster decoding, not to the last bit (loop_filter=false)
    clip@patches=true:patches                         in a recipe: the encoder's own stream after a colon

A comma ends a value only if `key=` follows; the text after the last colon is a stream if it is a single word. The name
of the folder in a store omits settings that do not change features (device, batch) and shortens paths of weights to
their last part; the hash in the card identifies the weights.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from lookhear import catalog, config
from lookhear.encoders import Encoder
from lookhear.errors import RecipeError
from lookhear.media.sampling import Sampling

SAMPLING = ("rule", "fps", "offset", "count", "loop_filter")  # settings of every encoder that reads frames
UNSIGNED = ("device", "batch")  # settings that affect only the speed
CONTRACT = ("reads", "streams", "sampling", "reach", "signature")  # of lookhear.encoders.Encoder
EXAMPLE = "clip@weights=/models/clip,patches=true"


def serving(served: str, stream: str) -> tuple[str, str]:
    """Split the entry of a recipe's `features` for `stream` into (encoder with settings, its own stream)."""
    found = re.fullmatch(r"(.*[^:]):([A-Za-z_]\w*)", served)
    return (found[1], found[2]) if found else (served, stream)


@lru_cache(maxsize=1024)
def stored_name(text: str) -> str:
    """Name of the encoder's folder in a store."""
    name, at, rest = text.partition("@")
    pairs = [piece.partition("=") for piece in _pieces(rest)]
    if not at or not all(equals for _, equals, _ in pairs):
        return text
    kept = sorted((k, v) for k, _, v in pairs if k not in UNSIGNED)
    told = [f"{k}={v.replace(chr(92), '/').rstrip('/').rpartition('/')[2] if k == 'weights' else v}" for k, v in kept]
    return f"{name}@{','.join(told)}" if told else name


def build_encoder(text: str) -> Any:
    """Build the encoder that `text` names, with its settings and defaults for the others. Raises RecipeError."""
    module, settings, looks = _read(text)
    encoder = module.build(settings)
    if not isinstance(encoder, Encoder):
        missing = ", ".join(name for name in CONTRACT if not hasattr(encoder, name))
        raise RecipeError(f"The encoder {text!r} lacks {missing}. Derive its class from lookhear.encoders.Encoder.")
    if "@" not in text:
        return encoder
    sampling = _sampling(text, encoder, looks) if looks else encoder.sampling
    return Configured(encoder, stored_name(text), sampling)


def configured(text: str) -> tuple[ModuleType, Any]:
    """The module of the encoder that `text` names, and its settings. Raises RecipeError."""
    return _read(text)[:2]


def _read(text: str) -> tuple[ModuleType, Any, dict[str, Any]]:
    """Parse a name into the encoder's module, its settings, and the settings of its sampling."""
    name, at, rest = text.partition("@")
    settings = _settings(text, rest) if at else {}
    module = catalog.find("encoders", name)
    schema = config.schema_of(module)
    fields = [f.name for f in dataclasses.fields(schema)]
    looks = {k: settings.pop(k) for k in SAMPLING if k in settings and k not in fields}
    wrong = next((k for k in settings if k not in fields), None)
    if wrong is not None:
        raise RecipeError(catalog.unknown(f"setting of encoder {name!r}", wrong, (*fields, *SAMPLING)))
    return module, config.parse(schema, settings, where=f"encoder {name}"), looks


@dataclass
class Configured:
    """An encoder with the name and the sampling of its settings."""

    encoder: Any
    name: str
    sampling: Sampling | None

    def __post_init__(self) -> None:
        self.reads, self.streams = self.encoder.reads, self.encoder.streams
        self.reach = self.encoder.reach

    def signature(self) -> dict[str, Any]:
        """The encoder's signature under this name."""
        return {**self.encoder.signature(), "name": self.name}

    def __call__(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        return self.encoder(items)


def _pieces(rest: str) -> list[str]:
    return re.split(r",(?=\w+=)", rest)


def _settings(text: str, rest: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for piece in _pieces(rest):
        key, equals, value = piece.partition("=")
        if not equals or not key or not value:
            raise RecipeError(f"{piece!r} in {text!r} is not of the form key=value. Write settings as in {EXAMPLE}.")
        if key in settings:
            raise RecipeError(f"{text!r} gives {key} twice.")
        settings[key] = _value(value)
    return settings


def _value(text: str) -> Any:
    """Parse lists and null as YAML; the types of the encoder's Config parse the rest."""
    if text == "null":
        return None
    try:
        return json.loads(text) if text.startswith("[") else text
    except ValueError:
        raise RecipeError(f"{text!r} is not a list. Write it as [25,25,23].") from None


def _sampling(text: str, encoder: Any, looks: dict[str, Any]) -> Sampling:
    if encoder.reads != "frames":
        raise RecipeError(f"{text!r}: {', '.join(looks)} choose frames, and this encoder reads {encoder.reads}.")
    base = {f.name: getattr(encoder.sampling, f.name) for f in dataclasses.fields(Sampling) if f.name not in SAMPLING}
    chosen = {k: getattr(encoder.sampling, k) for k in ("fps", "offset")} | looks
    return config.parse(Sampling, {**base, **chosen}, where=text)
