"""Plug-in registry by file name: find and list nets, datasets, tasks, encoders and others.

A shelf is a package such as `lookhear.nets`, in which every file or folder is one plug-in. `find("nets", "av_master")`
imports lookhear/nets/av_master.py, or the folder of that name; no registration is needed. Text after an `@` is a
version, which the plug-in itself interprets. Files whose names begin with `_` and the folders in `SHARED` hold common
code. Plug-ins outside this package are found as well:

    include("work")      adds work/nets/mine.py as `mine` (`lookhear --include work …`)
    [project.entry-points."lookhear.nets"]  mine = "mylab.my_net"      in an installed package
    find("nets", "mylab.my_net")            a module on the Python path, by its dotted name
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import ModuleType

from lookhear.errors import RecipeError, not_installed, quote

ROOT = Path(__file__).parent
SHELVES = ("datasets", "tasks", "metrics", "encoders", "nets", "debias", "llms", "dialects")
CONTRACTS = {  # shelf -> names that each of its files must define; the shelf's docstring tells what else it may define
    "datasets": ("load",),
    "tasks": ("VERSION", "MAIN", "right", "prompt", "target", "parse", "score", "pooled"),
    "metrics": (),
    "encoders": ("Config", "build"),
    "nets": ("Config", "build"),
    "debias": ("Config", "STAYS", "build"),
    "llms": ("load",),
    "dialects": ("message",),
}
SHARED = {"datasets": ("reading",), "tasks": ("reading",), "llms": ("omni",)}  # folders that are not plug-ins
OPENING = re.compile(r'(?:[ \t]*(?:#[^\n]*)?\n)*"""([^"\\\n]*?\S[^"\\\n]*)(?:"""|\n)')  # a file's docstring, first line


def names(shelf: str) -> dict[str, str]:
    """Name -> first docstring line of every plug-in on `shelf`; nothing is imported."""
    return {name: _first_line(file) for name, file in _plugins(shelf).items()}


def has(shelf: str, name: str) -> bool:
    """Whether a thing called `name` stands on `shelf`."""
    return name in _in_folders(shelf) or name in _plugins(shelf)


def _first_line(file: Path) -> str:
    try:
        text = file.read_text("utf-8")
        if opening := OPENING.match(text):  # the usual form of a docstring: forty times as fast as parsing the file
            return opening[1].strip()
        doc = ast.get_docstring(ast.parse(text))
    except (SyntaxError, ValueError) as error:
        return f"cannot be read: {error}"
    return (doc or "").split("\n")[0]


def find(shelf: str, name: str) -> ModuleType:
    """Import the module `name` of `shelf`. Raises RecipeError, with the closest name, if there is none.

    Also raises RecipeError if the module lacks a name of the shelf's contract (`CONTRACTS`).
    """
    module = _load(shelf, name.split("@")[0])
    missing = [part for part in CONTRACTS[shelf] if part not in vars(module)]
    if missing:
        contract = ", ".join(CONTRACTS[shelf])
        raise RecipeError(f"{module.__file__} lacks {', '.join(missing)}. A file in {shelf} defines {contract}.")
    return module


def _load(shelf: str, stem: str) -> ModuleType:
    if "." in stem:
        try:
            return importlib.import_module(stem)
        except ModuleNotFoundError as error:
            raise RecipeError(f"Cannot import {stem!r} for {shelf}: {error}. Is it on the Python path?") from None
    if stem in _in_folders(shelf):
        return _imported(f"lookhear.{shelf}.{stem}", stem)
    if stem in _entries(shelf):
        return _imported(_entries(shelf)[stem], stem)
    if stem in _in_folders(shelf, again=True):  # a file that was added since the last look
        return _imported(f"lookhear.{shelf}.{stem}", stem)
    known = _plugins(shelf)
    hint = ""
    with suppress(OSError, ValueError):  # a folder that may not be read; a name that is no pattern
        found = next(chain(Path().glob(f"{shelf}/{stem}.py"), Path().glob(f"*/{shelf}/{stem}.py")), None)
        hint = f" There is {found}: add --include {found.parents[1]}" if found else ""
    raise RecipeError(unknown("wrapper" if shelf == "debias" else shelf.removesuffix("s"), stem, known) + hint)


def include(folder: Path | str) -> None:
    """Add the plug-ins in `folder`/SHELF/, such as nets/mine.py, to this process. Raises RecipeError.

    The folders are added to the search path of the shelf's package, so their files are imported like our own.
    """
    folder = Path(folder).expanduser().resolve()
    shelves = [shelf for shelf in SHELVES if (folder / shelf).is_dir()]
    if not shelves:
        raise RecipeError(f"Nothing to include in {str(folder)!r}: it has none of the folders {', '.join(SHELVES)}.")
    for shelf in shelves:
        ours, theirs = _in_folders(shelf), _files(folder / shelf, shelf)
        twice = next((n for n in theirs if n in ours and ours[n] != theirs[n]), None)
        if twice:
            raise RecipeError(f"{str(theirs[twice])!r} has the name of an existing plug-in: rename it.")
        package = importlib.import_module(f"lookhear.{shelf}")
        if str(folder / shelf) not in package.__path__:
            package.__path__.append(str(folder / shelf))


def _imported(module: str, name: str) -> ModuleType:
    """Import a module. Raises DependencyError, with the command to install it, if a library is missing."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "lookhear").split(".")[0] == "lookhear":
            raise
        raise not_installed(error, name) from None


def _plugins(shelf: str) -> dict[str, Path]:
    """Name -> file of every plug-in: our own, in included folders, and of installed packages."""
    found = dict(_in_folders(shelf, again=True))
    for name, module in _entries(shelf).items():
        spec = importlib.util.find_spec(module) if name not in found else None
        if spec and spec.origin:
            found[name] = Path(spec.origin)
    return dict(sorted(found.items()))


def _in_folders(shelf: str, again: bool = False) -> dict[str, Path]:
    """Name -> file of the plug-ins in the folders of a shelf's package; `again` looks into the folders anew."""
    package = sys.modules.get(f"lookhear.{shelf}")
    if again:
        _listed.cache_clear()
    return _listed(shelf, tuple(package.__path__) if package else ())


@lru_cache(maxsize=64)
def _listed(shelf: str, paths: tuple[str, ...]) -> dict[str, Path]:
    folders = [ROOT / shelf, *(Path(p) for p in paths if Path(p) != ROOT / shelf)]
    found: dict[str, Path] = {}
    for folder in reversed(folders):
        found |= _files(folder, shelf)
    return found


def _files(folder: Path, shelf: str) -> dict[str, Path]:
    """Name -> file: NAME.py, or NAME/__init__.py."""
    files = {f.stem: f for f in folder.glob("*.py") if not f.stem.startswith("_")}
    folders = {f.parent.name: f for f in folder.glob("*/__init__.py") if f.parent.name not in SHARED.get(shelf, ())}
    return dict(sorted((files | folders).items()))


@lru_cache(maxsize=16)
def _entries(shelf: str) -> dict[str, str]:
    """Name -> module, from the entry points of installed packages in the group `lookhear.SHELF`."""
    from importlib.metadata import distributions

    group = f"lookhear.{shelf}"
    found: dict[str, str] = {}
    for package in distributions():  # entry_points() parses those of every package installed; this, few
        if group in (package.read_text("entry_points.txt") or ""):
            for entry in package.entry_points.select(group=group):
                found.setdefault(entry.name, entry.module)
    return found


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Error message for an unknown `name` of a `kind`, with the closest known name or the whole list."""
    known = list(known)
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known) or 'none'}."
    return f"No {kind} is called {quote(repr(name), 80)}. {hint}"
