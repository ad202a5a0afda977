"""Find things by the name of their file; list them without importing them.

`find("nets", "av_master")` imports lookhear/nets/av_master.py: there is no list to keep in step. A name with a dot is a
module of yours: `find("nets", "mylab.my_net")`. What follows an `@` is a version, for the thing itself to read.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from lookhear.errors import RecipeError

ROOT = Path(__file__).parent
SHELVES = ("datasets", "tasks", "metrics", "encoders", "nets", "debias", "llms", "dialects")


def names(shelf: str) -> dict[str, str]:
    """Name -> first line of its docstring, for every file on `shelf`, read without importing anything."""
    return {f.stem: (ast.get_docstring(ast.parse(f.read_text("utf-8"))) or "").split("\n")[0] for f in _files(shelf)}


def find(shelf: str, name: str) -> ModuleType:
    """The module called `name` on `shelf`. Raises RecipeError, with the nearest name, where there is none."""
    stem = name.split("@")[0]
    if "." in stem:
        try:
            return importlib.import_module(stem)
        except ModuleNotFoundError as error:
            raise RecipeError(f"Cannot import {stem!r} for {shelf}: {error}. Is it on the Python path?") from None
    known = [f.stem for f in _files(shelf)]
    if stem not in known:
        raise RecipeError(unknown(shelf.rstrip("s"), stem, known))
    return importlib.import_module(f"lookhear.{shelf}.{stem}")


def _files(shelf: str) -> list[Path]:
    return sorted(f for f in (ROOT / shelf).glob("*.py") if not f.stem.startswith("_"))


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The one line that says `name` is not a known `kind`, with the nearest one or the whole list."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known) or 'none'}."
    return f"No {kind} is called {name!r}. {hint}"
