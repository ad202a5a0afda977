"""One bad clip costs itself: whatever it throws, whatever it is called; the ledger tells it once."""

import json
import multiprocessing

import numpy as np
import pytest

from lookhear import files
from lookhear.errors import FileError
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore, key_of
from lookhear.types import BLANK, Clip, Source
from tests.media.clips import clip, record
from tests.store.toy import Colour

TIMES = [k / 10 for k in range(20)]


class Touchy(Colour):
    """Throws what no encoder should, at one clip."""

    def __call__(self, items):
        if any(item.duration > 2.4 for item in items):
            raise MemoryError("a tensor of 60 GB")
        return super().__call__(items)


@pytest.fixture
def good(tmp_path):
    return record(tmp_path / "good.mp4", TIMES)


def lines(store):
    path = store.root / "ledger.jsonl"
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line] if path.exists() else []


def test_names_that_are_no_names_and_errors_that_are_no_ours(tmp_path, good):
    long = record(tmp_path / "long.mp4", [k / 10 for k in range(30)])
    sources = [
        Source("good", good),
        Source("x" * 300, good),
        Source("half\ud83dcharacter", good),
        Source("", good),
        Source("line\u2028end\nand\x1b[31mred", good),
        Source("throws", long),
        Source("missing\udcff", tmp_path / "nothing.mp4"),
    ]
    store = FeatureStore(tmp_path / "store")
    clips = [Clip(s, s) for s in sources]
    first = extract(clips, [Touchy()], store)
    assert first.made == 3
    assert {name for name, _ in first.failed} == {"x" * 300, "", "throws", "missing\udcff"}
    assert dict(first.failed)["throws"] == "MemoryError: a tensor of 60 GB"
    assert store.has("toy_colour", "half\ud83dcharacter")
    assert "half\ud83dcharacter" in set(store.keys("toy_colour"))
    before = lines(store)
    again = extract(clips, [Touchy()], store)
    assert (again.made, again.kept, len(again.failed)) == (0, 3, 4)
    assert lines(store) == before, "reruns add nothing"
    assert {line["clip"] for line in before} == {name for name, _ in first.failed}


def test_a_torn_ledger_is_gone_on_with_and_what_is_mended_leaves_it(tmp_path, good):
    store = FeatureStore(tmp_path / "store")
    lost = Source("lost", tmp_path / "lost.mp4")
    extract([Clip(lost, lost)], [Colour()], store)
    with (store.root / "ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"clip": "to\xe2\x80\xa8rn", "rea')
    other = Source("other", tmp_path / "other.mp4")
    extract([Clip(other, other)], [Colour()], store, shard=(0, 2))
    assert [line["clip"] for line in map(json.loads, _whole(store))] == ["lost", "other"]
    good.rename(tmp_path / "lost.mp4")
    extract([Clip(lost, lost)], [Colour()], store)
    assert [line["clip"] for line in lines(store)] == ["other"]


def _whole(store):
    found = []
    for line in (store.root / "ledger.jsonl").read_bytes().split(b"\n"):
        try:
            json.loads(line)
            found.append(line)
        except ValueError:
            continue
    return found


def test_a_clip_called_blank_has_features_of_its_own(tmp_path, good):
    store = FeatureStore(tmp_path / "store")
    blank = Source("blank", good)
    assert extract([Clip(blank, blank)], [Colour()], store).made == 1
    black = store.get("toy_colour", "frames", BLANK.id)
    own = store.get("toy_colour", "frames", key_of("blank"))
    assert not black.any()
    assert own.any()
    assert key_of("=blank") != key_of("blank") != BLANK.id
    assert key_of("blanket") == "blanket"


def test_features_do_not_depend_on_the_number_of_threads(tmp_path, good):
    import torch

    threads = []

    class Counting(Colour):
        def __call__(self, items):
            threads.append(torch.get_num_threads())
            return super().__call__(items)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        extract([clip(good)], [Counting()], FeatureStore(tmp_path / "store"))
        assert set(threads) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _hold(folder, ready, done):
    with files.claim(folder):
        ready.set()
        done.wait(60)


def test_a_second_process_is_refused_or_waits_and_a_dead_one_holds_nothing(tmp_path, good):
    store, context = FeatureStore(tmp_path / "store"), multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(store.root / ".claims" / "0-of-1", ready, done))
    holder.start()
    ready.wait(60)
    with pytest.raises(FileError, match=f"process {holder.pid}"):
        extract([clip(good)], [Colour()], store)
    assert extract([clip(good)], [Colour()], store, shard=(0, 2)).made == 1, "another shard is free"
    holder.kill()
    holder.join()
    assert extract([clip(good)], [Colour()], store).kept == 1
    assert np.isfinite(store.get("toy_colour", "frames", "good")).all()
