"""Nets as large as their features and their vocabulary make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lookhear import config
from lookhear.errors import ModelError
from lookhear.nets import Net
from lookhear.store.names import serving


def build_net(recipe: config.Recipe, vocabulary: Sequence[str], cards: Mapping[str, Mapping[str, Any]]) -> Net:
    """Build the net of a recipe, sized for its features (`cards`: encoder -> signature) and its vocabulary."""
    return config.build("nets", recipe.net, answers=len(vocabulary), **widths(recipe, cards))


def wrapped(net: Net, recipe: config.Recipe, vocabulary: Sequence[str], cards: Mapping[str, Mapping[str, Any]]) -> Net:
    """The net inside the wrapper of the recipe's `debias` section, if there is one."""
    return config.build("debias", recipe.debias, answers=len(vocabulary), **widths(recipe, cards))(net)


def widths(recipe: config.Recipe, cards: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Stream -> width, from the `cards` of the recipe's encoders; for a token stream, the size of its vocabulary."""
    width_of: dict[str, int] = {}
    for stream, served in recipe.features.items():
        name, own = serving(served, stream)
        streams = cards.get(name, {}).get("streams", {})
        if name in cards and own not in streams:
            raise ModelError(f"Encoder {name} makes {', '.join(streams)}; the recipe wants {stream!r} from {served!r}.")
        width_of |= {stream: streams[own]} if streams else {}
    return width_of
