"""Whether values are of the kinds that annotations promise: asked where the content of a file becomes an object."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Collection, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def wrong_field(made: Any) -> str:
    """The first field of a dataclass instance whose value is of another kind than its annotation; "" if there is none.

    Fields that are dataclasses are looked into.
    """
    hints = get_type_hints(type(made))
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            inner = wrong_field(value)
            if inner:
                return f"{field.name}.{inner}"
        elif not fits(value, hints[field.name]):
            return f"{field.name} is {repr(value)[:60]}, not {_name(hints[field.name])}"
    return ""


def fits(value: Any, hint: Any) -> bool:
    """Whether a value fits an annotation of text, numbers, lists, mappings, their unions, or classes."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is not None and isinstance(origin, type):
        return _of_parts(value, origin, parts)
    if hint is None or hint is type(None):
        return value is None
    if hint is Any or not isinstance(hint, type):
        return True
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, hint) and not (dataclasses.is_dataclass(value) and wrong_field(value))


def _of_parts(value: Any, origin: type, parts: tuple[Any, ...]) -> bool:
    if issubclass(origin, Mapping):
        inside = isinstance(value, Mapping)
        return inside and all(fits(k, parts[0]) and fits(v, parts[1]) for k, v in value.items())
    if issubclass(origin, Collection):
        if not isinstance(value, Collection) or isinstance(value, (str, bytes, Mapping)):
            return False
        if issubclass(origin, tuple) and parts and parts[-1] is not Ellipsis:
            return len(value) == len(parts) and all(map(fits, value, parts))
        return all(fits(one, parts[0]) for one in value) if parts else True
    return isinstance(value, origin)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint).replace("typing.", "")
