"""Frames are chosen by the time at which they are shown, on files whose frames carry their own number."""

import numpy as np
import pytest

from lookhear.errors import MediaError
from lookhear.media import Sampling, decode, stream
from lookhear.types import BLANK, Clip, Source
from tests.media.clips import beeps, clip, number, onsets, painted, record

STEADY = [k / 25 for k in range(250)]  # 10 s
RANDOM = np.random.default_rng(7)
VARIABLE = sorted({round(float(t), 3) for t in np.cumsum(RANDOM.uniform(0.01, 0.4, 60))} | {0.0})


def shown(times, wanted):
    """Index of the frame on the screen at each wanted time."""
    return [max(0, int(np.searchsorted(times, t + 1e-6, side="right")) - 1) for t in wanted]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "mov"])
@pytest.mark.parametrize(("gop", "bframes"), [(5, 0), (12, 2), (250, 3)])
def test_the_frame_shown_at_each_time_is_taken(folder, suffix, gop, bframes):
    path = record(folder / f"steady{gop}.{suffix}", STEADY, gop=gop, bframes=0 if suffix == "avi" else bframes)
    for sampling in (Sampling(), Sampling(fps=3, offset=0.1), Sampling("uniform", count=7)):
        media = decode(clip(path), sampling)
        assert list(media.times) == pytest.approx(sampling.times(0, media.duration))
        assert [number(f) for f in media.frames] == shown(STEADY, media.times), (sampling.name, suffix)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_frame_rate_is_exact(folder, suffix):
    path = record(folder / f"variable.{suffix}", VARIABLE, gop=9)
    media = decode(clip(path), Sampling(fps=5))
    assert [number(f) for f in media.frames] == shown(VARIABLE, media.times)


def test_one_long_pause_does_not_shift_anything(folder):
    times = [0.0, 0.04, 0.08, 5.0, 5.04, 9.0]
    media = decode(clip(record(folder / "pause.mp4", times)), Sampling())
    assert [number(f) for f in media.frames] == shown(times, media.times)


@pytest.mark.parametrize("start", [0.0, 0.3, 1.7, 3.0, 4.36, 6.99])
def test_the_middle_of_a_file_equals_the_whole(folder, start):
    sound = beeps(10, [0.5, 3.2, 4.9, 7.1, 8.8])
    path = record(folder / "middle.mp4", STEADY, sound, gop=25)
    whole = decode(clip(path), Sampling("every"))
    part = decode(clip(path, start, start + 2.5), Sampling(fps=8))
    assert [number(f) for f in part.frames] == shown(STEADY, part.times + start)
    at = round(start * 16000)
    assert len(part.waveform) == 40000
    assert np.abs(part.waveform - whole.waveform[at : at + 40000]).max() < 2e-3
    assert part.duration == pytest.approx(2.5)


def test_a_seek_in_open_groups_stays_exact(folder):
    path = record(folder / "open.mkv", STEADY, gop=10, codec="mpeg4", bframes=2)
    for start in (2.2, 5.08, 8.4):
        media = decode(clip(path, start, start + 1.5), Sampling(fps=6))
        assert [number(f) for f in media.frames] == shown(STEADY, media.times + start)


@pytest.mark.parametrize(
    ("codec", "suffix", "params"),
    [
        ("libx264", "mp4", "bframes=5:b-pyramid=normal:b-adapt=0"),
        ("libx264", "mkv", "bframes=3:b-pyramid=strict:open-gop=1:b-adapt=0"),
        ("libx264", "mp4", "bframes=3:open-gop=1:b-adapt=0"),
        ("libx264", "mp4", "bframes=2:interlaced=1"),
        ("libx265", "mp4", "bframes=4:open-gop=1:b-adapt=0"),
        ("mpeg4", "mkv", ""),
        ("libvpx-vp9", "webm", ""),
    ],
)
def test_what_is_passed_over_is_never_what_is_wanted(tmp_path, codec, suffix, params):
    """However pictures refer to one another, also across key frames, and however few of them are wanted."""
    size = {"size": (64, 96)} if codec == "libx265" else {}
    path = record(tmp_path / f"refer.{suffix}", VARIABLE, gop=10, codec=codec, params=params, **size)
    before_keys = [t - 0.02 for t in VARIABLE[10::20]]
    wanted = [Sampling(), Sampling(fps=0.4), Sampling(fps=9, offset=0.2), Sampling("uniform", count=2)]
    for sampling in wanted:
        media = decode(clip(path), sampling)
        assert [number(f) for f in media.frames] == shown(VARIABLE, media.times), sampling.name
    for time in before_keys:
        media = decode(clip(path, time, time + 3.0), Sampling(fps=0.4, offset=0.0))
        assert [number(f) for f in media.frames] == shown(VARIABLE, media.times + time), time


