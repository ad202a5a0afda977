"""A sound font plays the same notes at the same times and levels; what it lacks is said in one line."""

import json
import struct
import sys

import numpy as np
import pytest

from lookhear.errors import DatasetError, MediaError
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player, Scene
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.sound import room, voices_font
from lookhear.soundstage.sound.mix import sound, stem
from lookhear.soundstage.write.folder import make

RATE = 16000
TINY = Settings(train=2, val=0, test=1, questions=4, seconds=6.0, size=64, fps=4.0)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def named(text):
    return text.encode().ljust(20, b"\0")


def font(presets):
    """The bytes of a sound font whose presets, (program, bank), all play one looped sawtooth, root key 60."""
    period = 84  # 22,050 Hz / 262.5 Hz
    wave = (np.tile(np.linspace(-0.5, 0.5, period), 40) * 32767).astype("<i2")
    wave = np.concatenate([wave, np.zeros(46, "<i2")])
    begin, end = period, 39 * period
    info = b"".join([chunk(b"ifil", struct.pack("<HH", 2, 1)), chunk(b"isng", b"EMU8000\0"), chunk(b"INAM", b"saw\0")])
    last = len(presets)
    phdr = b"".join(
        named(f"p{n}") + struct.pack("<HHHIII", program, bank, n, 0, 0, 0) for n, (program, bank) in enumerate(presets)
    )
    phdr += named("EOP") + struct.pack("<HHHIII", 0, 0, last, 0, 0, 0)
    shdr = named("saw") + struct.pack("<IIIIIBbHH", 0, len(wave) - 46, begin, end, 22050, 60, 0, 0, 1)
    pdta = b"".join(
        chunk(name, data)
        for name, data in (
            (b"phdr", phdr),
            (b"pbag", b"".join(struct.pack("<HH", n, 0) for n in range(last + 1))),
            (b"pmod", bytes(10)),
            (b"pgen", struct.pack("<HH", 41, 0) * last + bytes(4)),  # 41: which instrument
            (b"inst", named("saw") + struct.pack("<H", 0) + named("EOI") + struct.pack("<H", 1)),
            (b"ibag", struct.pack("<HHHH", 0, 0, 2, 0)),
            (b"imod", bytes(10)),
            (b"igen", struct.pack("<HHHH", 54, 1, 53, 0) + bytes(4)),  # 54: loops; 53: which sample
            (b"shdr", shdr + named("EOS") + bytes(26)),
        )
    )
    lists = ((b"INFO", info), (b"sdta", chunk(b"smpl", wave.tobytes())), (b"pdta", pdta))
    return chunk(b"RIFF", b"sfbk" + b"".join(chunk(b"LIST", name + data) for name, data in lists))


@pytest.fixture
def saw(tmp_path):
    pytest.importorskip("tinysoundfont", reason="tinysoundfont is not installed")
    path = tmp_path / "saw.sf2"
    path.write_bytes(font([*((p, 0) for p in sorted({part.program for part in voices_font.PARTS.values()})), (0, 128)]))
    return str(path)


def test_every_instrument_has_a_program_or_a_key():
    assert set(voices_font.PARTS) | set(voices_font.KEYS) == set(INSTRUMENTS)
    assert not set(voices_font.PARTS) & set(voices_font.KEYS)


@pytest.mark.parametrize(("instrument", "pitch"), [("violin", 69), ("tuba", 45), ("xylophone", 81)])
def test_a_note_has_its_pitch_whatever_was_played_before(saw, instrument, pitch):
    once = voices_font.note(saw, instrument, pitch, 1.0, RATE)
    voices_font.note(saw, "drum", 45, 0.3, RATE)
    assert once.shape == (RATE,) and once.dtype == np.float32
    assert np.array_equal(once, voices_font.note(saw, instrument, pitch, 1.0, RATE))
    loudest = np.abs(np.fft.rfft(once * np.hanning(RATE))).argmax()  # 1 Hz a bin
    played = pitch + 12 * voices_font.PARTS[instrument].octaves
    assert loudest == pytest.approx(440 * 2 ** ((played - 69) / 12), rel=0.02)


def test_levels_and_times_are_those_of_the_scene(saw):
    def wet(level, instrument):
        player = Player(instrument, 0.5, ((0.5, 3.5),), level, 2.0)
        return stem(Scene("test", 3, 4.0, (player,)), 0, font=saw)

    soft, loud = (room.loudness(wet(*what)[8000:56000], 3.0, RATE) for what in ((0.0, "violin"), (6.0, "congas")))
    assert loud - soft == pytest.approx(6, abs=1)
    assert np.abs(wet(0.0, "flute")[:7900]).max() < 1e-6


def test_a_world_with_other_voices(saw, tmp_path):
    out, drawn = tmp_path / "font", tmp_path / "drawn"
    card = make(out, TINY, workers=2, quiet=True, font=saw)
    assert card["voices"]["name"] == "saw.sf2" and len(card["voices"]["sha256"]) == 64
    assert make(drawn, TINY, workers=1, quiet=True)["voices"] == "drawn"
    assert (out / "scenes.jsonl").read_bytes() == (drawn / "scenes.jsonl").read_bytes()
    assert (out / "videos" / "00000000.mp4").read_bytes() != (drawn / "videos" / "00000000.mp4").read_bytes()
    with pytest.raises(DatasetError, match="made with another sound font"):
        make(out, TINY, quiet=True)
    with pytest.raises(DatasetError, match="made with another sound font"):
        make(drawn, TINY, quiet=True, font=saw)
    assert json.loads((out / "card.json").read_text())["voices"] == card["voices"]


def test_what_cannot_play_is_said(tmp_path, monkeypatch):
    pytest.importorskip("tinysoundfont", reason="tinysoundfont is not installed")
    few, text = tmp_path / "few.sf2", tmp_path / "text.sf2"
    few.write_bytes(font([(40, 0)]))
    text.write_text("no font")
    player = Player("flute", 0.5, ((0.0, 1.0),))
    with pytest.raises(MediaError, match=r"few.sf2' has no program 73 of General MIDI, for flute"):
        sound(Scene("test", 3, 4.0, (player,)), font=str(few))
    with pytest.raises(MediaError, match=r"text.sf2' cannot be read as a sound font"):
        make(tmp_path / "out", TINY, quiet=True, font=text)
    with pytest.raises(MediaError, match=r"none.sf2' is no file"):
        make(tmp_path / "out", TINY, quiet=True, font=tmp_path / "none.sf2")
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(MediaError, match="pip install --no-deps tinysoundfont"):
        make(tmp_path / "out", TINY, quiet=True, font=tmp_path / "other.sf2")
    assert not (tmp_path / "out").exists()
