"""Published features beside ours: equal ones are found equal, and each usual mistake is named."""

import json

import numpy as np
import pytest

from lookhear.errors import FeatureError
from lookhear.store.features import FeatureStore
from lookhear.store.published import Published
from lookhear.store.verify import lowest, verify

DIM, ROWS, CLIPS = 12, 30, ("a", "b", "c", "d")
CARD = {"encoder": "toy", "weights": "0", "reads": "frames", "streams": {"frames": DIM, "layer": DIM, "patches": DIM}}


def signal(clip, seconds):
    """Smooth in time and different from clip to clip, with a part that all share, as features have."""
    rng = np.random.default_rng(sum(map(ord, clip)))
    speed, phase = rng.uniform(0.1, 0.5, (2, 4, DIM)), rng.uniform(0, 7, (4, DIM))
    waves = np.sin(np.asarray(seconds)[:, None, None] * speed[0] + phase) * rng.normal(size=(4, DIM))
    return waves.sum(1) + np.linspace(1, 3, DIM)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    made = FeatureStore(root)
    made.sign(CARD)
    for clip in CLIPS:
        frames = signal(clip, np.arange(ROWS) + 0.5)
        layer = np.tanh(frames @ np.random.default_rng(5).normal(size=(DIM, DIM)))
        patches = np.random.default_rng(6).normal(size=(ROWS, 3, DIM))
        made.put(
            "toy", clip, {"frames": frames.astype("f4"), "layer": layer.astype("f4"), "patches": patches.astype("f4")}
        )
    return made


def planted(store, tmp_path, change):
    """A copied folder of our features with `change(array, clip)` done to each."""
    for clip in CLIPS:
        array = change(store.get("toy", "frames", clip), clip)
        np.save(tmp_path / f"{clip}.npy", array.astype("f4"))
    return tmp_path


SHUFFLED = np.random.default_rng(3).permutation(ROWS)
MATRIX = np.random.default_rng(4).normal(size=(DIM, DIM))
MISTAKES = {
    "hop": lambda a, clip: signal(clip, 0.96 * np.arange(ROWS) + 0.5),
    "frame offset": lambda a, clip: np.concatenate([a[1:], a[-1:]]),
    "stride": lambda a, clip: a[::6],
    "unsorted order": lambda a, clip: a[SHUFFLED],
    "padding": lambda a, clip: np.concatenate([a[:22], np.repeat(a[21:22], 8, 0)]),
    "normalised": lambda a, clip: a / np.linalg.norm(a, axis=1, keepdims=True),
    "scale": lambda a, clip: a * 255,
    "projection": lambda a, clip: a @ MATRIX,
    "normalisation": lambda a, clip: (a - np.linspace(1, 3, DIM)) / np.linspace(0.2, 2, DIM),
    "last ReLU": lambda a, clip: np.maximum(a, 0),
    "other clips": lambda a, clip: signal(CLIPS[CLIPS.index(clip) - 1], np.arange(ROWS) + 0.5),
    "reversed": lambda a, clip: a[::-1],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_planted_mistake_is_found_and_named(store, tmp_path, mistake):
    found = verify(store, planted(store, tmp_path, MISTAKES[mistake]), "toy", "frames")
    assert len(found.differ) == len(CLIPS)
    assert found.cause and found.cause.name == mistake, found.cause


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s, c: s.get("toy", "layer", c), "'layer'"),
        (lambda s, c: s.get("toy", "patches", c)[:, 0], "first token of our 'patches'"),
        (lambda s, c: s.get("toy", "patches", c).mean(1), "mean over our 'patches'"),
    ],
)
def test_another_stream_or_layer_is_named(store, tmp_path, change, says):
    found = verify(store, planted(store, tmp_path, lambda a, c: change(store, c)), "toy", "frames")
    assert found.cause and found.cause.name == "other stream" and says in found.cause.says


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a, c: np.concatenate([a[:22], np.zeros((8, DIM))]), "zeros"),
        (lambda a, c: np.concatenate([a, np.zeros((5, DIM))]), "zeros"),
        (lambda a, c: a[:20], "cut"),
        (lambda a, c: np.concatenate([a[:2], a[:-2]]), "2 rows early"),
    ],
)
def test_the_kind_of_padding_and_offset_is_told(store, tmp_path, change, says):
    found = verify(store, planted(store, tmp_path, change), "toy", "frames")
    assert found.cause and says in found.cause.says, found.cause


