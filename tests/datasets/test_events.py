"""AVE, LLP and UnAV-100: the real files with their counts and quirks, and faulty rows drawn here."""

import json

import pytest

from lookhear import datasets
from lookhear.datasets import ave, llp, unav_100
from lookhear.errors import LookhearError
from lookhear.evaluate.check.annotations import check
from lookhear.types import Segment
from tests.conftest import shared


def test_the_real_ave():
    root = shared("data", "ave")
    counts = {"train": 3339, "val": 402, "test": 402, "all": 4143, "Annotations_with_header.txt": 4143}
    found = {split: ave.read(root, split) for split in counts}
    assert {split: len(read.examples) for split, read in found.items()} == counts
    assert len({e.meta["video_id"] for e in found["all"].examples}) == 4097
    assert [(f.kind, f.line) for f in found["Annotations_with_header.txt"].faults] == [("no length", 28)]
    assert {e.reference.text for e in found["all"].examples} == set(ave.LABELS)
    assert (root / "categories.txt").read_text().split("\n")[:28] == list(ave.LABELS)
    clip = next(e for e in found["test"].examples if e.id == "-67UNKFmRLk")
    assert clip.reference.segments == (Segment("Violin, fiddle", 7, 10),) and clip.clip.video.path.suffix == ".mp4"
    leaks = [f for f in check("ave", root, media=False).findings if f.kind == "same video in two splits"]
    assert {f.split: f.count for f in leaks} == {"train and val": 10, "train and test": 8}


def test_the_real_llp():
    root = shared("data", "llp")
    found = {split: llp.read(root, split) for split in ("train", "val", "test", "full")}
    assert {k: len(v.examples) for k, v in found.items()} == {"train": 10000, "val": 649, "test": 1200, "full": 11849}
    assert not any(e.reference.segments for e in found["train"].examples)
    audio, visual = (llp.read_events(root / f"AVVP_eval_{s}.csv", s) for s in ("audio", "visual"))
    assert (audio.rows, visual.rows) == (4131, 2495) and not visual.faults
    assert [(f.kind, f.line) for f in audio.faults if f.kind == "malformed"] == [("malformed", 3770)], "9 to 0"
    orphans = [f for f in found["test"].faults if f.kind == "no such video"]
    kept = sum(len(e.reference.segments) for s in ("val", "test") for e in found[s].examples)
    assert kept + len(orphans) + 1 == 4131 + 2495, "nothing is silently dropped"
    broken = llp.read_events(root / "AVVP_eval_audio.malformed.csv", "audio")
    assert [f.line for f in broken.faults if f.kind == "malformed"] == [930, 931, 2449, 3770]
    clip = next(e for e in found["test"].examples if e.id == "6aV6c8mY0lg_30_40")
    assert clip.clip.video.path.name == "6aV6c8mY0lg.mp4"
    assert [(s.start, s.end) for s in clip.reference.segments if s.stream == "visual"] == [(0, 1), (3, 6), (9, 10)]


def test_the_real_unav():
    root = shared("data", "unav100")
    found = {split: unav_100.read(root, split) for split in ("train", "val", "test")}
    assert {k: len(v.examples) for k, v in found.items()} == {"train": 6489, "val": 2134, "test": 2167}
    assert sum(len(e.reference.segments) for v in found.values() for e in v.examples) == 30059
    assert not any(v.faults for v in found.values())
    clip = next(e for e in found["train"].examples if e.id == "--HuBNHXu9I")
    assert [s.end for s in clip.reference.segments] == [10.23497, 26.23497, 60] and clip.clip.video.path


def test_ave_rows_that_are_wrong(tmp_path):
    rows = ["Bark&aaaaaaaaaaa&good&0&4", "Barking&b&good&0&4", "Bark&c&good&4&11", "Bark&d&good", "Bark&e&good&x&4"]
    (tmp_path / "testSet.txt").write_text("\n".join(rows))
    found = ave.read(tmp_path, "test")
    assert [e.id for e in found.examples] == ["aaaaaaaaaaa"] and [f.line for f in found.faults] == [2, 3, 4, 5]
    assert "'Barking' is none of the 28" in found.faults[0].why and found.faults[2].text == "Bark&d&good"
    with pytest.raises(LookhearError, match=r"No split 'val' of ave .* There are: test\."):
        ave.read(tmp_path, "val")


def test_llp_events_of_one_video_come_together(tmp_path):
    (tmp_path / "AVVP_val_pd.csv").write_text("filename\tevent_labels\naaaaaaaaaaa_8.5_18.5\tDog,Cat\nshort_1_2\tDog\n")
    with pytest.raises(LookhearError, match=r"No AVVP_eval_audio.csv beside AVVP_val_pd.csv"):
        llp.read(tmp_path, "val")
    head = "filename\tonset\toffset\tevent_labels\n"
    (tmp_path / "AVVP_eval_audio.csv").write_text(head + "aaaaaaaaaaa_8.5_18.5\t0\t4\tDog\nother_1_2\t0\t1\tDog\n")
    (tmp_path / "AVVP_eval_visual.csv").write_text(head + "aaaaaaaaaaa_8.5_18.5\t9\t9\tCat\nshort_1_2\t0\t11\tDog\n")
    found = llp.read(tmp_path, "val")
    assert found.examples[0].reference.segments == (Segment("Dog", 0, 4, "audio"), Segment("Cat", 9, 9, "visual"))
    assert [f.kind for f in found.faults] == ["odd id", "no such video", "no length", "malformed"]


def test_unav_entries_that_are_wrong(tmp_path):
    def entry(**changes):
        event = {"segment": [0, 2.5], "label": "dog barking", "label_id": 12}
        return {"duration": 4, "subset": "validation", "annotations": [event]} | changes

    database = {
        "a": entry(),
        "b": entry(subset="test"),
        "c": entry(annotations=[{"segment": [3, 9], "label": "dog barking"}]),
        "d": entry(subset="spare"),
    }
    (tmp_path / unav_100.FILE).write_text(json.dumps({"version": "1", "database": database}, indent=1))
    found = unav_100.read(tmp_path, "val")
    assert [e.id for e in found.examples] == ["a"] and found.rows == 3
    assert "3.0 to 9.0 is not a stretch of 4.0 seconds" in found.faults[0].why and "'spare'" in found.faults[1].why
    assert found.faults[0].line > found.examples[0].meta["line"] > 1
    assert len(datasets.load("unav_100", tmp_path, "test")) == 1
    (tmp_path / unav_100.FILE).write_text('{"database": {"a": {"duration": 4')
    assert "not JSON" in unav_100.read(tmp_path, "val").faults[0].why
