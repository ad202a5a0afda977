"""Published features of every layout are adopted as they lie, looked over, trained on, and say what they are."""

import json
import tarfile
import zipfile

import numpy as np
import pytest

from lookhear.errors import FeatureError
from lookhear.store.features import FeatureStore
from lookhear.store.official import adopt
from lookhear.store.published import Published

CLIPS = [f"{i:08d}" for i in range(6)]


@pytest.fixture(scope="module")
def annotations(tmp_path_factory):
    """Six clips asked two questions each, as the official files have them."""
    root = tmp_path_factory.mktemp("annotations")
    for split, clips in (("train", CLIPS[:4]), ("val", CLIPS[4:5]), ("test", CLIPS[5:])):
        rows = [
            {
                "video_id": clip,
                "question_id": 10 * int(clip) + n,
                "type": '["Audio", "Counting"]',
                "question_content": text,
                "templ_values": "[]",
                "question_deleted": 0,
                "anser": answer,
            }
            for clip in clips
            for n, (text, answer) in enumerate([("Is there a voiceover?", "yes"), ("How many sound?", "two")])
        ]
        (root / f"avqa-{split}.json").write_text(json.dumps(rows))
    return root


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    rng = np.random.default_rng(0)
    for stream, shape in (("vggish", (12, 128)), ("clip", (12, 64)), ("maps", (12, 32, 3, 3))):
        (root / stream).mkdir()
        for clip in CLIPS:
            np.save(root / stream / f"{clip}.npy", np.abs(rng.normal(size=shape)).astype("f4"))
    (root / "qst").mkdir()
    for clip in CLIPS:
        for n in range(2):
            np.save(root / "qst" / f"{10 * int(clip) + n}.npy", np.full((1, 48), n, "f4"))
    return root


def packed(folder, path):
    files = sorted(folder.iterdir())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if "small" in path.name else zipfile.ZIP_STORED) as out:
            for file in files:
                out.write(file, f"{folder.name}/{file.name}")
    elif path.suffix == ".h5":
        h5py = pytest.importorskip("h5py", reason="h5py is not installed")
        with h5py.File(path, "w") as out:
            for file in files:
                out[f"features/{file.stem}"] = np.load(file)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as out:
            out.add(folder, folder.name)
    return path


@pytest.mark.parametrize("name", ["a.zip", "small.zip", "a.tar", "a.h5"])
def test_every_container_serves_the_same_arrays(published, tmp_path, name):
    path = packed(published / "vggish", tmp_path / name)
    files = Published.at(f"{path}:features" if name == "a.h5" else path)
    assert sorted(files) == CLIPS
    for clip in CLIPS:
        assert np.array_equal(files[clip], np.load(published / "vggish" / f"{clip}.npy"))


def test_what_no_container_can_be_says_why(published, tmp_path):
    with pytest.raises(FeatureError, match="Unpack it: tar -xf"):
        list(Published.at(packed(published / "vggish", tmp_path / "a.tar.gz")))
    with pytest.raises(FeatureError, match="They are in clip, maps"):
        list(Published.at(published))
    with pytest.raises(FeatureError, match="No features at"):
        list(Published.at(tmp_path / "none"))
    cut = packed(published / "vggish", tmp_path / "cut.tar")
    cut.write_bytes(cut.read_bytes()[: -30 * 1024])
    lost = Published.at(cut)
    with pytest.raises(FeatureError, match="not readable"):
        [lost[c] for c in lost]


def test_maps_become_patches_and_a_leading_one_is_dropped(published, tmp_path):
    store = FeatureStore(tmp_path)
    texts = {"question": {"k": "1"}}
    adopt(store, "one", {"patches": published / "maps", "question": published / "qst"}, texts=texts)
    raw = np.load(published / "maps" / f"{CLIPS[0]}.npy")
    got = store.get("one", "patches", CLIPS[0])
    assert got.shape == (12, 9, 32) and np.array_equal(got[3, 4], raw[3, :, 1, 1])
    assert store.get("one", "question", "k").shape == (48,)


def command(published, annotations, store, *more):
    places = ["--audio", published / "vggish", "--frames", published / "clip", "--question", published / "qst"]
    return ["adopt", "theirs", *places, "--dataset", "music_avqa", "--root", annotations, "--out", store, *more]


