"""What a command adds to the name of a model behind an address: the key of the account, from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

KEYS = ("LOOKHEAR_API_KEY", "OPENAI_API_KEY")
GOOGLE = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


def key(url: str = "", file: Path | None = None) -> str:
    """The key for the server at `url`: the first line of `file`, or else of the environment.

    That is LOOKHEAR_API_KEY, for Google's servers GEMINI_API_KEY, or OPENAI_API_KEY. Raises ModelError.
    """
    if file is not None:
        from lookhear.servers.client import key_in

        return key_in(file)
    names = (KEYS[0], *GOOGLE, KEYS[1]) if "googleapis.com" in url else KEYS
    return next((os.environ[name].strip() for name in names if os.environ.get(name, "").strip()), "")


def late(model: str) -> dict[str, Any]:
    """What `lookhear.load` is told of `model` besides its name."""
    from lookhear.model.names import SERVED, shelf

    which, where, options = shelf(model.removeprefix("real+"))
    return {"key": key(where)} if which == SERVED and "key_file" not in options else {}
