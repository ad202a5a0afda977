"""Certificates of `lookhear doctor`: the verdicts on a model's modalities, as a file that reports refer to.

A certificate belongs to one model at one URL (or one folder or shipped model) in one dialect. Its file name is made of
these, so that an evaluation finds it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lookhear.errors import FileError, ModelError
from lookhear.evaluate.doctor.verdict import YES
from lookhear.files import UNLIKE, read_json, write_json
from lookhear.kinds import misfit

VERSION = 1


@dataclass(frozen=True)
class Certificate:
    """Verdicts on a model, each with its evidence in words.

    `model` and `url` say which; `date` is its time in UTC; `sent` is how media are sent (dialect, frames, side, audio,
    extra), empty for a model that is here. `tokens` are what the server counted of the question alone, with picture,
    and with both. `tried` says of each dialect how it did, `faults` what speaks against trusting replies all the same.
    """

    model: str
    url: str
    date: str
    sees: str
    hears: str
    why: Mapping[str, str]
    order: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, int | None] = field(default_factory=dict)
    tried: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    replies: tuple[Mapping[str, Any], ...] = ()
    lookhear: str = ""
    version: int = VERSION

    @property
    def good(self) -> bool:
        """Whether the model sees and hears, and there are no faults."""
        return self.sees == self.hears == YES and not self.faults

    def line(self) -> str:
        """The certificate in one line, as a table prints it."""
        dialect = f", dialect {self.sent['dialect']}" if self.sent.get("dialect") else ""
        faults = "".join(f"; {fault}" for fault in self.faults)
        return f"sees: {self.sees}, hears: {self.hears}{dialect} (lookhear doctor, {self.date[:10]}){faults}"

    def short(self) -> dict[str, Any]:
        """What a report's card holds of it."""
        dialect = {"dialect": self.sent["dialect"]} if self.sent.get("dialect") else {}
        faults = {"faults": list(self.faults)} if self.faults else {}
        return {"sees": self.sees, "hears": self.hears, "date": self.date, "line": self.line(), **dialect, **faults}

    def fits(self, sent: Mapping[str, Any]) -> bool:
        """Whether it is good for media that are `sent` like this; how many frames of what size does not matter."""
        return all(self.sent.get(name) == sent.get(name) for name in ("dialect", "audio", "extra"))

    def save(self, folder: Path) -> Path:
        """Write it into `folder`; the path."""
        path = place(folder, self.model, self.url)
        write_json(path, asdict(self))
        return path


def place(folder: Path, model: str, url: str) -> Path:
    """Where in `folder` the certificate of a model lies."""
    mark = hashlib.sha256(json.dumps([model, url]).encode()).hexdigest()[:8]
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', model).strip('-.')[:60]}-{mark}.json"


def load(path: Path) -> Certificate:
    """The certificate in a file. Raises ModelError where there is none in it."""
    try:
        told = read_json(path, dict)
        if told.get("version") != VERSION:
            raise ValueError(f"version {told.get('version')!r}")
        made = Certificate(**{**told, "faults": tuple(told["faults"]), "replies": tuple(told["replies"])})
        if wrong := misfit(made):
            raise ValueError(wrong)
        return made
    except (FileError, *UNLIKE) as error:
        raise ModelError(f"{path} is no certificate ({error}). Make one: lookhear doctor MODEL.") from None


def find(folder: Path, model: str, url: str) -> Certificate | None:
    """The certificate of a model in `folder`, None where it has none. Raises ModelError for a damaged one."""
    path = place(folder, model, url)
    return load(path) if path.is_file() else None
