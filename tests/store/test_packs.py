"""Packed features are read as single files are; a kill between two steps, a later clip and damage lose nothing else."""

import json
import shutil
import zipfile

import numpy as np
import pytest

from lookhear.errors import FeatureError
from lookhear.store import packs
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from tests.store.toy import Colour, Loudness


def contents(store):
    """What a reader finds, whole."""
    found = {}
    for name, streams in (("toy_colour", ("frames", "patches")), ("toy_loudness", ("audio",))):
        for key in sorted(store.keys(name)):
            for stream in streams:
                array, absent = store.look(name, stream, key)
                found[name, stream, key] = array.tobytes(), array.dtype.str, array.shape, absent
    return found


@pytest.fixture
def filled(clips, tmp_path):
    store = FeatureStore(tmp_path / "store")
    assert extract(clips.values(), [Colour(), Loudness()], store).made == 3
    return store


def test_a_packed_store_reads_as_before(filled, clips):
    before = contents(FeatureStore(filled.root))
    open_reader = FeatureStore(filled.root)  # one that looked before
    assert contents(open_reader) == before and any(absent for *_, absent in before.values())
    moved = packs.pack_store(filled.root, per_shard=2)
    assert moved == {"toy_colour/frames": 4, "toy_colour/patches": 4, "toy_loudness/audio": 4}
    single = [p for end in packs.ENDS for p in filled.root.rglob(f"*{end}")]
    assert single == []
    assert contents(open_reader) == contents(FeatureStore(filled.root)) == before
    tally = extract(clips.values(), [Colour(), Loudness()], FeatureStore(filled.root))
    assert (tally.made, tally.kept) == (0, 3)


def test_what_comes_later_is_packed_later_and_the_bytes_do_not_depend_on_when(clips, tmp_path):
    early, late = FeatureStore(tmp_path / "early"), FeatureStore(tmp_path / "late")
    extract(list(clips.values())[:2], [Colour()], early)
    packs.pack_store(early.root, per_shard=100)
    extract(clips.values(), [Colour()], early)
    assert len(list(early.root.rglob("*.npy"))) == 2
    assert packs.pack_store(early.root) == {"toy_colour/frames": 1, "toy_colour/patches": 1}
    extract(clips.values(), [Colour()], late)
    packs.pack_store(late.root, per_shard=100)
    for path in early.root.rglob("pack-*.zip"):
        assert path.read_bytes() == (late.root / path.relative_to(early.root)).read_bytes()
    assert packs.pack_store(early.root) == {"toy_colour/frames": 0, "toy_colour/patches": 0}


def test_killed_between_a_shard_and_its_files_nothing_is_lost(filled, monkeypatch):
    before = contents(FeatureStore(filled.root))
    spare = filled.root.with_name("spare")
    shutil.copytree(filled.root, spare)
    packs.pack_store(filled.root, per_shard=2)
    shutil.copytree(spare, filled.root, dirs_exist_ok=True)  # the shards are there, the files are not yet removed
    assert contents(FeatureStore(filled.root)) == before
    packs.pack_store(filled.root)
    assert contents(FeatureStore(filled.root)) == before


@pytest.mark.parametrize("damage", ["cut", "text", "member", "compressed", "marker"])
def test_damage_is_one_line(filled, damage):
    packs.pack_store(filled.root, per_shard=100)
    folder = filled.root / "toy_colour" / "frames"
    (shard,) = folder.glob("pack-*.zip")
    content = shard.read_bytes()
    if damage == "cut":
        shard.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        shard.write_text("not a shard")
    elif damage == "member":
        shard.write_bytes(content.replace(b"\x93NUMPY", b"\x93NUMPX"))
    elif damage == "compressed":
        with zipfile.ZipFile(shard, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("red.npy", content)
    else:
        (folder / packs.MARKER).write_text(json.dumps({"shards": -1}))
    with pytest.raises(FeatureError) as error:
        FeatureStore(filled.root).get("toy_colour", "frames", "red")
    assert ("\n" not in str(error.value) and "packs.json" in str(error.value)) or "damaged" in str(error.value)


def test_what_is_not_there_is_said(filled, tmp_path):
    with pytest.raises(FeatureError, match="No features in"):
        packs.pack_store(tmp_path / "nowhere")
    with pytest.raises(FeatureError, match=r"No clip features in .* There are: toy_colour, toy_loudness"):
        packs.pack_store(filled.root, ["clip"])
    packs.pack_store(filled.root)
    with pytest.raises(FeatureError, match="No toy_colour features for 'green'"):
        FeatureStore(filled.root).get("toy_colour", "frames", "green")
    assert np.isfinite(FeatureStore(filled.root).get("toy_colour", "frames", "blue")).all()
