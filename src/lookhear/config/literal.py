"""Recipes that need no conversion, read without OmegaConf, whose import costs `lookhear ask` a quarter of its time.

`mapping(text)` reads YAML in which every scalar means the same to PyYAML and to OmegaConf; `fitting(schema, values)`
makes a dataclass of values that have its types already. Both return None where they are not sure: `config` then asks
OmegaConf, which converts, or names the fault.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

T = TypeVar("T")
NUMERIC = "-+.0123456789"  # a text that begins so may be a number to OmegaConf
TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNSURE = object()  # a value that OmegaConf has to look at


def mapping(text: str) -> dict[str, Any] | None:
    """The mapping that a YAML text is, or None where OmegaConf may read it differently. Raises YAMLError."""
    loader = (yaml.SafeLoader if _deep(text) else Loader)(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode) or not _same(node, set()):
            return None
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _deep(text: str) -> bool:
    """Whether brackets, or marks within a line, may nest too deep for libyaml, whose overflow ends the process."""
    marks = (line.count("- ") + line.count("? ") + line.count(": ") for line in text.splitlines())
    return text.count("[") + text.count("{") > 500 or max(marks, default=0) > 100


def _same(node: yaml.Node, seen: set[int]) -> bool:
    """Whether PyYAML and OmegaConf read a node alike: plain tags, no aliases, no doubled keys, no doubtful numbers."""
    if id(node) in seen or node.tag not in TAGS:
        return False
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return all(_same(child, seen) for child in node.value)
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        texts = all(isinstance(key, yaml.ScalarNode) and key.tag.endswith(":str") for key, _ in node.value)
        return texts and len(set(keys)) == len(keys) and all(_same(child, seen) for _, child in node.value)
    doubtful = node.value[:1] in NUMERIC and not node.style  # written without quotes
    return not (node.tag.endswith(":str") and node.value and doubtful)


def fitting(schema: type[T], values: Mapping[str, Any]) -> T | None:
    """A `schema` of values whose types are those of its fields, or None if any needs converting or is refused."""
    made = _dataclass(schema, values)
    return None if made is UNSURE else made


def _dataclass(schema: type[Any], values: Mapping[str, Any]) -> Any:
    hints = get_type_hints(schema)
    if not values.keys() <= {field.name for field in dataclasses.fields(schema) if field.init}:
        return UNSURE
    given = {name: _value(hints[name], value) for name, value in values.items()}
    return UNSURE if any(value is UNSURE for value in given.values()) else schema(**given)


def _value(hint: Any, value: Any) -> Any:
    """`value` as a field annotated `hint` holds it, or UNSURE."""
    if get_origin(hint) in (Union, types.UnionType):
        left = [one for one in get_args(hint) if one is not type(None)]
        return None if value is None else _value(left[0], value) if len(left) == 1 else UNSURE
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value) if isinstance(value, dict) else UNSURE  # type: ignore[arg-type]
    if hint is Any:
        return deepcopy(value) if _plain(value) else UNSURE
    if hint is float and type(value) is int:
        return float(value)
    if hint in (str, int, float, bool):
        return value if type(value) is hint and value != "???" else UNSURE
    inner = get_args(hint)
    if get_origin(hint) is list and type(value) is list:
        made = [_value(inner[0], one) for one in value]
        return UNSURE if any(one is UNSURE for one in made) else made
    if get_origin(hint) is dict and inner[0] is str and type(value) is dict and all(type(k) is str for k in value):
        held = {key: _value(inner[1], one) for key, one in value.items()}
        return UNSURE if any(one is UNSURE for one in held.values()) else held
    return UNSURE


def _plain(value: Any) -> bool:
    """Whether a value of an open section is one that OmegaConf keeps as it is."""
    if type(value) is dict:
        return all(type(key) is str and _plain(one) for key, one in value.items())
    if type(value) is list:
        return all(map(_plain, value))
    return value is None or (type(value) in (str, int, float, bool) and value != "???")
