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
from lookhear.kinds import wrong_field

VERSION = 1


@dataclass(frozen=True)
class Certificate:
    """Verdicts on a model, each with its evidence in words.

    `date` is in UTC. `sent` describes how media are sent (dialect, frames, side, audio, extra); it is empty for a local
    model. `tokens` are the server's token counts for the question alone, with picture, and with picture and sound.
    `tried` has the result of each dialect, `faults` are reasons not to trust the replies in spite of good verdicts.
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
        """The certificate in one line, for tables."""
        dialect = f", dialect {self.sent['dialect']}" if self.sent.get("dialect") else ""
        faults = "".join(f"; {fault}" for fault in self.faults)
        return f"sees: {self.sees}, hears: {self.hears}{dialect} (lookhear doctor, {self.date[:10]}){faults}"

    def short(self) -> dict[str, Any]:
        """The entry in a report's card."""
        dialect = {"dialect": self.sent["dialect"]} if self.sent.get("dialect") else {}
        faults = {"faults": list(self.faults)} if self.faults else {}
        return {"sees": self.sees, "hears": self.hears, "date": self.date, "line": self.line(), **dialect, **faults}

    def fits(self, sent: Mapping[str, Any]) -> bool:
        """Whether it applies to media that are `sent` like this; number and size of frames do not matter."""
        return all(self.sent.get(name) == sent.get(name) for name in ("dialect", "audio", "extra"))

    def save(self, folder: Path) -> Path:
        """Write it into `folder`; returns the path."""
        path = place(folder, self.model, self.url)
        write_json(path, asdict(self))
        return path


def place(folder: Path, model: str, url: str) -> Path:
    """The path of a model's certificate in `folder`."""
    mark = hashlib.sha256(json.dumps([model, url]).encode()).hexdigest()[:8]
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', model).strip('-.')[:60]}-{mark}.json"


def load(path: Path) -> Certificate:
    """The certificate in a file. Raises ModelError if the file is not a certificate."""
    try:
        told = read_json(path, dict)
        if told.get("version") != VERSION:
            raise ValueError(f"version {told.get('version')!r}")
        made = Certificate(**{**told, "faults": tuple(told["faults"]), "replies": tuple(told["replies"])})
        if wrong := wrong_field(made):
            raise ValueError(wrong)
        if made.sent and not isinstance(made.sent.get("dialect"), str):
            raise ValueError("media are sent in no dialect")
        return made
    except (FileError, *UNLIKE) as error:
        raise ModelError(f"{path} is no certificate ({error}). Make one: lookhear doctor MODEL.") from None


def find(folder: Path, model: str, url: str) -> Certificate | None:
    """The certificate of a model in `folder`, None if there is none. Raises ModelError for a damaged one."""
    path = place(folder, model, url)
    return load(path) if path.is_file() else None
