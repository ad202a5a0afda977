"""Run a command in this process as the shell would."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from lookhear.cli import main


@dataclass(frozen=True)
class Ran:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


def run(capsys, monkeypatch, *arguments: object) -> Ran:
    """`lookhear ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["lookhear", *map(str, arguments)])
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    return Ran(code, said.out, said.err)
