"""Reading a clip in pieces takes the same memory however long it is."""

import subprocess
import sys

import numpy as np
import pytest

from lookhear.media import probe, write
from tests.media.clips import painted, repeat

READ = """
import sys
from pathlib import Path
from lookhear.media import Sampling, stream
from lookhear.types import Clip, Source
source = Source("long", sys.argv[1])
frames = samples = 0
for piece in stream(Clip(source, source), Sampling(size=(48, 96)), 30):
    frames += len(piece.frames)
    samples += len(piece.waveform)
print(frames, samples, int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""


def read(path):
    # VmHWM is of this process alone; ru_maxrss would begin at what the parent had used
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    frames, samples, megabytes = done.stdout.split()
    return int(frames), int(samples), float(megabytes)


@pytest.mark.parametrize("minutes", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_memory_is_flat(tmp_path, minutes):
    noise = np.random.default_rng(0).normal(0, 0.05, 60 * 16000).astype(np.float32)
    one = tmp_path / "one.mp4"
    write(one, (painted(k) for k in range(240)), noise, fps=4)
    long = repeat(one, minutes, tmp_path / "long.mp4")
    assert probe(long).duration == pytest.approx(60 * minutes, rel=0.02)
    frames, samples, short_peak = read(one)
    assert (frames, samples) == (60, 60 * 16000)
    frames, samples, long_peak = read(long)
    assert frames == pytest.approx(60 * minutes, rel=0.02)
    assert samples == pytest.approx(60 * minutes * 16000, rel=0.02)
    assert long_peak < short_peak + 25, "megabytes; the sound alone of the long one is 77 MB or more"


def test_a_sound_that_ends_early_does_not_pile_up_frames(tmp_path):
    """Waiting for more sound must not gather the whole picture, and the other way round."""
    from lookhear.media import Sampling, stream
    from tests.media.clips import beeps, clip, number, record

    times = [k / 2 for k in range(400)]  # 200 s of picture
    path = record(tmp_path / "early.mkv", times, beeps(10, [1.0]), gop=4)
    pieces = stream(clip(path), Sampling(), 5)
    taken = [len(next(pieces).frames) for _ in range(6)]
    assert taken == [5] * 6
    rest = list(pieces)
    assert sum(taken) + sum(len(p.frames) for p in rest) == 200
    assert number(rest[-1].frames[-1]) == 399
    assert not np.concatenate([p.waveform for p in rest]).any()
    path = record(tmp_path / "late.mp4", times[:20], beeps(200, [100.0, 150.0]), gop=4)
    pieces = list(stream(clip(path), Sampling(), 50))
    assert [len(p.frames) for p in pieces] == [50] * 4
    assert number(pieces[-1].frames[-1]) == 19
    assert "picture ends at" in pieces[-1].notes[0]
