"""What each container can claim in its header, at its most: read within 10 s and 1 GB, in frames, sound or one line."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.media import fuzz
from tests.media.clips import beeps, painted, record
from tests.media.test_lies import wav

STEADY = [k / 10 for k in range(20)]
MOST = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF)
# (four letters that a header's chunk begins with, bytes after them, big-endian) of numbers that say how much follows
MP4 = [("mvhd", 16), ("mvhd", 20), ("mdhd", 16), ("mdhd", 20), ("tkhd", 24), ("tkhd", 80), ("stts", 8), ("stts", 12)]
MP4 += [("stts", 16), ("stsz", 8), ("stsz", 12), ("stsc", 8), ("stsc", 16), ("stco", 8), ("stco", 12), ("ctts", 8)]
MP4 += [("ctts", 12), ("elst", 8), ("elst", 12), ("elst", 16), ("avc1", 28), ("mp4a", 28), ("esds", 4), ("mdat", -4)]
AVI = [("avih", 8), ("avih", 24), ("avih", 40), ("strh", 24), ("strh", 28), ("strh", 32), ("strh", 36), ("strf", 8)]
AVI += [("strf", 12), ("idx1", 4), ("LIST", 4), ("RIFF", 4)]
WAV = [("fmt ", 8), ("fmt ", 12), ("fmt ", 16), ("fmt ", 20), ("fmt ", 6), ("data", 4), ("RIFF", 4)]
MKV = [(b"\x44\x89", 3), (b"\x2a\xd7\xb1", 4), (b"\xb0\x81", 2), (b"\x23\xe3\x83", 4), (b"\xb5", 2), (b"\xe7", 2)]


def claims(path, places, order):
    """The file with each of some numbers of its header at its most, one at a time."""
    data = path.read_bytes()
    for letters, after in places:
        name = letters if isinstance(letters, bytes) else letters.encode()
        at = data.find(name)
        assert at >= 0, f"no {letters} in {path.name}"
        while at >= 0:
            for value in MOST:
                changed = bytearray(data)
                changed[at + after : at + after + 4] = value.to_bytes(4, order)
                yield f"{letters} {after} {value:#x}", bytes(changed[: len(data)])
            at = data.find(name, at + 1) if isinstance(letters, str) else -1


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A small recording in each container."""
    root, sound = tmp_path_factory.mktemp("claims"), beeps(2, [0.5, 1.5])
    return {
        "mp4": record(root / "a.mp4", STEADY, sound, 0.3),
        "avi": record(root / "a.avi", STEADY, sound, codec="mpeg4", sound_codec="mp2"),
        "mkv": record(root / "a.mkv", STEADY, sound),
        "wav": wav(root / "a.wav", (sound * 30_000).astype(np.int16)),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "places"), [("mp4", MP4), ("avi", AVI), ("wav", WAV), ("mkv", MKV)])
def test_what_a_header_claims_is_not_taken(drawn, tmp_path, kind, places):
    wrong = []
    for what, content in claims(drawn[kind], places, "big" if kind in ("mp4", "mkv") else "little"):
        path = tmp_path / f"claim.{kind}"
        path.write_bytes(content)
        said, seconds, peak = fuzz.alone(path)
        if said not in ("whole", "noted", "refused"):
            wrong.append((what, said, seconds, peak))
    assert wrong == []


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def apng(frames, delay, wide=16, high=16):
    """An animated PNG that claims so many frames of so many seconds; two are there."""
    row = zlib.compress(bytes(high * (1 + 3 * wide)) if wide * high < 10**6 else b"\0" * 1000)
    control = struct.pack(">IIIIHHBB", wide, high, 0, 0, delay, 1, 0, 0)
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)),
        chunk(b"acTL", struct.pack(">II", frames, 0)),
    ]
    parts += [chunk(b"fcTL", struct.pack(">I", 0) + control), chunk(b"IDAT", row)]
    parts += [chunk(b"fcTL", struct.pack(">I", 1) + control), chunk(b"fdAT", struct.pack(">I", 2) + row)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def webp(wide, high, milliseconds):
    """An animated WebP of a canvas of such a size, of two frames that last so long."""
    import io

    out = io.BytesIO()
    images = [Image.fromarray(painted(n, 64, 96)) for n in (1, 2)]
    images[0].save(out, "webp", save_all=True, append_images=images[1:], duration=500)
    data = bytearray(out.getvalue())
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (wide - 1).to_bytes(3, "little") + (high - 1).to_bytes(3, "little")
    for n in range(2):
        at = [i for i in range(len(data)) if data[i : i + 4] == b"ANMF"][n] + 8 + 12
        data[at : at + 3] = milliseconds.to_bytes(3, "little")
    return bytes(data)


def gif(wide, high, delay):
    """A GIF of a screen of such a size, of two frames that last so many hundredths of a second."""
    import io

    out = io.BytesIO()
    images = [Image.fromarray(painted(n, 64, 96)) for n in (1, 2)]
    images[0].save(out, "gif", save_all=True, append_images=images[1:], duration=500)
    data = bytearray(out.getvalue())
    data[6:10] = struct.pack("<HH", wide, high)
    for i in range(len(data) - 8):
        if data[i : i + 3] == b"\x21\xf9\x04":
            data[i + 4 : i + 6] = struct.pack("<H", delay)
    return bytes(data)


FILMS = {
    "frames.apng": lambda: apng(2**31 - 1, 1),
    "delay.apng": lambda: apng(2, 65_535),
    "wide.apng": lambda: apng(2, 1, 8000, 8000),
    "wider.apng": lambda: apng(2, 1, 2**31 - 1, 2**31 - 1),
    "canvas.webp": lambda: webp(2**24, 2**24, 500),
    "large.webp": lambda: webp(8000, 8000, 500),
    "delay.webp": lambda: webp(96, 64, 2**24 - 1),
    "screen.gif": lambda: gif(65_535, 65_535, 50),
    "large.gif": lambda: gif(8000, 8000, 50),
    "delay.gif": lambda: gif(96, 64, 65_535),
}


@pytest.mark.parametrize("name", FILMS)
def test_a_short_film_that_claims_to_be_large_or_long(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILMS[name]())
    assert fuzz.alone(path)[0] in ("whole", "noted", "refused")
