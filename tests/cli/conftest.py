"""The command line in this process: far quicker than a new one for each command."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from lookhear.cli import main


@dataclass(frozen=True)
class Ran:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def lookhear(monkeypatch, capsys):
    """`lookhear(*arguments)` does what the shell would with the same words."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["lookhear", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run
