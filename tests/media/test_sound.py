"""Sound: 16 kHz mono, at the right place and the right level, whatever the file holds."""

import numpy as np
import pytest

from lookhear.media import Sampling, decode, write_wav
from lookhear.types import Clip, Source
from tests.media.clips import beeps, clip, onsets, record


def tone(seconds, rate, hertz=440.0, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 48000])
def test_resampling_keeps_time_level_and_length(tmp_path, rate):
    path = record(tmp_path / "tone.wav", [], tone(3, rate), sample_rate=rate, sound_codec="pcm_s16le")
    wave = decode(clip(path)).waveform
    assert wave.dtype == np.float32
    assert len(wave) == 48000
    expected = tone(3, 16000)
    assert np.abs(wave - expected)[200:-200].max() < 5e-3  # no delay, no change of level
    assert np.sqrt((wave[-160:] ** 2).mean()) > 0.3, "the resampler's tail is there"


def test_the_mean_of_two_channels_is_heard(tmp_path):
    left = tone(2, 16000, 300, 0.9)
    for right, level in ((left, 0.9), (np.zeros_like(left), 0.45), (-left, 0.0)):
        path = record(tmp_path / "stereo.wav", [], np.stack([left, right]), sound_codec="pcm_s16le")
        assert np.abs(decode(clip(path)).waveform).max() == pytest.approx(level, abs=1e-3)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_every_sample_format_ends_in_minus_one_to_one(tmp_path, codec):
    wave = tone(1, 16000, level=0.99)
    path = tmp_path / "format.wav"
    source = record(tmp_path / "source.wav", [], wave, sound_codec="pcm_s16le")
    _convert(source, path, codec)
    heard = decode(clip(path)).waveform
    assert np.abs(heard - wave).max() < 0.01


def _convert(source, path, codec):
    import av

    with av.open(str(source)) as read, av.open(str(path), "w") as out:
        to = out.add_stream(codec, rate=16000, layout="mono")
        for frame in read.decode(audio=0):
            frame.pts = None
            out.mux(to.encode(frame))
        out.mux(to.encode(None))


def test_another_rate_on_request(tmp_path):
    path = record(tmp_path / "rate.wav", [], tone(2, 44100), sample_rate=44100, sound_codec="pcm_s16le")
    media = decode(clip(path), Sampling(sample_rate=32000))
    assert media.sample_rate == 32000
    assert len(media.waveform) == 64000


def test_a_gap_in_the_track_is_silence_of_its_length(tmp_path):
    import av

    path = tmp_path / "gap.mkv"
    record(tmp_path / "whole.mkv", [k / 25 for k in range(150)], beeps(6, [1.0, 2.5, 4.5]), sound_codec="flac")
    with av.open(str(tmp_path / "whole.mkv")) as read, av.open(str(path), "w") as out:
        copies = {s.index: out.add_stream_from_template(s) for s in read.streams}
        for packet in read.demux():
            missing = packet.stream.type == "audio" and packet.pts is not None and 2.0 < packet.pts / 1000 < 4.0
            if packet.pts is not None and not missing:
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    media = decode(clip(path))
    assert onsets(media.waveform) == pytest.approx([1.0, 4.5], abs=0.005)
    assert len(media.waveform) == round(media.duration * 16000)


def test_silence_no_sound_and_no_picture_are_three_different_facts(tmp_path):
    frames = [k / 25 for k in range(50)]
    silent = decode(clip(record(tmp_path / "silent.mp4", frames, np.zeros(32000, np.float32))))
    mute = decode(clip(record(tmp_path / "mute.mp4", frames)))
    dark = decode(clip(record(tmp_path / "dark.mp4", [], tone(2, 16000))))
    assert silent.silent
    assert silent.notes == ("sound is silent throughout",)
    assert len(silent.waveform) == 32000
    assert mute.waveform is None
    assert not mute.silent
    assert mute.notes == ("no sound track",)
    assert dark.frames is None
    assert dark.notes == ("no picture",)
    assert len(dark.times) == 0


def test_a_wav_we_wrote_comes_back(tmp_path):
    wave = np.random.default_rng(1).uniform(-1, 1, 24000).astype(np.float32)
    write_wav(tmp_path / "own.wav", wave)
    back = decode(Clip(None, Source("own", tmp_path / "own.wav"))).waveform
    assert np.abs(back - wave).max() < 1e-4


def test_loud_sound_is_not_clipped_on_reading(tmp_path):
    path = tmp_path / "loud.wav"
    record(tmp_path / "half.wav", [], tone(1, 16000, level=0.9), sound_codec="pcm_s16le")
    from scipy.io import wavfile

    wavfile.write(path, 16000, tone(1, 16000, level=1.5))
    assert np.abs(decode(clip(path)).waveform).max() == pytest.approx(1.5, abs=1e-3)