def test_equal_features_are_equal_also_in_half_precision_or_with_a_batch_axis(store, tmp_path):
    found = verify(store, planted(store, tmp_path, lambda a, c: a.astype("f2")[None]), "toy", "frames")
    assert (found.differ, found.cause) == ((), None) and min(found.cosine.values()) > 0.9999
    assert lowest(np.zeros((2, 3)), np.zeros((2, 3))) == 1.0


def test_features_of_something_else_have_no_likely_cause(store, tmp_path):
    rng = np.random.default_rng(9)
    found = verify(store, planted(store, tmp_path, lambda a, c: rng.normal(size=a.shape)), "toy", "frames")
    assert len(found.differ) == 4 and found.cause is None


def test_one_wrong_clip_among_right_ones_is_named_alone(store, tmp_path):
    folder = planted(store, tmp_path, lambda a, c: a + (c == "c"))
    (folder / "c.npy").rename(folder / "c2.npy")
    found = verify(store, folder, "toy", "frames")
    assert (found.differ, found.only_ours, found.only_theirs) == ((), ("c",), ("c2",))
    np.save(folder / "b.npy", np.ones((ROWS, DIM), "f4"))
    assert verify(store, folder, "toy", "frames").differ == ("b",)


def test_h5_with_ids_and_with_one_set_per_clip(store, tmp_path):
    h5py = pytest.importorskip("h5py", reason="optional: only for published .h5 files")
    stack = np.stack([store.get("toy", "frames", c) for c in CLIPS])
    with h5py.File(tmp_path / "ids.h5", "w") as file:
        file["ids"], file["resnet_features"] = np.array([c.encode() for c in CLIPS[::-1]]), stack[::-1]
    with h5py.File(tmp_path / "each.h5", "w") as file:
        for clip, rows in zip(CLIPS, stack, strict=True):
            file[clip] = rows
    for name in ("ids", "each"):
        assert verify(store, tmp_path / f"{name}.h5", "toy", "frames").differ == ()
    with pytest.raises(FeatureError, match=r"Choose one: FILE\.h5:resnet_features"):
        len(Published(tmp_path / "ids.h5", "nope"))
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(FeatureError, match=r"bad\.h5: not readable"):
        len(Published(tmp_path / "bad.h5"))


def test_broken_nan_and_transposed_files_are_counted_and_the_others_compared(store, tmp_path):
    planted(store, tmp_path, lambda a, c: {"a": a.T, "b": np.where(a > 2, np.nan, a)}.get(c, a))
    (tmp_path / "c.npy").write_bytes(b"\x93NUMPY no")
    found = verify(store, tmp_path, "toy", "frames")
    assert found.differ == ("a", "b", "c") and found.cosine["d"] > 0.9999
    assert found.faults["a"].startswith("it is transposed") and found.cosine["a"] > 0.9999
    assert "NaN" in found.faults["b"] and "not readable" in found.faults["c"]


def test_the_command(store, tmp_path, lookhear):
    (tmp_path / "right").mkdir()
    (tmp_path / "wrong").mkdir()
    planted(store, tmp_path / "right", lambda a, c: a)
    planted(store, tmp_path / "wrong", MISTAKES["stride"])
    base = ["verify", store.root, tmp_path / "right"]
    done = lookhear(*base, "--features", "toy:frames")
    assert done.code == 0 and "4 of 4 clips equal" in done.out, done.err
    done = lookhear("verify", store.root, tmp_path / "wrong", "--features", "toy:frames")
    assert done.code == 1 and "likely cause: stride: theirs keep every 6th row" in done.out
    done = lookhear("verify", store.root, tmp_path / "wrong", "--features", "toy:frames", "--json")
    facts = json.loads(done.out)
    assert done.code == 1 and facts["cause"]["name"] == "stride" and facts["equal"] == 0 and facts["clips"] == 4
    for arguments, said in (
        (base, "Choose one: --features"),
        ([*base, "--features", "toy"], "has several streams"),
        ([*base, "--features", "toy:frame"], "no stream 'frame'"),
        ([*base, "--features", "toi:frames"], "No toi features"),
        (["verify", tmp_path, tmp_path], "No feature store"),
        (["verify", store.root, tmp_path, "--features", "toy:frames"], "They are in right, wrong"),
        ([*base, "--features", "toy:frames", "--tolerance", "2"], "--tolerance 2"),
    ):
        done = lookhear(*arguments)
        assert done.code == 2 and said in done.err and done.err.count("\n") == 1, done.err
