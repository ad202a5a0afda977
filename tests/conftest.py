"""Shared fixtures. Real data is read from ../shared; where that is absent, tests that need it skip and say so.

`tests/goldens` holds some of the goldens, numbers drawn at random and what official networks make of them, so that
parity can be checked from a clone alone.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookhear.cli import main

SHARED = Path(__file__).resolve().parents[2] / "shared"
COMMITTED = Path(__file__).parent


def pytest_addoption(parser):
    parser.addoption("--shapes", action="store_true", help="check array annotations of nets, layers, encoders, llms, …")
    parser.addoption("--mutations", type=int, default=1000, help="mutated replies to each parser")
    parser.addoption("--mutation-seed", type=int, default=0, help="seed of the mutated replies")


def pytest_configure(config):
    if config.getoption("--shapes"):
        from tests import shapes

        shapes.check()


def shared(*parts: str) -> Path:
    """A path in the shared folder of real data and goldens, or a skip with the reason."""
    path = SHARED.joinpath(*parts)
    if not path.exists() and parts[0] == "goldens":
        path = COMMITTED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data not here: {'/'.join(parts)} (kept beside the checkout in ../shared, never committed)")
    return path


@dataclass(frozen=True)
class Ran:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def mutations(request) -> tuple[int, int]:
    """(number of mutated replies, their seed), from the command line."""
    return request.config.getoption("--mutations"), request.config.getoption("--mutation-seed")


@pytest.fixture
def lookhear(monkeypatch, capsys):
    """`lookhear(*arguments)` does what the shell would with the same words, in this process: far quicker."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["lookhear", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run
