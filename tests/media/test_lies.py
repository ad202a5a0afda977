"""Claims are not facts: what a header or a timestamp says decides neither memory nor time, and opens no other file."""

import math
import os
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest

from lookhear.errors import MediaError
from lookhear.media import Sampling, decode, probe, stream
from lookhear.types import BLANK, Clip, Source
from tests.media.clips import beeps, clip, record

STEADY = [k / 10 for k in range(20)]


def wav(path, samples, rate=16_000, width=2, channels=1, claimed=None):
    """A wav with a header of one's own choosing."""
    data = np.asarray(samples, f"<i{width}").tobytes()
    size = len(data) if claimed is None else claimed
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * width * channels & 0xFFFFFFFF, width * channels, 8 * width)
    riff = b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVEfmt " + struct.pack("<I", 16) + head
    path.write_bytes(riff + b"data" + struct.pack("<I", min(size, 2**32 - 1)) + data)
    return path


def cheaply(work, seconds=5.0, megabytes=400):
    """The result of `work`, or its MediaError, in so much processor time and memory of ours."""
    tracemalloc.start()
    began = time.process_time()
    try:
        return work()
    except MediaError as error:
        assert "\n" not in str(error)
        return error
    finally:
        took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert took < seconds
        assert peak < megabytes * 1e6


@pytest.mark.parametrize("rate", [1, 7, 999, 4_000_000_000])
def test_a_rate_that_is_none_is_refused(tmp_path, rate):
    path = wav(tmp_path / "rate.wav", np.zeros(1500), rate)
    found = cheaply(lambda: decode(clip(path)))
    assert isinstance(found, MediaError)
    assert isinstance(cheaply(lambda: list(stream(clip(path), Sampling(), 32.0))), MediaError)


def test_a_size_that_is_claimed_is_not_there(tmp_path):
    path = wav(tmp_path / "size.wav", np.arange(16_000) % 1000, claimed=4_000_000_000)
    media = cheaply(lambda: decode(clip(path)))
    assert media.duration == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_every_width_of_pcm_is_heard(tmp_path, width):
    half = 192 - 256 if width == 1 else 2 ** (8 * width - 2)  # eight bits have no sign and lie about 128
    path = wav(tmp_path / f"{width}.wav", np.full(16_000, half, np.int64), width=width)
    assert np.abs(decode(clip(path)).waveform[100:-100] - 0.5).max() < 0.01


def jumping(tmp_path, seconds, suffix="mkv"):
    """Two seconds of picture and sound, the second one `seconds` later than it should be."""
    import av

    whole = record(tmp_path / f"whole.{suffix}", STEADY, beeps(2, [0.5, 1.5]), sound_codec="flac", gop=5, bframes=0)
    path = tmp_path / f"jump.{suffix}"
    with av.open(str(whole)) as read, av.open(str(path), "w") as out:
        copies = {s.index: out.add_stream_from_template(s) for s in read.streams}
        for packet in read.demux():
            if packet.pts is None:
                continue
            if packet.pts * packet.time_base >= 1:
                shift = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = copies[packet.stream_index]
            out.mux(packet)
    return path


@pytest.mark.parametrize("seconds", [5_000, 300_000, 2_000_000])
def test_a_jump_of_the_clock_is_noted_and_not_allocated(tmp_path, seconds):
    path = jumping(tmp_path, seconds)
    assert path.stat().st_size < 40_000
    for found in (
        cheaply(lambda: decode(clip(path))),
        cheaply(lambda: decode(clip(path), Sampling("uniform", count=4))),
        cheaply(lambda: decode(clip(path), Sampling("every"))),
        cheaply(lambda: list(stream(clip(path), Sampling(), 32.0)))[-1],
    ):
        assert found.duration <= 1.2
        assert any("timestamps jump by" in note for note in found.notes)
    assert probe(path).duration <= 1.2


def test_a_short_pause_is_silence_and_the_frame_before_it(tmp_path):
    media = cheaply(lambda: decode(clip(jumping(tmp_path, 60)), Sampling(size=(48, 96))))
    assert media.duration == pytest.approx(62, abs=0.2)
    assert len(media.frames) == 62
    assert len(media.waveform) == round(media.duration * 16_000)


