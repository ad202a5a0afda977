"""Features of another kind, rank, length or byte order, and cards of another shape: one line each, no memory taken."""

import io
import tracemalloc

import numpy as np
import pytest

from lookhear.errors import FeatureError
from lookhear.store.batch import batch
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Clip, Example, Source
from tests.store.toy import Colour

ONES = np.ones((3, 3), np.float32)


def npy(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def claiming(shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.fixture
def store(tmp_path):
    found = FeatureStore(tmp_path / "store")
    found.open(Colour())
    found.put("toy_colour", "a", {"frames": ONES, "patches": np.ones((3, 2, 3), np.float32)})
    return found


def served(root):
    one = Example("1", "question_answering", Clip(Source("a"), Source("a")), "q", Answer("x"))
    return batch([one], ["frames"], {"frames": "toy_colour"}, FeatureStore(root)).watch["frames"]


@pytest.mark.parametrize("array", [ONES.astype(">f4"), ONES.astype(np.float16), np.asfortranarray(ONES)])
def test_the_same_numbers_written_otherwise_are_the_same(store, array):
    (store.root / "toy_colour" / "frames" / "a.npy").write_bytes(npy(array))
    assert np.array_equal(served(store.root)[0].float().numpy(), ONES)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04aaaa",
        npy(ONES)[:-5],
        npy(ONES)[:40],
        claiming("(10000000000, 3)"),
        claiming("(3, -3)"),
        claiming("__import__('os')"),
        *map(npy, [ONES[:, 0], ONES[0, 0], ONES[:0], ONES[None], ONES[:, :2], ONES * np.nan, ONES * np.inf]),
        *map(npy, [ONES.astype(np.int64), ONES.astype(complex), ONES.astype(str), ONES.astype(object)]),
        *map(npy, [np.full((3, 3), 1e300), np.zeros((3, 3), "M8[s]"), np.zeros(3, [("x", "f4")])]),
    ],
)
def test_what_are_no_features_of_that_stream_are_refused(store, content):
    (store.root / "toy_colour" / "frames" / "a.npy").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(FeatureError) as caught:
        served(store.root)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert "lookhear extract toy_colour" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "3", "null", "", "{}", "[" * 50_000, '"card"', '{"encoder": "toy_colour"}'),
        *('{"encoder": "toy_colour", "streams": ["frames"], "reads": "frames"}',),
        *('{"encoder": "toy_colour", "streams": {"frames": NaN}, "reads": "frames"}',),
        *('{"encoder": "toy_colour", "streams": {"frames": "3"}, "reads": "frames"}',),
        *('{"encoder": "toy_colour", "streams": {"frames": -3}, "reads": "frames"}',),
        *('{"encoder": "toy_colour", "streams": {"frames": 3}, "reads": "smells"}',),
        *('{"encoder": "toy_colour", "streams": {"frames": 3}, "reads": {"frames": ["x"]}}',),
    ],
)
def test_a_card_of_another_shape_is_refused(store, text):
    (store.root / "toy_colour" / "card.json").write_text(text)
    for work in (
        lambda: FeatureStore(store.root).look("toy_colour", "frames", "a"),
        lambda: FeatureStore(store.root).open(Colour()),
        lambda: list(FeatureStore(store.root).keys("toy_colour")),
    ):
        with pytest.raises(FeatureError) as caught:
            work()
        assert "\n" not in str(caught.value)
