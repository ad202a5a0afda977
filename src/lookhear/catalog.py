"""Find things by the name of their file or folder; list them without importing them.

`find("nets", "av_master")` imports lookhear/nets/av_master.py, or the folder of that name: there is no list to keep in
step. A name with a dot is a module of yours: `find("nets", "mylab.my_net")`. What follows an `@` is a version, for the
thing itself to read. Files whose names begin with `_`, and the folders in `SHARED`, are parts of several things.
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
SHARED = {"datasets": ("reading",), "tasks": ("reading",), "llms": ("omni",)}  # folders that are no thing by themselves


def names(shelf: str) -> dict[str, str]:
    """Name -> first line of its docstring, for everything on `shelf`, read without importing anything."""
    docs = {name: ast.get_docstring(ast.parse(f.read_text("utf-8"))) for name, f in _things(shelf).items()}
    return {name: (doc or "").split("\n")[0] for name, doc in docs.items()}


def find(shelf: str, name: str) -> ModuleType:
    """The module called `name` on `shelf`. Raises RecipeError, with the nearest name, where there is none."""
    stem = name.split("@")[0]
    if "." in stem:
        try:
            return importlib.import_module(stem)
        except ModuleNotFoundError as error:
            raise RecipeError(f"Cannot import {stem!r} for {shelf}: {error}. Is it on the Python path?") from None
    known = _things(shelf)
    if stem not in known:
        raise RecipeError(unknown(shelf.rstrip("s"), stem, known))
    return importlib.import_module(f"lookhear.{shelf}.{stem}")


def _things(shelf: str) -> dict[str, Path]:
    """Name -> the file that holds it: NAME.py, or NAME/__init__.py."""
    here = ROOT / shelf
    files = {f.stem: f for f in here.glob("*.py") if not f.stem.startswith("_")}
    folders = {f.parent.name: f for f in here.glob("*/__init__.py") if f.parent.name not in SHARED.get(shelf, ())}
    return dict(sorted((files | folders).items()))


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The one line that says `name` is not a known `kind`, with the nearest one or the whole list."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known) or 'none'}."
    return f"No {kind} is called {name!r}. {hint}"
