"""What is written can be read back, is the same every time, and is whole or not there."""

import subprocess
import sys

import numpy as np
import pytest

from lookhear.errors import MediaError
from lookhear.media import Sampling, decode, probe, write, write_wav
from tests.media.clips import beeps, clip, number, onsets, painted


def test_picture_and_sound_come_back_together(tmp_path):
    path = tmp_path / "a.mp4"
    write(path, (painted(k) for k in range(40)), beeps(5, [1.0, 3.5]), fps=8)
    facts = probe(path)
    assert (facts.picture.codec, facts.sound.codec) == ("h264", "aac")
    assert (facts.picture.fps, facts.sound.sample_rate, facts.duration) == (8, 16000, 5.0)
    media = decode(clip(path), Sampling("every"))
    assert [number(f) for f in media.frames] == list(range(40))
    assert list(media.times) == pytest.approx(np.arange(40) / 8)
    assert onsets(media.waveform) == pytest.approx([1.0, 3.5], abs=0.005)
    assert len(media.waveform) == 80000
    assert np.abs(media.frames[3].astype(int) - painted(3)).mean() < 8


@pytest.mark.parametrize("size", [(49, 97), (48, 97), (49, 96)])
def test_odd_sizes_become_even(tmp_path, size):
    write(tmp_path / "odd.mp4", [painted(5, *size)] * 4, fps=4)
    media = decode(clip(tmp_path / "odd.mp4"))
    assert media.frames.shape[1:3] == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert number(media.frames[0]) == 5


def test_one_track_alone(tmp_path):
    write(tmp_path / "sound.mp4", None, beeps(2, [1.0]))
    write(tmp_path / "picture.mp4", [painted(1)] * 8)
    assert decode(clip(tmp_path / "sound.mp4")).notes == ("no picture",)
    assert decode(clip(tmp_path / "picture.mp4")).notes == ("no sound track",)


@pytest.mark.parametrize("fps", [1, 12.5, 24000 / 1001, 25, 30])
def test_frame_rates(tmp_path, fps):
    write(tmp_path / "rate.mp4", [painted(k) for k in range(60)], fps=fps)
    media = decode(clip(tmp_path / "rate.mp4"), Sampling("every"))
    assert list(media.times) == pytest.approx(np.arange(60) / fps, abs=1e-3)


def test_bytes_do_not_change_between_runs(tmp_path):
    program = (
        "import sys; from tests.media.clips import painted, beeps; from lookhear.media import write\n"
        "write(sys.argv[1], [painted(k) for k in range(24)], beeps(3, [1.0]))"
    )
    for name in ("one.mp4", "two.mp4"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / name)], check=True)
    for k in range(40):  # rows of six blocks: where one file in forty once differed
        write(tmp_path / f"{k}.mp4", [painted(k) for k in range(24)], beeps(3, [1.0]))
    assert len({file.read_bytes() for file in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "not one frame"),
        ([np.zeros((8, 8), np.uint8)], "frame 0 is uint8 (8, 8)"),
        ([np.zeros((8, 8, 3), np.float32)], "frame 0 is float32"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 10, 3), np.uint8)], "frame 1 is uint8 (8, 10, 3)"),
        (None, "neither frames nor a waveform"),
    ],
)
def test_wrong_frames_leave_nothing_behind(tmp_path, frames, words):
    with pytest.raises(MediaError) as caught:
        write(tmp_path / "bad.mp4", frames)
    assert words in str(caught.value)
    assert "bad.mp4" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("waveform", [np.zeros((2, 100), np.float32), np.full(100, np.nan, np.float32)])
def test_wrong_sound_is_refused(tmp_path, waveform):
    for put in (lambda p: write(p, None, waveform), lambda p: write_wav(p, waveform)):
        with pytest.raises(MediaError, match="waveform"):
            put(tmp_path / "bad")
    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_breaks_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.mp4"
    write(path, [painted(1)] * 8)
    before = path.read_bytes()

    def breaking():
        yield painted(2)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        write(path, breaking())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.mp4"]


@pytest.mark.parametrize("rates", [{"fps": 0}, {"fps": float("nan")}, {"sample_rate": 0}, {"sample_rate": 12345}])
def test_impossible_rates_are_one_line(tmp_path, rates):
    with pytest.raises(MediaError, match=r"Cannot write.*bad\.mp4"):
        write(tmp_path / "bad.mp4", [painted(1)] * 8, np.zeros(16000, np.float32), **rates)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="Cannot write") as caught:
        write(tmp_path / "file" / "here.mp4", [painted(1)] * 8)
    assert "\n" not in str(caught.value)
    write(tmp_path / "new" / "here.mp4", [painted(1)] * 8)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["here.mp4"], "a missing folder is made"


def test_a_full_disk_leaves_nothing_half_written(tmp_path):
    """A limit on the size of files stands in for the full disk: writing fails in the middle."""
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "import numpy as np; from lookhear.media import write, write_wav; from lookhear.errors import MediaError\n"
        "noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)\n"
        "sound = np.zeros(800000, np.float32)\n"
        "for put in (lambda: write(sys.argv[1] + '/full.mp4', (np.roll(noise, k, 0) for k in range(200))),\n"
        "            lambda: write_wav(sys.argv[1] + '/full.wav', sound)):\n"
        "    try: put()\n"
        "    except MediaError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("free space") == 2, done.stdout
    assert list(tmp_path.iterdir()) == []
