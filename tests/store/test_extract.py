"""Extraction: decoded once, resumed after any kill, failures in a ledger, the rest done."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lookhear.errors import FeatureError
from lookhear.media.sampling import Sampling
from lookhear.store import _unit as module
from lookhear.store.batch import batch
from lookhear.store.extract import Tally, extract, extract_texts
from lookhear.store.features import FeatureStore
from lookhear.types import BLANK, Clip, Example, Source
from tests.store.toy import Colour, Letters, Loudness


@pytest.fixture
def counted(monkeypatch):
    """How often each clip is decoded."""
    calls, stream = [], module.stream
    monkeypatch.setattr(module, "stream", lambda clip, *how: calls.append(clip.id) or stream(clip, *how))
    return calls


def test_clips_are_decoded_once_for_all_encoders_and_kept_afterwards(clips, tmp_path, counted):
    store = FeatureStore(tmp_path)
    encoders = [Colour(), Loudness(sampling=Colour().sampling), Colour(name="second")]
    tally = extract([clips["red"], clips["blue"], clips["red"]], encoders, store)
    assert (tally.made, tally.kept, tally.failed) == (2, 0, ()) and tally.seconds == pytest.approx(8, abs=0.2)
    assert sorted(counted) == ["blank@0-2", "blue", "red"]
    assert store.get("toy_colour", "frames", "red") == pytest.approx(np.tile([1, 0, 0], (4, 1)), abs=0.05)
    loud, quiet = (store.get("toy_loudness", "audio", c).mean() for c in ("red", "blue"))
    assert loud > 0.4 > 0.1 > quiet > 0.01
    assert store.get("toy_colour", "frames", "blank").max() == 0
    again = extract([clips["red"], clips["blue"]], encoders, store)
    assert (again.made, again.kept) == (0, 2) and len(counted) == 3


def test_an_encoder_that_only_listens_joins_one_that_looks(clips, tmp_path, counted):
    extract([clips["red"]], [Loudness(), Colour()], FeatureStore(tmp_path))
    assert sorted(counted) == ["blank@0-2", "red"]


def test_no_sound_track_is_marked_and_served_only_when_asked(clips, tmp_path):
    store = FeatureStore(tmp_path)
    tally = extract([clips["mute"]], [Colour(), Loudness()], store)
    assert (tally.made, tally.failed) == (1, ()) and (tmp_path / "toy_loudness/audio/mute.absent").is_file()
    one = [Example("0", "question_answering", clips["mute"], "?")]
    features = {"frames": "toy_colour", "audio": "toy_loudness"}
    with pytest.raises(FeatureError, match="'mute' has no sound track"):
        batch(one, ("audio", "frames"), features, store)
    got = batch(one, ("audio", "frames"), features, store, absent="blank")
    assert got.watch["audio"].abs().max() == 0 and got.watch["audio"].shape[1] == got.watch["frames"].shape[1] == 4
    assert extract([clips["mute"]], [Colour(), Loudness()], store).kept == 1


def test_a_foreign_sound_track_comes_from_its_own_recording(clips, tmp_path):
    store = FeatureStore(tmp_path)
    swapped = Clip(clips["blue"].video, clips["red"].audio)
    extract([swapped, Clip(BLANK, clips["red"].audio)], [Colour(), Loudness()], store)
    assert store.has("toy_colour", "blue") and not store.has("toy_colour", "red")
    assert store.has("toy_loudness", "red") and not store.has("toy_loudness", "blue")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corrupt_clip_is_in_the_ledger_and_the_rest_is_done(clips, tmp_path, workers):
    (tmp_path / "bad.mp4").write_bytes(b"not a video")
    bad, gone = (Source(n, tmp_path / f"{n}.mp4") for n in ("bad", "gone"))
    store = FeatureStore(tmp_path / "store")
    seen = []
    tally = extract(
        [Clip(bad, bad), clips["red"], Clip(gone, gone), clips["blue"]],
        [Colour(), Loudness()],
        store,
        workers=workers,
        progress=lambda t, total: seen.append((t.made + t.kept + len(t.failed), total)),
    )
    assert tally.made == 2 and sorted(c for c, _ in tally.failed) == ["bad", "gone"] and seen[-1] == (4, 4)
    ledger = [json.loads(line) for line in (tmp_path / "store" / "ledger.jsonl").read_text().splitlines()]
    assert sorted(e["clip"] for e in ledger) == ["bad", "gone"] and all(e["reason"] for e in ledger)
    assert store.has("toy_colour", "red") and store.has("toy_loudness", "blue") and not store.has("toy_colour", "bad")


@pytest.mark.parametrize(("spoil", "said"), [("nan", "NaN"), ("wide", "expected width 3")])
def test_what_an_encoder_may_not_give_is_refused(clips, tmp_path, spoil, said):
    store = FeatureStore(tmp_path)
    tally = extract([clips["red"]], [Colour(spoil=spoil)], store)
    assert said in dict(tally.failed)["red"] and not list(tmp_path.rglob("*.npy"))


def test_a_clip_that_kills_its_process_is_reported_and_the_rest_done(tmp_path, clips):
    from lookhear.media.write import write

    white = Source("white", tmp_path / "white.mp4")
    write(white.path, [np.full((32, 32, 3), 255, np.uint8)] * 16, None, fps=8)
    store = FeatureStore(tmp_path / "store")
    tally = extract([clips["red"], Clip(white, white), clips["blue"]], [Colour(spoil="die")], store, workers=2)
    assert tally.made == 2 and [c for c, _ in tally.failed] == ["white"] and "died" in tally.failed[0][1]


def test_shards_share_the_work(clips, tmp_path):
    store = FeatureStore(tmp_path)
    every = list(clips.values())
    parts = [extract(every, [Colour()], store, shard=(i, 2)) for i in range(2)]
    assert [p.made for p in parts] == [2, 1] and extract(every, [Colour()], store).kept == 3
    with pytest.raises(FeatureError, match="Shard 2/2 does not exist"):
        extract(every, [Colour()], store, shard=(2, 2))


def test_other_settings_may_not_join(clips, tmp_path):
    extract([clips["red"]], [Colour()], FeatureStore(tmp_path))
    with pytest.raises(FeatureError, match="sampling"):
        extract([clips["blue"]], [Colour(sampling=Sampling(fps=2, size=(8, 8)))], FeatureStore(tmp_path))


def test_a_full_disk_stops_the_run_in_one_line(clips, tmp_path, monkeypatch):
    from pathlib import Path

    store = FeatureStore(tmp_path)
    store.open(Colour())

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FeatureError, match="No space left on device"):
        extract([clips["red"], clips["blue"]], [Colour()], store)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["card.json"]


KILLED = """
import sys
from pathlib import Path
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Source
from tests.store.toy import Colour
if __name__ == "__main__":
    sources = [Source(f"c{i}", Path(sys.argv[1])) for i in range(12)]
    extract([Clip(s, s) for s in sources], [Colour(delay=0.05)], FeatureStore(sys.argv[2]), workers=int(sys.argv[3]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment_and_run_again_nothing_is_lost_or_done_twice(clips, tmp_path, workers):
    script = tmp_path / "job.py"
    script.write_text(KILLED)
    store = tmp_path / "store"
    job = subprocess.Popen(
        [sys.executable, str(script), str(clips["red"].video.path), str(store), str(workers)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])},
    )
    folder = store / "toy_colour" / "patches"
    until = time.monotonic() + 300
    while len(list(folder.glob("c*.npy"))) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait()
    time.sleep(0.3 if workers > 1 else 0)  # its workers see that it is gone
    half = FeatureStore(store)
    half.open(Colour())
    done = set(half.keys("toy_colour")) - {"blank"}
    times = {k: (folder / f"{k}.npy").stat().st_mtime_ns for k in done}
    assert 3 <= len(done) < 12
    (folder / "c99.npy").write_bytes(b"")  # a stream whose other stream was not written: as if not there
    sources = [Source(f"c{i}", clips["red"].video.path) for i in range(12)]
    tally = extract([Clip(s, s) for s in sources], [Colour()], half)
    assert (tally.made, tally.kept, tally.failed) == (12 - len(done), len(done), ())
    assert all((folder / f"{k}.npy").stat().st_mtime_ns == t for k, t in times.items()), "kept means untouched"
    assert not list(store.rglob("*.part")) and set(half.keys("toy_colour")) == {"blank", *(s.id for s in sources)}


def test_texts_are_encoded_once(tmp_path):
    store = FeatureStore(tmp_path)
    texts = ["How many?", "Where?", "How many?"]
    assert extract_texts(texts, Letters(), store) == Tally(made=2)
    assert extract_texts([*texts, "Why?"], Letters(), store) == Tally(made=1, kept=2)
    with pytest.raises(FeatureError, match="Use extract_texts"):
        extract([], [Letters()], store)
    with pytest.raises(FeatureError, match=r"Use extract\."):
        extract_texts([], Colour(), store)
