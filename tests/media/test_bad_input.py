"""What cannot be read is one line that quotes the path and names the way out; never a traceback, never quiet zeros."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from lookhear.errors import MediaError
from lookhear.media import Sampling, decode, probe, stream
from lookhear.types import BLANK, Clip, Source
from tests.media.clips import beeps, clip, record

STEADY = [k / 25 for k in range(100)]
NOISE = np.random.default_rng(0).normal(0, 0.1, 64000).astype(np.float32)  # 4 s that do not compress to nothing


@pytest.fixture
def good(tmp_path):
    return record(tmp_path / "good.mp4", STEADY, NOISE, options={"movflags": "faststart"})


def refused(path_or_clip):
    with pytest.raises(MediaError) as caught:
        decode(path_or_clip if isinstance(path_or_clip, Clip) else clip(path_or_clip))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300 + len(str(path_or_clip))
    return message


def test_missing_folder_empty_and_garbage(tmp_path, good):
    assert "No file at" in refused(tmp_path / "missing.mp4")
    assert "is a folder" in refused(tmp_path)
    (tmp_path / "empty.mp4").touch()
    assert "is empty (0 bytes)" in refused(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    assert "not a video or sound file" in refused(tmp_path / "text.mp4")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(50_000))
    assert "noise.mp4" in refused(tmp_path / "noise.mp4")
    (tmp_path / "tail.mp4").write_bytes(good.read_bytes()[-10_000:])
    assert "tail.mp4" in refused(tmp_path / "tail.mp4")


def test_an_unfinished_download_is_recognised(tmp_path):
    path = record(tmp_path / "late_index.mp4", STEADY)
    path.write_bytes(path.read_bytes()[:5000])
    assert "without its index (moov)" in refused(path)


def test_the_same_for_probe_and_stream(tmp_path):
    for ask in (probe, lambda p: list(stream(clip(p), Sampling()))):
        with pytest.raises(MediaError, match="No file at"):
            ask(tmp_path / "missing.mp4")
    with pytest.raises(MediaError, match="positive number of seconds"):
        stream(clip(tmp_path / "x.mp4"), Sampling(), 0)


def test_clips_that_make_no_sense(good):
    assert "only a name" in refused(Clip(Source("00000093"), Source("00000093")))
    assert "neither picture nor sound" in refused(Clip(None, None))
    for start, end in ((3.0, 2.0), (-1.0, 2.0), (2.0, 2.0)):
        assert "start at 0 or later" in refused(clip(good, start, end))
    assert "blank" in refused(Clip(BLANK, None))


def test_a_file_without_what_is_asked_for(tmp_path, good):
    song = record(tmp_path / "song.wav", [], beeps(2, [1.0]), sound_codec="pcm_s16le")
    assert "song.wav" in refused(Clip(Source("s", song), None))
    mute = record(tmp_path / "mute.mp4", STEADY)
    assert "mute.mp4" in refused(Clip(None, Source("m", mute)))
    both = decode(Clip(Source("m", mute), Source("m", mute)))
    assert both.waveform is None
    (tmp_path / "words.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nhello\n")
    assert "words.srt" in refused(tmp_path / "words.srt")


def test_damage_in_the_middle_is_survived_and_told(tmp_path, good):
    data = bytearray(good.read_bytes())
    middle = data.find(b"mdat") + (len(data) - data.find(b"mdat")) // 2
    data[middle : middle + 400] = bytes(400)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(bytes(data))
    media = decode(clip(path))
    assert len(media.frames) == 4
    assert len(media.waveform) == 64000


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_truncated_file_gives_what_it_has_and_says_so(tmp_path, suffix):
    options = {"movflags": "faststart"} if suffix == "mp4" else {}
    path = record(tmp_path / f"whole.{suffix}", STEADY, NOISE, options=options)
    whole = decode(clip(path))
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    media = decode(clip(cut))
    assert 1.0 < media.duration < 3.4
    assert media.notes[-1].startswith(f"truncated at {media.duration:.1f} s of 4.")
    assert 1 <= len(media.frames) <= 3
    assert np.array_equal(media.frames[:1], whole.frames[:1])
    assert len(media.waveform) == round(media.duration * 16000)
    pieces = list(stream(clip(cut), Sampling(), 0.9))
    assert sum(p.duration for p in pieces) == pytest.approx(media.duration)
    assert pieces[-1].notes[-1] == media.notes[-1]


@pytest.mark.parametrize("name", ["-leading-dash.mp4", "a:b.mp4", "näme with späces.mp4", "100%d.mp4", "http:.mp4"])
def test_odd_names(tmp_path, name, monkeypatch):
    good = record(tmp_path / "good.mp4", STEADY[:25])
    good.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(decode(Clip(Source("x", name), None)).frames) == 1
    assert probe(name).picture.codec == "h264"


def test_a_playlist_does_not_reach_for_other_files(tmp_path):
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    assert "is a playlist" in refused(tmp_path / "list.m3u8")


def _length(path):
    return decode(clip(path), Sampling(size=(16, 16))).frames.shape


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_workers_of_either_kind_decode(good, method):
    """Also after the parent has decoded: a converter shared between processes would hang here."""
    assert _length(good) == (4, 16, 16, 3)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(_length, [good] * 4).get(timeout=60) == [(4, 16, 16, 3)] * 4


def test_files_are_closed_whatever_happens(good, tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        decode(clip(good))
        pieces = stream(clip(good), Sampling(), 0.5)
        next(pieces)
        pieces.close()
        refused(clip(good, 9.0))
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
