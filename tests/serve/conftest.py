"""One server for the tests of this folder: real workers, the shipped model, clips drawn here."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from lookhear.media.write import write, write_wav
from lookhear.serve.app import make_app
from lookhear.serve.settings import Limits, Settings

RATE = 16_000


def tone(seconds, pitch=440.0):
    return 0.3 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Six seconds: a square that moves, and a tone that stops after three."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    frames = np.full((24, 64, 96, 3), 40, np.uint8)
    for i, frame in enumerate(frames):
        frame[20:40, 2 * i : 2 * i + 20] = (220, 60, 30)
    sound = np.concatenate([tone(3), np.zeros(3 * RATE, np.float32)])
    write(path, frames, sound, fps=4, sample_rate=RATE)
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "other.wav"
    write_wav(path, tone(6, 220.0), RATE)
    return path


@pytest.fixture(scope="session")
def limits():
    return Limits(file_bytes=2_000_000, media_seconds=60, pixels=2_000_000, questions=8, body_bytes=4_000_000)


@pytest.fixture(scope="session")
def server(tmp_path_factory, limits):
    settings = Settings(
        tmp_path_factory.mktemp("data"), ("stage",), decoders=1, examples=False, hosts=("testserver",), limits=limits
    )
    with TestClient(make_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def file(server, clip):
    return server.post("/files", files={"file": ("../../my clip.mp4", clip.read_bytes())}).json()["id"]
