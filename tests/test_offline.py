"""Watching and asking with the network removed and a fresh home: everything is answered, and nothing is left behind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lookhear.encoders import efficientnet_lite, speech, yamnet
from tests.train import world

CUT = ("unshare", "--user", "--map-root-user", "--net")
REACHED = "import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
HEARD = """
import numpy as np
from lookhear.encoders import speech
encoder = speech.build(speech.Config())
voice = encoder.voice(np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32))
print(len(voice), encoder.transcribe(np.zeros(32_000, np.float32), np.ones(63, np.float32), 0.0))
"""


def without_network(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a command of this Python in a network namespace of its own, which has no interface that is up."""
    home.mkdir(exist_ok=True)
    kept = {"HOME": str(home), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    command = [*CUT, sys.executable, *map(str, words)]
    return subprocess.run(command, env=kept, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def cut() -> None:
    """A network can be removed here, and removing it works."""
    if shutil.which("unshare") is None or subprocess.run([*CUT, "true"], capture_output=True).returncode:
        pytest.skip("unshare cannot remove the network here")


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return world.film(tmp_path_factory.mktemp("film") / "film.mp4")


def test_the_network_is_gone(cut, tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        code = REACHED.format(port=server.getsockname()[1])
        assert subprocess.run([sys.executable, "-c", code]).returncode == 0
        assert without_network(tmp_path / "home", "-c", code).returncode == 1


@pytest.mark.skipif(
    not (yamnet.is_installed() and efficientnet_lite.is_installed()), reason="the extra real is not installed"
)
def test_ask_and_watch_need_no_network(cut, film, tmp_path):
    home, out = tmp_path / "home", tmp_path / "film.json"
    asked = without_network(home, "-m", "lookhear", "ask", film, "What do you hear?", "--model", "real", "--json")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert json.loads(asked.stdout)["answer"]
    watched = without_network(home, "-m", "lookhear", "watch", film, "--out", out)
    assert watched.returncode == 0, watched.stderr
    assert json.loads(out.read_text())["duration"] == pytest.approx(4, abs=0.2)
    assert [p for p in home.rglob("*") if p.is_file()] == []


@pytest.mark.skipif(not speech.is_installed(), reason="the extra speech is not installed")
def test_speech_neither_reports_nor_keeps_an_identifier(cut, tmp_path):
    ran = without_network(tmp_path / "home", "-c", HEARD)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("63 ")
    assert [p for p in (tmp_path / "home").rglob("*") if p.is_file()] == []
