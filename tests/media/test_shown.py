"""Pictures and sound as they are meant: turned, mirrored, mixed, stills said to be stills."""

import struct
from itertools import product

import numpy as np
import pytest
from PIL import Image

from lookhear.media import Sampling, decode, mixing, orientation, probe
from lookhear.media.orientation import Orientation, of_matrix
from lookhear.types import BLANK, Clip, Source
from tests.media.clips import beeps, clip, number, painted, record

STEADY = [k / 25 for k in range(30)]
TURN = {0: (1, 0, 0, 1), 90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}  # counter-clockwise, a b c d
MIRROR = {
    "none": ((1, 1), lambda picture: picture),
    "left to right": ((-1, 1), np.fliplr),
    "top to bottom": ((1, -1), np.flipud),
}
TWELVE = list(product(TURN, MIRROR))


def matrix(degrees, mirror):
    """a, b, c, d of the display matrix that turns counter-clockwise, then mirrors: x' = a x + c y, y' = b x + d y."""
    a, b, c, d = TURN[degrees]
    x, y = MIRROR[mirror][0]
    return a * x, b * y, c * x, d * y


def rewrite(path, out, a, b, c, d):
    """The mp4 at `path` with another display matrix in the header of its first track."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version, times, id, duration, reserved, layer, group, volume
    data[at : at + 36] = struct.pack(">9i", *(v << 16 for v in (a, b)), 0, *(v << 16 for v in (c, d)), 0, 0, 0, 1 << 30)
    out.write_bytes(data)
    return out


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    path = record(tmp_path_factory.mktemp("shown") / "plain.mp4", STEADY)
    return path, decode(clip(path)).frames


@pytest.mark.parametrize(("degrees", "mirror"), TWELVE)
def test_each_display_matrix_is_a_rot90_and_a_flip(plain, tmp_path, degrees, mirror):
    path, stored = plain
    turned = rewrite(path, tmp_path / "turned.mp4", *matrix(degrees, mirror))
    want = MIRROR[mirror][1](np.rot90(stored[0], degrees // 90))
    assert np.array_equal(decode(clip(turned)).frames[0], want)
    picture = probe(turned).picture
    assert (picture.height, picture.width) == want.shape[:2]
    shown = np.rot90(stored[0], picture.rotation // 90)
    assert np.array_equal(np.fliplr(shown) if picture.mirrored else shown, want)
    high, wide = want.shape[0] // 2, want.shape[1] // 3
    small = decode(clip(turned), Sampling(size=(high, wide))).frames[0]
    assert small.shape == (high, wide, 3)


def test_the_nearest_of_the_eight_is_taken():
    assert of_matrix(0.9, 0.3, -0.3, 0.9) == Orientation()
    assert of_matrix(0.1, -1, 1, 0.1) == of_matrix(*TURN[90])
    assert of_matrix(0, 0, 0, 0) == Orientation(), "a matrix of zeros says nothing"
    assert len({of_matrix(*matrix(*both)) for both in TWELVE}) == 8


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("value", range(1, 9))
def test_a_photograph_is_shown_as_its_exif_data_say(tmp_path, kind, value):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[orientation.EXIF_ORIENTATION] = value
    image, path = Image.fromarray(painted(5, 64, 96)), tmp_path / f"photo.{kind}"
    image.save(path, exif=exif, quality=95)
    with Image.open(path) as saved:
        want = np.asarray(ImageOps.exif_transpose(saved).convert("RGB")).astype(int)
    media = decode(Clip(Source("p", path), None))
    assert media.frames[0].shape == want.shape
    assert np.abs(media.frames[0].astype(int) - want).mean() < 4
    assert media.notes == ("a still image, shown throughout", "no sound track")


def test_a_name_with_a_number_sign_is_a_name(tmp_path):
    for name, value in (("f%d.jpg", 3), ("f1.jpg", 4), ("f%03d.png", 5), ("f001.png", 6), ("f*.png", 7)):
        Image.fromarray(painted(value, 64, 96)).save(tmp_path / name, quality=95)
    for name, value in (("f%d.jpg", 3), ("f%03d.png", 5), ("f*.png", 7)):
        assert number(decode(Clip(Source("p", tmp_path / name), None)).frames[0]) == value


def test_one_picture_is_a_still_whatever_it_is_kept_in(tmp_path):
    one, two = (Image.fromarray(painted(n, 64, 96)) for n in (1, 2))
    for kind in ("gif", "png", "webp", "bmp", "tiff"):
        one.save(tmp_path / f"one.{kind}")
        facts = probe(tmp_path / f"one.{kind}")
        assert facts.picture.still, kind
        assert facts.duration == 0
        media = decode(Clip(Source("p", tmp_path / f"one.{kind}"), BLANK, 0.0, 3.0))
        assert len(media.frames) == 3
        assert "a still image, shown throughout" in media.notes
    one.save(tmp_path / "film.gif", save_all=True, append_images=[two], duration=500)
    film = probe(tmp_path / "film.gif")
    assert not film.picture.still
    assert film.duration == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("start", [0.0, 5.0, 100.0])
@pytest.mark.parametrize("suffix", ["mkv", "webm", "mp4", "ts"])
def test_a_file_that_begins_late_is_as_long_as_it_is(tmp_path, suffix, start):
    codecs = {"codec": "libvpx-vp9", "sound_codec": "libopus"} if suffix == "webm" else {}
    rate = 48_000 if suffix == "webm" else 16_000
    times = [start + k / 10 for k in range(101)]
    sound = beeps(10.1, [1.0], rate)
    path = record(tmp_path / f"late.{suffix}", times, sound, start, rate, options={}, **codecs)
    media = decode(clip(path))
    assert media.duration == pytest.approx(10.1, abs=0.15)
    assert len(media.frames) == 10
    assert not [note for note in media.notes if "truncated" in note]
    assert probe(path).duration == pytest.approx(10.1, abs=0.15)


def test_a_clip_that_is_called_blank_is_not_black(tmp_path):
    path = record(tmp_path / "blank.mp4", STEADY, beeps(1.2, [0.5]))
    media = decode(clip(path))
    assert Source("blank") != BLANK
    assert clip(path).video.id == "blank"
    assert media.frames.any()
    assert not media.silent


def layouts():
    front, centre, around = 1 / 2**0.5, 1.0, 0.5
    return {
        "5.1": [front, front, centre, 0, around, around],
        "5.1(side)": [front, front, centre, 0, around, around],
        "7.1": [front, front, centre, 0, around, around, around, around],
        "2.1": [front, front, 0],
        "3.0": [front, front, centre],
        "quad": [front, front, around, around],
        "mono": [1],
        "stereo": [0.5, 0.5],
    }


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize("kind", ["s16", "flt", "s64"])
def test_each_channel_counts_for_what_ffmpeg_gives_it(tmp_path, layout, kind):
    """Each channel is heard alone in its own file, from interleaved and from planar samples."""
    weights = np.array(layouts()[layout]) / sum(layouts()[layout])
    assert mixing.weights(layout) == pytest.approx(weights, abs=1e-6)
    codec = {"s16": "pcm_s16le", "flt": "pcm_f32le", "s64": "pcm_s64le"}[kind]
    for channel, weight in enumerate(weights):
        path = _channels(tmp_path / f"{channel}.wav", layout, channel, codec)
        heard = decode(clip(path)).waveform
        assert heard.dtype == np.float32
        assert np.abs(heard[2000:-2000] - 0.5 * weight).max() < 2e-3


def test_many_planes_and_no_layout(tmp_path):
    path = _channels(tmp_path / "planes.wv", "7.1", 2, "wavpack")
    assert decode(clip(path)).waveform[8000] == pytest.approx(0.5 * mixing.weights("7.1")[2], abs=2e-3)
    assert mixing.weights("6 channels") == pytest.approx(mixing.weights("5.1"))
    assert mixing.weights("ambisonic 1") == pytest.approx([1, 0, 0, 0])
    assert mixing.weights("9 channels") == pytest.approx([1 / 9] * 9)


def _channels(path, layout, channel, codec):
    import av

    count = av.AudioLayout(layout).nb_channels
    samples = np.zeros((16_000, count), np.float64)
    samples[:, channel] = 0.5
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=16_000, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32).reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = 16_000
        for given in av.AudioResampler(stream.codec_context.format.name, layout, 16_000, 4096).resample(frame):
            out.mux(stream.encode(given))
        out.mux(stream.encode(None))
    return path
