"""Frames that published scripts take, by number: equal to what those scripts wrote."""

import json
from itertools import chain

import numpy as np
import pytest

from lookhear.errors import MediaError, RecipeError
from lookhear.media import Sampling, decode, frame_rules, stream, write
from lookhear.types import BLANK, Clip, Source
from tests.conftest import shared

RULES = frame_rules.RULES


def goldens(name):
    return json.loads(shared("goldens", "encoders", f"{name}.json").read_text())


def even(frames, fps):
    return [i / fps for i in range(frames)]


def test_the_commands_themselves_on_numbered_videos():
    for name, row in goldens("frame_commands_real").items():
        uneven = name.startswith("VFR")
        fps = row["rates"]["average_rate"] if uneven else row["fps"]
        times = [ms / 1000 for ms in row["pts_ms"]] if uneven else even(row["n_frames"], fps)
        for rule in ("ffmpeg_r1", "ffmpeg_vf_fps1"):
            assert RULES[rule](times, fps, 0, None) == row[rule], (name, rule)
        adaptive = row["music_avqa_adaptive60"]
        if uneven:
            with pytest.raises(MediaError, match="even frame times"):
                RULES["music_avqa_adaptive"](times, fps, adaptive["duration"], None)
        else:
            got = RULES["music_avqa_adaptive"](times, adaptive["fps"], adaptive["duration"], None)
            assert got == adaptive["frames"], name


def test_the_scripts_own_index_expressions():
    for name, row in goldens("frame_sampling").items():
        fps, times = row["fps"], even(row["total_frames"], row["fps"])
        assert frame_rules.adaptive_positions(fps, len(times)) == row["mavqa_adaptive_60"], name
        assert RULES["crab_arange"](times, fps, 0, 10) == row["crab_arange10"], name
        assert RULES["crab_plus_linspace"](times, fps, 0, 10) == row["crab_plus_linspace10"], name
        assert RULES["avqa_clips_8x16"](times, fps, 0, None) == list(chain(*row["avqa_clips_8x16"])), name
        files = RULES["ffmpeg_r1"](times, fps, 0, None)
        n = len(files)
        assert RULES["tome_linspace10"](times, fps, 0, None) == [files[int(i * (n - 2) / 9)] for i in range(10)]
    for frames, row in goldens("frame_sampling_short").items():
        assert RULES["avqa_clips_8x16"](even(int(frames), 30), 30, 0, None) == list(chain(*row["avqa"])), frames


def test_by_hand():
    times = even(125, 25)
    assert RULES["ffmpeg_r1"](times, 25, 5, None) == [0, 1, 22, 47, 72, 97, 122]
    assert RULES["ffmpeg_vf_fps1"](times, 25, 5, None) == [12, 37, 62, 87, 112]
    assert RULES["crab_arange"](times, 25, 5, 4) == [0, 31, 62, 93]
    assert RULES["crab_plus_linspace"](times, 25, 5, 4) == [0, 41, 83, 124]
    assert RULES["ffmpeg_r1"](times, 25, 5, 3) == [0, 1, 22]
    with pytest.raises(MediaError, match="7 frames of this clip, fewer than count=60"):
        RULES["ffmpeg_r1"](times, 25, 5, 60)
    assert len(RULES["music_avqa_adaptive"](times, 25, 5.0, None)) == 60
    assert all(
        0 <= i < 3
        for rule in RULES
        for i in RULES[rule](even(3, 25), 25, 0.12, None if rule not in ("crab_arange", "crab_plus_linspace") else 4)
    )


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A video of 50 frames, each as grey as its number says, five times."""
    path = tmp_path_factory.mktemp("counted") / "counted.mp4"
    write(path, [np.full((32, 32, 3), 5 * i, np.uint8) for i in range(50)], np.zeros(32000, np.float32), fps=25)
    return Source("counted", path)


def numbers(media):
    return [round(float(f.mean()) / 5) for f in media.frames]


def test_decoded_frames_are_the_ones_with_these_numbers_in_the_rules_order(counted):
    clip = Clip(counted, counted)
    assert numbers(decode(clip, Sampling("ffmpeg_r1"))) == [0, 1, 22, 47]
    assert numbers(decode(clip, Sampling("crab_arange", count=4))) == [0, 12, 25, 37]
    media = decode(clip, Sampling("music_avqa_adaptive", size=(16, 16)))
    assert numbers(media) == RULES["music_avqa_adaptive"](even(50, 25), 25, 2.0, None) and media.frames.shape[1:3] == (
        16,
        16,
    )
    assert sorted(media.times) != list(media.times) or len(set(media.times)) < 60
    assert len(media.waveform) == 32000
    part = Clip(counted, None, start=1.0, end=2.0)
    assert numbers(decode(part, Sampling("crab_plus_linspace", count=3))) == [25, 37, 49]
    with pytest.raises(MediaError, match="cannot be streamed"):
        stream(clip, Sampling("ffmpeg_r1"))


def test_without_a_picture_or_with_a_blank_one(counted, tmp_path):
    sound = Source("sound", tmp_path / "sound.mp4")
    write(sound.path, None, np.zeros(16000, np.float32), fps=8)
    assert decode(Clip(sound, sound), Sampling("crab_arange", count=4)).frames is None
    assert decode(Clip(BLANK, counted), Sampling("crab_arange", count=4)).frames.shape[0] == 4


def test_names_go_into_signatures_and_settings_are_checked():
    assert Sampling("crab_arange", count=10).name.startswith("crab_arange count=10")
    assert Sampling("crab_arange", count=4).name != Sampling("crab_arange", count=10).name
    assert Sampling("music_avqa_adaptive").name.startswith("music_avqa_adaptive")
    for settings, said in (
        ({"rule": "crab_arange"}, "needs how many"),
        ({"rule": "ffmpeg_r1", "count": 0}, "1 or more"),
        ({"rule": "crab_arnge", "count": 3}, "'crab_arange'"),
    ):
        with pytest.raises(RecipeError, match=said):
            Sampling(**settings)
