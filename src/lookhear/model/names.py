"""Names of language models: a file in llms/, optionally with weights and options, or a folder.

crab_plus        qwen_omni@Qwen/Qwen2.5-Omni-3B        crab_plus@FOLDER,sound=windows        FOLDER
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookhear import catalog, files
from lookhear.errors import ModelError, RecipeError

if TYPE_CHECKING:
    from lookhear.model.llm import LLMModel

SERVED = "endpoint"  # the file in llms/ for models behind an API endpoint
ARCHITECTURES = {"Qwen2_5Omni": "qwen_omni", "Qwen3Omni": "qwen_omni"}


def names() -> list[str]:
    """Names of all language models."""
    return sorted(catalog.names("llms"))


def named(name: Path | str) -> bool:
    """Whether `name` is a language model or the folder of one."""
    return shelf(name)[0] is not None


def load(name: Path | str, late: Mapping[str, Any] | None = None) -> LLMModel:
    """Load the language model `name` (`crab_plus`, `crab_plus@FOLDER,sound=windows`) or the one in folder `name`.

    `late` are further options of an endpoint model; other models ignore them. Raises ModelError or RecipeError.
    """
    which, where, options = shelf(name)
    if which is None:
        raise ModelError(f"No language model called {str(name)!r}. There are: {', '.join(names())}.")
    from lookhear import llms
    from lookhear.model import tuned
    from lookhear.model.llm import LLMModel

    mine = tuned.load(Path(where), **options) if where else None
    if mine is not None:
        return LLMModel(mine, Path(where).name, **_learned(Path(where)))
    file = llms.of(which)
    if which == SERVED:
        options = {**(late or {}), **options}
    llm = file.load(**({"where": where} if where else {}), **options)
    if which == SERVED:
        return LLMModel(llm, llm.config.model or which)
    folder = Path(where) if where and Path(where).is_dir() else None
    own = folder or file.weights  # the weights of tiny_omni are shipped
    return LLMModel(llm, folder.name if folder else which, **(_learned(own) if own else {}))


def _learned(folder: Path) -> dict[str, Any]:
    """Statistics of the training clips and questions that are stored in a model's folder."""
    from lookhear.model import within
    from lookhear.store import world as worlds

    return {"world": worlds.read(folder), "words": within.read(folder)}


def replies_of(name: Path | str, folder: Path) -> Path:
    """The file in `folder` for the replies of the endpoint model `name`."""
    _, where, options = shelf(name)
    called = options.get("model") or re.sub(r"^https?://", "", where) or SERVED
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', called).strip('-.') or SERVED}.jsonl"


def plan(name: Path | str) -> Any | None:
    """Disk space, memory and download size of a model before loading, if the model reports them."""
    which, where, options = shelf(name)
    if which is None:
        return None
    from lookhear import llms
    from lookhear.model import tuned

    told = tuned.card(Path(where or name))
    if told:  # a run folder holds only the trained weights
        where, options = told["base"], {**tuned.merged(Path(where or name), options)}
    return llms.of(which).plan(**({"where": where} if where else {}), **options)


def shelf(name: Path | str) -> tuple[str | None, str, dict[str, Any]]:
    """Parse `name` into (file in llms/, place of the weights, options); for a folder, from its files."""
    first, _, rest = str(name).partition("@")
    if Path(name).is_dir():
        return _kind(Path(name)), str(name), {}
    if not catalog.has("llms", first):
        return None, "", {}
    pieces = [piece for piece in re.split(r",(?=[\w.]+=)", rest) if piece]
    where = pieces.pop(0) if pieces and not re.match(r"[\w.]+=", pieces[0]) else ""
    if first == SERVED and any(re.match(r"(api_?)?key=", piece, re.I) for piece in pieces):
        raise RecipeError(
            "A key in a model's name would be printed and stored. Put it into the environment (LOOKHEAR_API_KEY) or "
            "into a file: key_file=PATH."
        )
    options = {}
    for piece in pieces:
        key, equals, value = piece.partition("=")
        if not (key and equals and value):
            raise RecipeError(f"{piece!r} in {str(name)!r} is not of the form key=value.")
        options[key] = value
    return first, where, options


def _kind(folder: Path) -> str | None:
    """The file in llms/ for a folder, from its `lookhear.json` or its `config.json`."""
    told = _read(folder / "lookhear.json").get("llm")
    return str(told) if told else _architecture(_read(folder / "config.json"))


def _read(file: Path) -> Mapping[str, Any]:
    """The mapping in a JSON file; empty if there is no file or no mapping in it."""
    told: object = files.read_json(file) if file.is_file() else {}
    return told if isinstance(told, Mapping) else {}


def _architecture(told: Mapping[str, Any]) -> str | None:
    kinds = told.get("architectures")
    kind = str(kinds[0]) if isinstance(kinds, list) and kinds else ""
    return next((ours for theirs, ours in ARCHITECTURES.items() if kind.startswith(theirs)), None)
