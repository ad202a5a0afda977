"""All the real files: decoded right, or refused in one line. Compared with an independent probe of each."""

import json
from pathlib import Path

import numpy as np
import pytest

from lookhear.media import Sampling, decode, probe, stream
from lookhear.types import Clip, Source
from tests.conftest import SHARED, shared

INDEX = SHARED / "data" / "media_probe.json"
KNOWN = json.loads(INDEX.read_text()) if INDEX.exists() else {"(none here)": {}}

QUICK = [n for n in KNOWN if KNOWN[n].get("vd", {}).get("n", 0) > 60 and KNOWN[n]["v"]["w"] < 500]


def clip(path):
    return Clip(Source(path.stem, path), Source(path.stem, path))


@pytest.mark.parametrize("name", KNOWN)
def test_real_file(name):
    path, known = shared("data", *Path(name).parts), KNOWN[name]
    facts, media = probe(path), decode(clip(path))
    if known.get("kind") == "image":
        assert media.frames.shape == (1, *known["size"][::-1], 3)
        assert facts.picture.still
        return
    cover = name.endswith("with-attached-pic.mp3")
    assert facts.cover == cover
    ends = []  # of the chosen tracks as fully decoded, on the file's clock
    if "v" in known and not cover:
        wide, high = known["v"]["w"], known["v"]["h"]
        if name.endswith("nasa_13013.mp4"):
            wide, high = 480, 270  # the probe took the first stream, ffmpeg and we the best one
        if known["vd"]["rot"] % 180:
            wide, high = high, wide
        assert (facts.picture.width, facts.picture.height) == (wide, high)
        assert facts.picture.rotation == known["vd"]["rot"] % 360
        assert media.frames.shape[1:] == (high, wide, 3)
        assert (
            media.frames[0, ::4, ::4].std() > 1 or wide == 1 or name.endswith("testsrc2_mpeg4.mp4")
        )  # which is all black
        ends.append(known["vd"]["last"] + (known["vd"]["dmin"] or 0) - known["vd"]["first"])
        assert facts.picture.fps == pytest.approx(eval(known["v"]["avg"]), rel=0.25)
    else:
        assert media.frames is None
        assert "no picture" in media.notes
    if "ad" in known:
        loud = np.sqrt((media.waveform**2).mean())
        assert media.waveform.dtype == np.float32
        assert np.isfinite(media.waveform).all()
        assert len(media.waveform) == round(media.duration * 16000)
        assert loud <= known["ad"]["rms"] * 1.05 + 1e-6  # mixing to mono can only lose what is out of phase
        if known["a"]["ch"] == 1:
            stretched = known["ad"]["rms"] * (known["ad"]["sec"] / media.duration) ** 0.5
            assert loud == pytest.approx(stretched, rel=0.02, abs=1e-6)
        assert media.silent == (known["ad"]["rms"] < 1e-4)
        assert ("sound is silent throughout" in media.notes) == media.silent
        ends.append(known["ad"]["sec"])
    else:
        assert media.waveform is None
        assert "no sound track" in media.notes
    if not name.endswith("corrupted.mp4"):
        assert media.duration == pytest.approx(max(ends), abs=0.15)
    assert not [n for n in media.notes if "truncated" in n]
    assert len(media.times) == (0 if media.frames is None else max(1, int(media.duration + 0.5)))


@pytest.mark.parametrize(
    "name",
    [n for n in KNOWN if n.startswith("odd_media") and KNOWN[n].get("vd", {}).get("first") is not None] + QUICK[:5],
)
def test_pieces_equal_the_whole_on_real_files(name):
    path = shared("data", *Path(name).parts)
    sampling = Sampling(fps=3, size=(32, 48))
    whole, pieces = decode(clip(path), sampling), list(stream(clip(path), sampling, 1.9))
    assert np.array_equal(np.concatenate([p.frames for p in pieces]), whole.frames)
    assert np.array_equal(np.concatenate([p.times for p in pieces]), whole.times)
    if whole.waveform is not None:
        assert np.array_equal(np.concatenate([p.waveform for p in pieces]), whole.waveform)


@pytest.mark.parametrize("name", QUICK)
def test_skipping_and_seeking_change_no_pixel_on_real_files(name):
    """Frames chosen with packets held back equal those of a decode of everything, also when entered in the middle."""
    path, known = shared("data", *Path(name).parts), KNOWN[name]
    size = (32, 48)
    everything = decode(clip(path), Sampling("every", size=size))
    times, kept = everything.times, everything.frames
    if "nasa" not in name:
        assert len(kept) in (known["vd"]["n"], known["vd"]["n"] - 1)  # the last may begin where its track ends
        assert times[-1] - times[0] == pytest.approx(known["vd"]["last"] - known["vd"]["first"], abs=0.2)
    assert (np.diff(times) >= 0).all()
    for start in (0.0, 2.6):
        end = min(start + 4.0, everything.duration)
        some = decode(Clip(Source("x", path), None, start, end), Sampling(fps=1.7, size=size))
        want = [max(0, int(np.searchsorted(times, t + start + 1e-6, side="right")) - 1) for t in some.times]
        assert np.array_equal(some.frames, kept[want]), (name, start)


def test_the_same_sound_through_two_containers():
    """An mp4's own sound and the wav and mp3 made from it: the same waveform, within their own compression."""
    folder = shared("data", "avqa_thu", "media")
    video = decode(clip(folder / "0-00uubiDNU_000210.mp4")).waveform
    wav = decode(clip(folder / "0-00uubiDNU_000210.wav")).waveform[: len(video)]
    assert np.corrcoef(video, wav)[0, 1] > 0.999
    folder = shared("data", "ave", "media")
    video = decode(clip(folder / "-67UNKFmRLk.mp4")).waveform[48:]  # its sound begins 3 ms after its picture
    mp3 = decode(clip(folder / "-67UNKFmRLk.mp3")).waveform
    n = min(len(video), len(mp3))
    assert np.corrcoef(video[:n], mp3[:n])[0, 1] > 0.99


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_anywhere_gives_what_it_has(tmp_path, share):
    source = shared("data", "misc_media", "v_GGSY1Qvo990.mp4")
    whole, data = decode(clip(source)), source.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: int(len(data) * share)])
    media = decode(clip(path))
    assert share * 18 - 4 < media.duration < share * 18 + 4
    assert media.notes[-1] == f"truncated at {media.duration:.1f} s of 18.2 s"
    kept = len(media.frames) - 1
    assert np.array_equal(media.frames[:kept], whole.frames[:kept])
    assert len(media.waveform) == round(media.duration * 16000)
