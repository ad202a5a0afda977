"""Check that stored features match the current weights of their encoder, without loading the weights if possible.

Names, sizes and times of the weight files are stored beside the features after a successful check; while they are
unchanged, nothing is loaded. If the weights are not on this machine, there is nothing to compare with, and the features
are used as they are.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lookhear.errors import RecipeError
from lookhear.store.features import FeatureStore, file_name
from lookhear.store.names import configured, stored_name

SEEN = "weights.json"


def check(store: FeatureStore, name: str, build: Callable[[str], Any]) -> Any | None:
    """Check the features of encoder `name`; returns the encoder if it had to be built. Raises FeatureError."""
    if store.root is None or store.card(name)["weights"] == "official" or name in store.agreed:
        return None
    today, seen = on_disk(name), store.root / file_name(stored_name(name)) / SEEN
    encoder = None
    if today and _remembered(seen) != today:
        encoder = build(name)
        store.compare(encoder)
        with contextlib.suppress(OSError):  # a read-only store is compared every time
            seen.write_text(json.dumps({"on_disk": today}))
    store.agreed.add(name)
    return encoder


def on_disk(name: str) -> str:
    """Hash of names, sizes and times of an encoder's weight files; empty if they are not on this machine."""
    try:
        module, config = configured(name)
    except RecipeError:  # not the name of an encoder
        return ""
    files = list(_files(str(getattr(config, "weights", "")), Path(str(module.__file__)).parent, name.partition("@")[0]))
    known = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(repr((config, known)).encode()).hexdigest() if known else ""


def _files(weights: str, shelf: Path, name: str) -> list[Path]:
    """The weight files of `weights`: a file, a folder, a download, or the shipped weights."""
    path = Path(weights).expanduser()
    if not weights:
        return [p for p in [shelf / "weights" / f"{name}.safetensors"] if p.is_file()]
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.is_file())
    if weights.count("/") == 1:
        with contextlib.suppress(ImportError, ValueError):
            from huggingface_hub import try_to_load_from_cache

            found = try_to_load_from_cache(weights, "config.json") or ""
            return sorted(Path(found).parent.iterdir()) if isinstance(found, str) and found else []
    import torch

    cached = Path(torch.hub.get_dir()) / "checkpoints" / weights
    return [cached] if cached.is_file() else []


def _remembered(seen: Path) -> str:
    try:
        return json.loads(seen.read_text())["on_disk"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
