"""What a command knows of a model besides its name: the key of the account, and the certificate of its senses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookhear.evaluate.doctor.certificate import Certificate

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


def account(model: str) -> dict[str, Any]:
    """The key of `model`, where it is behind an address and its name does not say in which file the key is."""
    from lookhear.model.names import SERVED, shelf

    which, where, options = shelf(model.removeprefix("real+"))
    return {"key": key(where)} if which == SERVED and "key_file" not in options else {}


def late(model: str, folder: Path | None = None) -> dict[str, Any]:
    """What `lookhear.load` is told of `model` besides its name: its key, and the dialect its certificate is for."""
    found = certificate(model, folder)
    sent = {"dialect": found.sent["dialect"]} if found is not None and found.sent else {}
    return account(model) | sent


def certificate(model: str, folder: Path | None = None) -> Certificate | None:
    """The certificate of `model` in `folder` (the user's own where None), if it has one.

    Of a server it is that of the model named, or of the only one there is a certificate for.
    """
    from lookhear.evaluate.doctor.certificate import find, load
    from lookhear.model.names import SERVED, shelf

    folder = folder or certificates()
    which, where, options = shelf(model)
    if which != SERVED:
        return find(folder, model, "")
    url = where or "http://localhost:8000/v1"
    if options.get("model"):
        return find(folder, options["model"], url)
    some = [one for path in sorted(folder.glob("*.json")) if (one := load(path)).url == url]
    return some[0] if len(some) == 1 else None


def certificates() -> Path:
    """Where the user's certificates are kept."""
    home = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(home) if home else Path.home() / ".local" / "share") / "lookhear" / "certificates"