def test_adopted_features_train_evaluate_and_say_what_they_are(published, annotations, tmp_path, lookhear):
    ran = lookhear(*command(published, annotations, tmp_path / "store"))
    assert ran.code == 0, ran.err
    assert "audio: 6 arrays of (12, 128) float32" in ran.out and "likely VGGish" in ran.out
    assert "features.audio=theirs features.frames=theirs features.question=theirs" in ran.out
    recipe = ["train", "soundstage/gated", "data.name=music_avqa", f"data.root={annotations}", "--quiet"]
    recipe += [f"features.{s}=theirs" for s in ("audio", "frames", "question")]
    run = tmp_path / "run"
    ran = lookhear(*recipe, f"data.store={tmp_path / 'store'}", "train.epochs=1", f"out={run}")
    assert ran.code == 0, ran.err
    where = ["--dataset", "music_avqa", "--root", annotations, "--store", tmp_path / "store"]
    assert lookhear("evaluate", run, *where).code == 0
    ran = lookhear("ask", shared_clip(tmp_path), "Is there a voiceover", "--model", run)
    assert ran.code == 2 and "adopted features 'theirs': audio (128 wide" in ran.err and ran.err.count("\n") == 1


def shared_clip(tmp_path):
    from lookhear.media.write import write

    frames = [np.zeros((32, 32, 3), np.uint8)] * 16
    write(tmp_path / "new.mp4", frames, np.zeros(32000, np.float32), fps=8)
    return tmp_path / "new.mp4"


def test_what_is_wrong_is_said_counted_and_the_rest_is_served(published, annotations, tmp_path, lookhear):
    bad = tmp_path / "bad"
    bad.mkdir()
    for clip in CLIPS[:5]:  # the sixth is missing
        np.save(bad / f"{clip}.npy", np.load(published / "vggish" / f"{clip}.npy"))
    np.save(bad / f"{CLIPS[0]}.npy", np.full((12, 128), np.nan, "f4"))
    np.save(bad / f"{CLIPS[1]}.npy", np.zeros((128, 12), "f4"))
    (bad / f"{CLIPS[2]}.npy").write_bytes(b"no")
    np.save(bad / "stranger.npy", np.zeros((12, 128), "f4"))
    where = ["--dataset", "music_avqa", "--root", annotations, "--out", tmp_path / "store"]
    ran = lookhear("adopt", "theirs", "--audio", bad, *where, "--json")
    found = json.loads(ran.out)["audio"]
    assert ran.code == 1 and found["count"] == 6 and found["unasked"] == 1
    assert found["missing"] == {"test": [CLIPS[5]]}
    assert "NaN" in found["faults"][CLIPS[0]] and "transposed" in found["faults"][CLIPS[1]]
    assert "not readable" in found["faults"][CLIPS[2]]
    assert FeatureStore(tmp_path / "store").get("theirs", "audio", CLIPS[3]).shape == (12, 128)


def test_all_transposed_is_said_and_can_be_turned(published, tmp_path, lookhear):
    turned = tmp_path / "turned"
    turned.mkdir()
    for clip in CLIPS:
        np.save(turned / f"{clip}.npy", np.load(published / "vggish" / f"{clip}.npy").T)
    ran = lookhear("adopt", "a", "--audio", turned, "--out", tmp_path / "store")
    assert ran.code == 1 and "Adopt with --transposed" in ran.out
    assert lookhear("adopt", "b", "--audio", turned, "--out", tmp_path / "store", "--transposed").code == 0
    assert FeatureStore(tmp_path / "store").get("b", "audio", CLIPS[0]).shape == (12, 128)


def test_copies_stand_alone(published, tmp_path, lookhear):
    source = packed(published / "vggish", tmp_path / "a.zip")
    assert lookhear("adopt", "a", "--audio", source, "--out", tmp_path / "store", "--copy").code == 0
    source.unlink()
    assert FeatureStore(tmp_path / "store").get("a", "audio", CLIPS[1]).shape == (12, 128)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Nothing to adopt"),
        (["--question", "qst"], "give --dataset and --root"),
        (["--audio", "nowhere"], "No features at"),
        (["--audio", "maps"], "is not (time, dim)"),
    ],
)
def test_wrong_uses_are_one_line(published, tmp_path, lookhear, monkeypatch, arguments, said):
    monkeypatch.chdir(published)
    ran = lookhear("adopt", "x", *arguments, "--out", tmp_path / "store")
    assert ran.code == 2 and said in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "store").exists()
