"""API keys and certificates (of `lookhear doctor`) for the models that a command loads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookhear.evaluate.doctor.certificate import Certificate

KEYS = ("LOOKHEAR_API_KEY", "OPENAI_API_KEY")
GOOGLE = ("GEMINI_API_KEY", "GOOGLE_API_KEY")


def key(url: str = "", file: Path | None = None) -> str:
    """API key for the server at `url`: the first line of `file`, else from the environment.

    Environment variables in order: LOOKHEAR_API_KEY, GEMINI_API_KEY (Google's servers only), OPENAI_API_KEY. Raises
    ModelError.
    """
    if file is not None:
        from lookhear.servers.client import key_in

        return key_in(file)
    names = (KEYS[0], *GOOGLE, KEYS[1]) if "googleapis.com" in url else KEYS
    return next((os.environ[name].strip() for name in names if os.environ.get(name, "").strip()), "")


def account(model: str) -> dict[str, Any]:
    """Keyword arguments with the API key of an endpoint model whose name does not give a `key_file`."""
    from lookhear.model.names import SERVED, shelf

    which, where, options = shelf(model.removeprefix("real+"))
    return {"key": key(where)} if which == SERVED and "key_file" not in options else {}


def late(model: str, folder: Path | None = None) -> dict[str, Any]:
    """Further keyword arguments of `lookhear.load` for `model`: its API key and the dialect of its certificate."""
    found = certificate(model, folder)
    sent = {"dialect": found.sent["dialect"]} if found is not None and found.sent else {}
    return account(model) | sent


def certificate(model: str, folder: Path | None = None) -> Certificate | None:
    """Certificate of `model` in `folder` (default: the user's own folder), or None.

    For a server: the certificate of the model that is named, or the server's only certificate.
    """
    from lookhear.model.names import SERVED, shelf

    folder = folder or certificates()
    if not folder.is_dir():
        return None
    from lookhear.evaluate.doctor.certificate import find, load

    which, where, options = shelf(model)
    if which != SERVED:
        return find(folder, model, "")
    url = where or "http://localhost:8000/v1"
    if options.get("model"):
        return find(folder, options["model"], url)
    some = [one for path in sorted(folder.glob("*.json")) if (one := load(path)).url == url]
    return some[0] if len(some) == 1 else None


def certificates() -> Path:
    """Folder in which the user's certificates are kept."""
    home = os.environ.get("XDG_DATA_HOME", "").strip()
    return (Path(home) if home else Path.home() / ".local" / "share") / "lookhear" / "certificates"
