"""Mutated recordings stay within their limits. The long run over the real clips is `python -m tests.media.fuzz`."""

import numpy as np
import pytest

from tests.conftest import shared
from tests.media import fuzz
from tests.media.clips import record

NOISE = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
FORMATS = {"a.mp4": {}, "b.mkv": {}, "c.avi": {"sound_codec": "mp2"}, "d.ts": {}, "e.wav": {"sound_codec": "pcm_s16le"}}


@pytest.mark.parametrize("count", [24, pytest.param(200, marks=pytest.mark.slow)])
def test_mutations_of_drawn_clips(tmp_path, count):
    times = [k / 12 for k in range(24)]
    files = [record(tmp_path / n, [] if n == "e.wav" else times, NOISE, **words) for n, words in FORMATS.items()]
    found = fuzz.fuzz(files, count, seed=3)
    assert found["faults"] == []
    assert len(found["outcomes"]) == 3, "whole, noted and refused all occur"


@pytest.mark.slow
def test_a_thousand_mutations_of_the_real_clips():
    found = fuzz.fuzz(fuzz.originals(shared("data")), 1000, seed=1)
    assert found["faults"] == []
