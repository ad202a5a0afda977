"""What of a clip is shown and heard: the official indices, and what must hold for any length."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear.datasets.av_uie import PARTS
from lookhear.tasks.reading import excerpts
from tests.conftest import shared


def test_the_official_frames():
    golden = json.loads(shared("goldens", "av_llm", "frame_sampling.json").read_text())
    for row in golden["crab_arange_floor"]:
        assert excerpts.frames(row["total"], 10).tolist() == row["indices"]
    for row in golden["crab_plus_linspace_round"]:
        found = excerpts.frames_plus(row["total"], row["nframes"]).tolist()
        assert found == row.get("indices", list(range(row["total"]))), "of a short clip, every frame"


def test_the_official_sound():
    from safetensors import safe_open

    with safe_open(shared("goldens", "av_llm", "audio_segments_crab_plus.safetensors"), "np") as tensors:
        for i, case in enumerate(json.loads(tensors.metadata()["cases"])):
            rule = excerpts.SOUND.get(case["task"], "whole")
            found = excerpts.sound(case["n_in"], rule, case["idx"] or 0, case["sr"])
            assert np.array_equal(found + 1, tensors.get_tensor(f"{i}.index_map")), case


@given(st.integers(1, 2000), st.integers(2, 16))
def test_frames_are_in_the_clip_and_in_order(total, count):
    for found in (excerpts.frames(total, count), excerpts.frames_plus(total, count)):
        assert found[0] == 0 and found[-1] < total and (np.diff(found) > 0).all()
    assert excerpts.frames_plus(total, count)[-1] == total - 1 or total == 1


@given(st.integers(0, 4000), st.sampled_from(sorted(set(excerpts.SOUND.values()))))
def test_pieces_are_of_the_sound(total, rule):
    found = excerpts.sound(total, rule, rate=60)
    assert found.min() >= excerpts.SILENCE and found.max() < max(total, 1)
    assert (np.diff(found[found >= 0]) > 0).all()


def test_every_part_has_a_rule_and_pieces_put_together_are_the_whole():
    assert set(excerpts.SOUND) == set(PARTS) - {"avss"}
    pieces = [excerpts.sound(20_003, "one tenth", n) for n in range(10)]
    assert np.array_equal(np.concatenate(pieces), excerpts.sound(20_003, "tenths"))
    assert (excerpts.sound(7_000) >= 0).sum() == 7_000 and len(excerpts.sound(7_000)) == 16_000
    with pytest.raises(ValueError, match="piece 5 is none of 5"):
        excerpts.sound(100, "one fifth", 5)
    with pytest.raises(ValueError, match="no rule is called 'half'"):
        excerpts.sound(100, "half")