def test_one_frame_held_for_long_does_not_fill_the_memory(tmp_path):
    """Six hundred seconds of one large picture would be 3.7 GB."""
    path = record(tmp_path / "held.mp4", [0.0, 0.1, 590.0], size=(1080, 1920), bframes=0)
    found = cheaply(lambda: decode(clip(path)), megabytes=700)
    assert isinstance(found, MediaError)
    assert "at 590 moments" in str(found)
    small = decode(clip(path), Sampling(size=(27, 48)))
    assert len(small.frames) == 590


def test_pixels_are_counted_before_they_are_made(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )
    assert isinstance(cheaply(lambda: decode(Clip(Source("b", bomb), None))), MediaError)
    (tmp_path / "bomb.gif").write_bytes(b"GIF89a" + struct.pack("<HH", 65_000, 65_000) + b"\xf0\0\0" + bytes(6) + b";")
    assert isinstance(cheaply(lambda: decode(clip(tmp_path / "bomb.gif"))), MediaError)


@pytest.mark.parametrize(("start", "end"), [(0.0, 1e9), (math.nan, None), (0.0, math.nan), (0.0, math.inf), (-1, 2)])
def test_a_clip_that_asks_for_the_impossible(tmp_path, start, end):
    path = record(tmp_path / "good.mp4", STEADY)
    assert isinstance(cheaply(lambda: decode(clip(path, start, end))), MediaError)
    if start == 0.0:
        assert isinstance(cheaply(lambda: decode(Clip(BLANK, BLANK, start, end))), MediaError)


@pytest.mark.parametrize("how", ["m3u8", "concat", "ffconcat", "mpd", "sdp", "pls", "hidden"])
def test_a_file_that_names_others_opens_none_of_them(tmp_path, how, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "secret.ts", STEADY, beeps(2, [1.0]))
    record(tmp_path / "secret.mp4", STEADY, beeps(2, [1.0]))
    texts = {
        "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n",
        "hidden": "\n \n#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n",
        "concat": "file 'secret.mp4'\n",
        "ffconcat": "ffconcat version 1.0\nfile 'secret.mp4'\n",
        "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        "<Representation><BaseURL>secret.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9999 RTP/AVP 96\n",
        "pls": "[playlist]\nFile1=secret.mp4\n",
    }
    path = tmp_path / f"list.{how}"
    path.write_text(texts[how])
    for suffix in (how, "mp4", "wav"):
        named = path.with_suffix(f".{suffix}")
        path.rename(named)
        path = named
        assert isinstance(cheaply(lambda: decode(clip(named))), MediaError)  # noqa: B023
        assert isinstance(cheaply(lambda: probe(named)), MediaError)  # noqa: B023


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a file" in str(cheaply(lambda: decode(clip(tmp_path / "pipe.mp4"))))
    assert "not a file" in str(cheaply(lambda: probe("/dev/zero")))


def test_names_that_python_can_hold_and_others_cannot(tmp_path):
    good = record(tmp_path / "good.mp4", STEADY)
    odd = tmp_path / "half\udcff.mp4"
    good.rename(odd)
    assert len(decode(clip(odd)).frames) == 2
    for name in ("a\0b.mp4", "\ud83d.mp4"):
        assert isinstance(cheaply(lambda: decode(Clip(Source("x", name), None))), MediaError)  # noqa: B023


def test_the_codec_may_throw_anything(tmp_path, monkeypatch):
    from lookhear.media import _picture

    path = record(tmp_path / "good.mp4", STEADY)
    for error in (MemoryError(), ValueError("two\nlines"), ZeroDivisionError("x"), RuntimeError("y" * 1000)):
        monkeypatch.setattr(_picture.PictureTrack, "_rgb", lambda *_, error=error: (_ for _ in ()).throw(error))
        for work in (lambda: decode(clip(path)), lambda: list(stream(clip(path), Sampling(), 1.0))):
            found = cheaply(work)
            assert isinstance(found, MediaError)
            assert len(str(found)) < 300 + len(str(path))


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_sound_that_is_no_number_is_silence_and_is_said(tmp_path, rate, value):
    wave = (0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype("<f4")
    wave[rate // 2 :] = value
    head = struct.pack("<HHIIHH", 3, 1, rate, 4 * rate, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", wave.nbytes) + wave.tobytes()
    path = tmp_path / "nan.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    media = decode(clip(path))
    assert np.isfinite(media.waveform).all() and np.abs(media.waveform[: len(media.waveform) // 2]).max() > 0.4
    assert np.abs(media.waveform[len(media.waveform) * 3 // 5 :]).max() < 0.01
    assert "0.5 s of sound are NaN or infinite: silence in their place" in media.notes