def test_without_the_loop_filter_pixels_are_nearly_the_same_and_the_name_says_so(folder):
    path = record(folder / "rough.mp4", STEADY, gop=50)
    exact, rough = Sampling(), Sampling(loop_filter=False)
    assert rough.name == f"{exact.name} loop_filter=off"
    a, b = (decode(clip(path), s) for s in (exact, rough))
    assert [number(f) for f in b.frames] == [number(f) for f in a.frames]
    assert 0 < np.abs(a.frames.astype(int) - b.frames).mean() < 2


def test_every_frame_comes_once_with_its_own_time(folder):
    path = record(folder / "every.mp4", VARIABLE)
    media = decode(clip(path), Sampling("every"))
    assert list(media.times) == pytest.approx(VARIABLE, abs=2e-3)
    assert [number(f) for f in media.frames] == list(range(len(VARIABLE)))
    part = decode(clip(path, 3.0, 5.0), Sampling("every"))
    assert [number(f) for f in part.frames] == [k for k, t in enumerate(VARIABLE) if 3.0 <= t < 5.0]


@pytest.mark.parametrize("seconds", [0.7, 2.0, 60.0])
def test_pieces_joined_are_the_whole(folder, seconds):
    path = record(folder / "pieces.mp4", VARIABLE, beeps(12, [1, 5, 9.5], rate=44100), sample_rate=44100)
    for sampling in (Sampling(fps=2), Sampling("every"), Sampling("uniform", count=5)):
        whole = decode(clip(path, 0.5), sampling)
        pieces = list(stream(clip(path, 0.5), sampling, seconds))
        assert sum(p.duration for p in pieces) == pytest.approx(whole.duration)
        assert np.array_equal(np.concatenate([p.times for p in pieces]), whole.times)
        assert np.array_equal(np.concatenate([p.frames for p in pieces]), whole.frames)
        assert np.array_equal(np.concatenate([p.waveform for p in pieces]), whole.waveform)
        assert all(len(p.waveform) == round(seconds * 16000) for p in pieces[:-1])


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_turned_picture_is_shown_upright(folder, rotation):
    path = record(folder / f"turned{rotation}.mp4", STEADY[:30], rotation=rotation)
    media = decode(clip(path), Sampling())
    turned = np.rot90(painted(shown(STEADY, [0.5])[0]), rotation // 90)
    assert media.frames.shape[1:] == turned.shape
    assert np.abs(media.frames[0].astype(int) - turned).mean() < 12
    scaled = decode(clip(path), Sampling(size=(30, 20)))
    assert scaled.frames.shape == (1, 30, 20, 3)


def test_sound_and_picture_share_one_clock(folder):
    sound = beeps(6, [1.0, 2.5])  # one second late: heard at 2.0 and 3.5
    path = record(folder / "late_sound.mp4", STEADY, sound, sound_start=1.0)
    media = decode(clip(path), Sampling())
    assert onsets(media.waveform) == pytest.approx([2.0, 3.5], abs=0.005)
    assert not media.waveform[: round(0.95 * 16000)].any()
    path = record(folder / "late_picture.mkv", [t + 2.0 for t in STEADY[:100]], beeps(6, [2.0]))
    media = decode(clip(path), Sampling())
    assert onsets(media.waveform) == pytest.approx([2.0], abs=0.005)
    assert [number(f) for f in media.frames] == [0, 0, 12, 37, 62, 87]  # the first frame stands in until it begins


def test_time_0_is_where_the_file_begins_even_when_muted(folder):
    path = record(folder / "muted.mkv", [t + 1.0 for t in STEADY[:50]], beeps(3, [1.0]))
    source = Source("muted", path)
    both, muted = decode(Clip(source, source), Sampling()), decode(Clip(source, None), Sampling())
    assert np.array_equal(both.frames, muted.frames)
    assert muted.waveform is None
    assert "no sound track" in muted.notes
    late = record(folder / "late.mp4", [t + 100.0 for t in STEADY[:50]])
    assert [number(f) for f in decode(clip(late), Sampling()).frames] == [12, 37]


def test_a_muted_clip_is_as_long_as_before(folder):
    path = record(folder / "long_sound.mp4", STEADY[:75], beeps(8, [1.0]))
    source = Source("long_sound", path)
    both, muted = decode(Clip(source, source), Sampling()), decode(Clip(source, None), Sampling())
    assert both.duration == muted.duration == pytest.approx(8.0, abs=0.05)
    assert np.array_equal(both.frames, muted.frames)
    assert "picture ends at 3.0 s" in both.notes
    assert "picture ends at 3.0 s" in muted.notes
    assert not [n for n in muted.notes if "truncated" in n]


def test_scaling_happens_in_the_decoder(folder):
    path = record(folder / "scaled.mp4", STEADY[:50])
    small = decode(clip(path), Sampling(size=(24, 40))).frames
    assert small.shape == (2, 24, 40, 3)
    assert np.abs(small[0, 15, 5].astype(int) - (200, 40, 40)).max() < 25  # red on the left
    assert np.abs(small[0, 15, 35].astype(int) - (40, 40, 200)).max() < 25  # blue on the right


def test_two_files_make_one_clip(folder):
    seen = record(folder / "seen.mp4", STEADY, beeps(10, [9.0]))
    heard = record(folder / "heard.wav", [], beeps(4, [1.5]), sound_codec="pcm_s16le")
    media = decode(Clip(Source("a", seen), Source("b", heard)), Sampling())
    assert len(media.frames) == 10
    assert len(media.waveform) == 160000, "a swapped sound keeps the length of the picture"
    assert onsets(media.waveform) == pytest.approx([1.5], abs=0.002)
    assert "sound ends at 4.0 s" in media.notes
    pieces = list(stream(Clip(Source("a", seen), Source("b", heard)), Sampling(), 3.0))
    assert np.array_equal(np.concatenate([p.waveform for p in pieces]), media.waveform)


def test_blank_is_black_and_silent_for_as_long_as_the_other(folder):
    path = record(folder / "other.mp4", STEADY[:60], beeps(2.4, [1.0]))
    source = Source("other", path)
    black = decode(Clip(BLANK, source), Sampling(size=(32, 64)))
    assert black.frames.shape == (2, 32, 64, 3)
    assert not black.frames.any()
    assert onsets(black.waveform) == pytest.approx([1.0], abs=0.005)
    quiet = decode(Clip(source, BLANK), Sampling())
    assert len(quiet.waveform) == round(quiet.duration * 16000)
    assert not quiet.waveform.any()
    assert quiet.notes == (), "silence that was asked for is no surprise"
    assert np.array_equal(quiet.frames, decode(clip(path), Sampling()).frames)
    both = decode(Clip(BLANK, BLANK, 1.0, 4.0), Sampling())
    assert both.frames.shape == (3, 224, 224, 3)
    assert len(both.waveform) == 48000
    with pytest.raises(MediaError, match="Give the clip an end"):
        decode(Clip(BLANK, BLANK), Sampling())


def test_a_very_short_clip_gives_one_frame(folder):
    media = decode(clip(record(folder / "short.mp4", STEADY[:10])), Sampling())
    assert [number(f) for f in media.frames] == [5]
    assert media.duration == pytest.approx(0.4)


def test_a_clip_longer_than_its_file_says_where_it_ended(folder):
    path = record(folder / "ends.mp4", STEADY[:100], beeps(4, [1.0]))
    media = decode(clip(path, 1.0, 8.0), Sampling())
    assert media.notes == ("truncated at 3.0 s of 7.0 s",)
    assert media.duration == pytest.approx(3.0, abs=0.02)
    assert [number(f) for f in media.frames] == [37, 62, 87]
    assert len(media.waveform) == round(media.duration * 16000)
    spread = decode(clip(path, 1.0, 8.0), Sampling("uniform", count=6))
    assert [number(f) for f in spread.frames] == shown(STEADY, 1 + np.arange(0.25, 3, 0.5))
    with pytest.raises(MediaError, match="nothing from 9 s on"):
        decode(clip(path, 9.0, 10.0), Sampling())


def test_a_still_is_shown_for_as_long_as_the_sound(folder):
    from PIL import Image

    Image.fromarray(painted(77, 64, 96)).save(folder / "still.png")
    wav = record(folder / "still.wav", [], beeps(5, [2.0]), sound_codec="pcm_s16le")
    alone = decode(Clip(Source("i", folder / "still.png"), None), Sampling())
    assert [number(f) for f in alone.frames] == [77]
    uniform = decode(Clip(Source("i", folder / "still.png"), None), Sampling("uniform", count=10))
    assert [number(f) for f in uniform.frames] == [77]
    both = decode(Clip(Source("i", folder / "still.png"), Source("s", wav)), Sampling())
    assert [number(f) for f in both.frames] == [77] * 5
    assert both.notes == ("a still image, shown throughout",)
    for rule in ("crab_arange", "crab_plus_linspace"):
        image = decode(Clip(Source("i", folder / "still.png"), Source("s", wav)), Sampling(rule, count=10))
        assert [number(f) for f in image.frames] == [77] and len(image.waveform) == len(both.waveform)
        part = Clip(Source("i", folder / "still.png"), Source("s", wav), 2.0, 3.0)
        assert [
            len(decode(part, Sampling(rule, count=10)).frames),
            decode(part, Sampling(rule, count=10)).duration,
        ] == [1, 1]
