"""Published feature folders are served as they lie, and not mixed with our own."""

import numpy as np
import pytest

from lookhear.errors import FeatureError
from lookhear.store.batch import batch
from lookhear.store.features import FeatureStore
from lookhear.store.official import adopt
from lookhear.types import Clip, Example, Source
from tests.store.toy import Colour


@pytest.fixture
def vggish(tmp_path):
    folder = tmp_path / "vggish"
    folder.mkdir()
    for value, name in enumerate(("00000093", "00000094")):
        np.save(folder / f"{name}.npy", np.full((60, 128), value, np.float16))
    return folder


def test_a_folder_of_arrays_is_a_store(tmp_path, vggish):
    adopt(FeatureStore(tmp_path / "store"), "vggish", {"audio": vggish})
    store = FeatureStore(tmp_path / "store")
    assert store.card("vggish")["weights"] == "official" and sorted(store.keys("vggish")) == ["00000093", "00000094"]
    source = Source("00000094")
    one = [Example("1", "question_answering", Clip(source, source), "?")]
    got = batch(one, ("audio",), {"audio": "vggish"}, store)
    assert str(got.watch["audio"].dtype) == "torch.float32" and got.watch["audio"].shape == (1, 60, 128)
    assert got.watch["audio"].unique().tolist() == [1]
    with pytest.raises(FeatureError, match="No audio of '00000095'"):
        store.get("vggish", "audio", "00000095")


def test_what_cannot_be_adopted_says_why(tmp_path, vggish):
    store = FeatureStore(tmp_path / "store")
    with pytest.raises(FeatureError, match=r"No \.npy files"):
        adopt(store, "clip", {"frames": tmp_path})
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.npy").write_bytes(b"no")
    with pytest.raises(FeatureError, match="can be read"):
        adopt(store, "clip", {"frames": tmp_path / "bad"})
    store.open(Colour(name="vggish"))
    with pytest.raises(FeatureError, match="Adopt by another name"):
        adopt(store, "vggish", {"audio": vggish})
