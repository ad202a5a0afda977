"""Dialects: request formats of picture and sound, one file per family of servers.

    message(shown) -> Message     parts before the question, and fields beside the messages, of a clip (`servers.clips`)
    OWNERS, HOSTS                 what such a server calls itself (`owned_by` in GET /models), and where it is

A server that takes no sound in this way does not say so by an error: `lookhear doctor` finds out. What each family is
said to expect was read in released versions, documentation and threads up to October 2026. With `ONCE = True` the parts
of a dialect carry a `uuid` under which the server keeps them, so that later questions need not send them again.
"""

from __future__ import annotations

from types import ModuleType

from lookhear import catalog

FIRST = "openai"  # where nothing is known


def find(name: str) -> ModuleType:
    """The dialect called `name`; `vllm-omni` and `vllm_omni` are the same. Raises RecipeError."""
    return catalog.find("dialects", name.replace("-", "_"))


def names() -> list[str]:
    """Every dialect, as it is written: `vllm-omni`."""
    return [written(name) for name in catalog.names("dialects")]


def written(name: str) -> str:
    """A dialect's name with hyphens."""
    return name.replace("_", "-")


def of_server(url: str, owner: str = "") -> str:
    """The dialect of the server at `url` that says it is `owner`, as far as that tells; else the first to try."""
    for name in catalog.names("dialects"):
        dialect = find(name)
        if owner.casefold() in dialect.OWNERS or any(host in url for host in dialect.HOSTS):
            return name
    return FIRST
