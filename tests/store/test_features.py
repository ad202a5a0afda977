"""The store: signed, complete or absent, never mixed, one line for every mistake."""

import json
import os
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lookhear.errors import FeatureError
from lookhear.store.features import FeatureStore, file_name, key, text_key
from lookhear.types import BLANK, Clip, Source
from tests.store.toy import Colour, Letters


def rows(n=4, value=1.0):
    return {"frames": torch.full((n, 3), value), "patches": torch.full((n, 2, 3), value)}


def test_what_is_put_comes_back_equal(tmp_path):
    store = FeatureStore(tmp_path)
    name = store.open(Colour())
    store.put(name, "a/b ü", rows(value=0.25))
    again = FeatureStore(tmp_path)
    assert again.has(name, "a/b ü") and list(again.keys(name)) == ["a/b ü"]
    assert np.array_equal(again.get(name, "patches", "a/b ü"), np.full((4, 2, 3), 0.25, np.float32))
    assert json.loads((tmp_path / name / "card.json").read_text())["weights"] == "0" * 64


def test_a_store_in_memory_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = FeatureStore(None)
    store.put(store.open(Colour()), "a", rows())
    assert store.has("toy_colour", "a") and not store.has("toy_colour", "b") and not list(tmp_path.iterdir())
    assert store.get("toy_colour", "frames", "a").shape == (4, 3)


@pytest.mark.parametrize(
    ("change", "field", "values"),
    [
        ({"settings": {"scale": 128}}, "settings.scale", ("255", "128")),
        ({"sampling": Colour().sampling.__class__(fps=2)}, "sampling", ("fps=1", "fps=2")),
    ],
)
def test_what_was_made_differently_is_refused_by_field(tmp_path, change, field, values):
    FeatureStore(tmp_path).open(Colour())
    with pytest.raises(FeatureError) as error:
        FeatureStore(tmp_path).open(Colour(**change))
    assert field in str(error.value) and all(v in str(error.value) for v in values) and "\n" not in str(error.value)


def test_other_weights_are_refused(tmp_path):
    FeatureStore(tmp_path).open(Colour())
    other = Colour()
    other.signature = lambda: {**Colour.signature(other), "sha256": "f" * 64}
    with pytest.raises(FeatureError, match="weights"):
        FeatureStore(tmp_path).open(other)


@given(st.text(min_size=1, max_size=40))
def test_any_id_is_a_safe_file_name_and_comes_back(text):
    text = text.encode("utf-8", "ignore").decode()
    if text:
        name = file_name(text)
        assert unquote(name) == text and "/" not in name and "\\" not in name and not name.startswith(".")


def test_hopeless_ids_are_refused():
    for bad in ("", "x" * 300):
        with pytest.raises(FeatureError, match="cannot be a file name"):
            file_name(bad)


def test_a_foreign_sound_track_needs_no_new_features():
    a, b = Source("a"), Source("b")
    assert key(Clip(a, b, 1, 3), "frames") == Clip(a, a, 1, 3).id == "a@1-3"
    assert key(Clip(a, b, 1, 3), "waveform") == "b@1-3"
    assert key(Clip(a, None), "waveform") is None and key(Clip(BLANK, b), "frames") == "blank"


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        ({**rows(), "frames": torch.full((4, 3), torch.nan)}, "12 values that are NaN"),
        ({**rows(), "frames": torch.zeros(4, 7)}, r"shape \(4, 7\), expected width 3"),
        ({"frames": torch.zeros(4, 3)}, "declares"),
    ],
)
def test_bad_features_are_refused_and_nothing_is_left(tmp_path, streams, said):
    store = FeatureStore(tmp_path)
    with pytest.raises(FeatureError, match=said):
        store.put(store.open(Colour()), "a", streams)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["card.json"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    store = FeatureStore(tmp_path)
    name = store.open(Colour())
    from pathlib import Path

    write = Path.write_bytes

    def full(path, content):
        if "patches" in str(path):
            write(path, content[:20])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FeatureError, match="No space left on device") as error:
        store.put(name, "a", rows())
    assert "\n" not in str(error.value) and not store.has(name, "a")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["card.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FeatureError, match="Permission denied"):
        FeatureStore(tmp_path).open(Colour())
    tmp_path.chmod(0o700)


def test_a_file_in_the_way_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FeatureError, match="Cannot write"):
        FeatureStore(tmp_path / "file").open(Colour())


def test_missing_damaged_and_half_written_features_say_what_to_do(tmp_path):
    store = FeatureStore(tmp_path)
    with pytest.raises(FeatureError, match="Run: lookhear extract toy_colour"):
        store.get("toy_colour", "frames", "a")
    name = store.open(Colour())
    with pytest.raises(FeatureError, match=r"No toy_colour features for 'a'.*Run: lookhear extract toy_colour"):
        store.get(name, "frames", "a")
    store.put(name, "a", rows())
    with pytest.raises(FeatureError, match="no stream 'audio'"):
        store.get(name, "audio", "a")
    path = tmp_path / name / "frames" / "a.npy"
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(FeatureError, match="damaged"):
        store.get(name, "frames", "a")
    path.unlink()
    assert not store.has(name, "a") and list(store.keys(name)) == []


def test_what_a_dead_writer_left_is_swept_and_a_living_ones_stays(tmp_path):
    store = FeatureStore(tmp_path)
    folder = tmp_path / store.open(Colour()) / "frames"
    folder.mkdir()
    import socket

    dead = folder / f".abc~{socket.gethostname()}~{2**22 + 1}~.part"
    living = folder / f".abc~{socket.gethostname()}~{os.getppid()}~.part"
    elsewhere = folder / f".abc~other-machine~{2**22 + 1}~.part"
    for path in (dead, living, elsewhere):
        path.write_bytes(b"x")
    store.sweep()
    assert not dead.exists() and living.exists() and elsewhere.exists()


def test_a_cache_reads_the_disk_once(tmp_path):
    store = FeatureStore(tmp_path, cache=True)
    name = store.open(Colour())
    store.put(name, "a", rows())
    assert store.get(name, "frames", "a").sum() == 12
    (tmp_path / name / "frames" / "a.npy").unlink()
    assert store.get(name, "frames", "a").sum() == 12
    with pytest.raises(FeatureError):
        FeatureStore(tmp_path).get(name, "frames", "a")


def test_text_is_keyed_by_its_hash(tmp_path):
    store = FeatureStore(tmp_path)
    name = store.open(Letters())
    (made,) = Letters()(["How many?"])
    store.put(name, text_key("How many?"), made)
    assert (tmp_path / name / "words" / f"{text_key('How many?')}.npy").is_file() and len(text_key("x")) == 40
