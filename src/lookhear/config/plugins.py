"""Build a plug-in (net, encoder, debias wrapper, language model) from a section of a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_type_hints

from lookhear import catalog
from lookhear.config.parse import first_line, parse
from lookhear.errors import RecipeError, quote


def build(shelf: str, options: Mapping[str, Any], **late: Any) -> Any:
    """Import `options["name"]` from `shelf` and call its `build` with a Config made of the other options.

    `late` are values known only to the caller (number of answers, width of a stream). They fill fields of the Config
    that are not in `options`; values without such a field are ignored. Raises RecipeError.
    """
    settings = settings_of(shelf, options, **late)
    name = options["name"]
    try:
        return catalog.find(shelf, name).build(settings)
    except (ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:  # sizes that torch rejects
        reason, given = first_line(error) or type(error).__name__, {k: v for k, v in options.items() if k != "name"}
        raise RecipeError(
            f"{shelf.rstrip('s')} {name} cannot be built with {given or 'its defaults'}: {reason}"
        ) from None


def settings_of(shelf: str, options: Mapping[str, Any], **late: Any) -> Any:
    """The Config that `build` gives to `options["name"]` from `shelf`. Raises RecipeError."""
    options = dict(options)
    name = options.pop("name", None)
    if not name:
        raise RecipeError(f"Section {shelf.rstrip('s')!r} needs a name. There are: {', '.join(catalog.names(shelf))}.")
    if not isinstance(name, str):
        raise RecipeError(f"Section {shelf.rstrip('s')!r}: name is {quote(repr(name), 80)}, not a text.")
    schema = schema_of(catalog.find(shelf, name))
    known = {f.name for f in dataclasses.fields(schema)}
    late = {k: v for k, v in late.items() if k in known and k not in options}
    return parse(schema, {**late, **options}, where=f"{shelf.rstrip('s')} {name}")


def schema_of(module: Any) -> type[Any]:
    """The dataclass in the annotation of `module.build`'s argument."""
    return get_type_hints(module.build)["config"]
