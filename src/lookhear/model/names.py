"""What a language model is called: a name on the shelf, a name with a place and options, or a folder.

crab_plus        qwen_omni@Qwen/Qwen2.5-Omni-3B        crab_plus@FOLDER,sound=windows        FOLDER
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear import catalog
from lookhear.errors import ModelError, RecipeError
from lookhear.model.llm import LLMModel

ARCHITECTURES = {"Qwen2_5Omni": "qwen_omni", "Qwen3Omni": "qwen_omni"}


def names() -> list[str]:
    """The names of the language models."""
    return sorted(catalog.names("llms"))


def named(name: Path | str) -> bool:
    """Whether `name` is a language model, or a folder that holds one."""
    return shelf(name)[0] is not None


def load(name: Path | str) -> LLMModel:
    """The language model called `name` (`crab_plus`, `crab_plus@FOLDER,sound=windows`) or in the folder `name`."""
    which, where, options = shelf(name)
    if which is None:
        raise ModelError(f"No language model called {str(name)!r}. There are: {', '.join(names())}.")
    module = catalog.find("llms", which)
    llm = module.load(**({"where": where} if where else {}), **options)
    return LLMModel(llm, Path(where).name if where and Path(where).is_dir() else which)


def plan(name: Path | str) -> Any | None:
    """What loading it takes, where the model can tell before: a text, with `download` in bytes."""
    which, where, options = shelf(name)
    module = catalog.find("llms", which) if which else None
    if module is None or not hasattr(module, "plan"):
        return None
    return module.plan(**({"where": where} if where else {}), **options)


def shelf(name: Path | str) -> tuple[str | None, str, dict[str, Any]]:
    """(name on the shelf, where it is, options) of `name`; of a folder as its own files tell."""
    first, _, rest = str(name).partition("@")
    if Path(name).is_dir():
        return _kind(Path(name)), str(name), {}
    if first not in catalog.names("llms"):
        return None, "", {}
    pieces = [piece for piece in re.split(r",(?=\w+=)", rest) if piece]
    where = pieces.pop(0) if pieces and not re.match(r"\w+=", pieces[0]) else ""
    options = {}
    for piece in pieces:
        key, equals, value = piece.partition("=")
        if not (key and equals and value):
            raise RecipeError(f"{piece!r} in {str(name)!r} is not of the form key=value.")
        options[key] = value
    return first, where, options


def _kind(folder: Path) -> str | None:
    """Which model a folder holds: as its card says, or as its config does."""
    for file, read in (("lookhear.json", lambda told: told.get("llm")), ("config.json", _architecture)):
        if (folder / file).is_file():
            try:
                told = json.loads((folder / file).read_text("utf-8"))
            except ValueError as error:
                raise ModelError(f"{folder / file}: not readable ({error}).") from None
            if isinstance(told, Mapping) and (found := read(told)):
                return str(found)
    return None


def _architecture(told: Mapping[str, Any]) -> str | None:
    kinds = told.get("architectures") or [""]
    return next((ours for theirs, ours in ARCHITECTURES.items() if str(kinds[0]).startswith(theirs)), None)
