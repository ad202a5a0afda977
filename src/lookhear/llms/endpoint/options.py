"""The options of an endpoint, and their syntax in a model's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lookhear import config as configs

NAME = "endpoint"


@dataclass(frozen=True)
class Config:
    """Address of the model, and the form of requests."""

    url: str = "http://localhost:8000/v1"
    """base URL of the API"""
    model: str = ""
    """name of the model; empty means the first that the server lists"""
    key: str = field(default="", repr=False)
    """API key; set by a program, never in a name"""
    key_file: str = ""
    """file whose first line is the API key"""
    dialect: str = ""
    """request format of picture and sound; empty means guessed from the server"""
    audio: str = "sent"
    """sent or none"""
    frames: int = 16
    """frames per clip"""
    side: int = 448
    """pixels of a frame's longer side"""
    workers: int = 8
    """concurrent questions"""
    temperature: float | None = 0.0
    """sampling temperature; None leaves it to the server"""
    max_tokens: int = 0
    """most tokens of a reply; 0 uses the task's limit"""
    max_completion_tokens: int = 0
    """the same, under the name that newer OpenAI models require"""
    logprobs: bool = False
    """request log-probabilities, which some servers do not support"""
    extra: dict[str, Any] = field(default_factory=dict)
    """fields added to every request"""
    rename: dict[str, str] = field(default_factory=dict)
    """fields to rename for this server"""
    drop: list[str] = field(default_factory=list)
    """fields to omit"""
    once: bool = False
    """send a clip's media with its first question only, where the dialect can (vllm)"""
    timeout: float = 300.0
    """seconds to wait for a reply"""
    pause: float = 0.5
    """seconds before the first retry; doubled for each further retry"""
    rate: float = 0.0
    """most requests per minute; 0 is unlimited"""
    price: str = ""
    """dollars per million input and output tokens: 2.5/10"""
    budget: float = 0.0
    """most dollars for the questions of this run, including replies already in the ledger; 0 is unlimited"""
    replies: str = ""
    """ledger file for replies; none keeps no replies"""
    dry_run: bool = False
    """send nothing, only count requests and tokens"""


def options_of(where: str, options: Mapping[str, Any]) -> Config:
    """The Config of URL `where` and of options as in a name: `extra.a.b=true`, `drop=temperature+logprobs`.

    Raises RecipeError.
    """
    settings: dict[str, Any] = {"url": where} if where else {}
    for name, value in options.items():
        first, *inner = name.split(".")
        if first == "extra" and isinstance(value, str):
            value = _json(value)
        elif first == "drop" and isinstance(value, str):
            value = value.split("+")
        elif first == "temperature" and str(value).casefold() in ("none", "null"):
            value = None
        for step in reversed(inner):
            value = {step: value}
        settings[first] = merged(settings[first], value) if inner and first in settings else value
    return configs.parse(Config, settings, where=NAME)


def merged(into: Mapping[str, Any], more: Any) -> dict[str, Any]:
    """Merge the mapping `more` into `into`, recursively."""
    made = dict(into)
    for name, value in dict(more).items():
        inner = isinstance(value, Mapping) and isinstance(made.get(name), Mapping)
        made[name] = merged(made[name], value) if inner else value
    return made


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
