"""Many test sets in one table: Crab+'s columns and printed rows, ours beside them, what is not there said."""

import json

import numpy as np
import pytest
from PIL import Image

from lookhear.errors import DatasetError, MediaError, RecipeError
from lookhear.evaluate import many
from lookhear.evaluate import report as reports
from lookhear.evaluate.run import run
from tests.evaluate.oracles import Oracle

LATER = "Crab+"


@pytest.fixture
def data(tmp_path):
    """AVE's and AVSBench's own layouts, a few rows each."""
    (tmp_path / "ave").mkdir()
    (tmp_path / "ave/testSet.txt").write_text("Bark&aaaaaaaaaaa&good&0&4\nCat&bbbbbbbbbbb&good&2&9\n")
    folder = tmp_path / "avsbench/v1s/u_1"
    for name in ("frames", "labels_semantic"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "avsbench/metadata.csv").write_text("vid,uid,s_min,s_sec,a_obj,split,label\nu,u_1,0,0,dog,test,v1s\n")
    for frame in range(5):
        mask = np.zeros((90, 160), np.uint8)
        mask[20 : 60 + frame, 30:90] = 17
        Image.fromarray(mask).save(folder / f"labels_semantic/{frame}.png")
    return tmp_path


def asked(asked, examples):
    return reports.report(examples, run(Oracle(), examples), {"model": "oracle"}, resamples=20)


def test_the_printed_table_is_whole():
    rows = many.printed()
    assert len(many.columns()) == 26 and len(rows[LATER]) == 26, "Crab+ has every number of its own table"
    assert rows[LATER]["MUSIC-AVQA/ACC"] == "81.09" and rows[LATER]["VGG-CM/V-A"] == "76.97"
    assert rows["Crab"]["ARIG/AUC"] == "42.00" and "KS/ACC" not in rows["Crab"]
    assert list(many.names()) == [c.column for c in many.columns()]


def test_ours_beside_theirs(data):
    found, missing = many.ask_all(many.test_sets("all", data), asked)
    assert [a.dataset for a in found] == ["ave", "avsbench@s4"] and len(missing) == 15
    ours = many.rows(found, "oracle")
    assert ours["oracle"]["AVE/ACC"] == ours["oracle"]["S4/J"] == ours["oracle"]["S4/F"] == "100.00"
    assert ours["  not read, %"]["AVE/ACC"] == "0.00" and " to " in ours["  95 % interval"]["AVE/ACC"]
    for format, cell in (("text", "83.58"), ("markdown", " 83.58 |"), ("csv", "83.58,"), ("latex", "& 83.58 &")):
        shown = many.table(ours, format)
        assert cell in shown and shown.count("oracle") == 1
    assert "83.58" not in many.table(ours, others=False) and "MUSIC" not in many.table(ours, others=False)
    assert r"\multicolumn{2}{c}{S4}" in many.table(ours, "latex")


def test_a_set_without_media_is_left_out(data):
    def deaf(one, examples):
        if one.dataset == "ave":
            raise MediaError("'a' has no file, only a name.")
        return asked(one, examples)

    found, missing = many.ask_all(many.test_sets("ave,avsbench@s4", data), deaf)
    assert [a.dataset for a in found] == ["avsbench@s4"] and list(missing.values()) == ["'a' has no file, only a name."]


def test_sets_of_ones_own(data):
    (data / "mine.yaml").write_text("- {dataset: ave, root: ave}\n- {dataset: ave, split: test, root: ave}\n- ave\n")
    listed = many.test_sets(str(data / "mine.yaml"), data)
    assert {(a.dataset, a.split, a.root) for a in listed} == {("ave", "test", data / "ave")}
    assert many.test_sets("soundstage@event, ave", data)[0] == many.Asked("soundstage@event", "test", data)
    report = asked(None, many.examples_of(listed[0]))
    assert many.of_set(many.Asked("soundstage@event", "test", data), report)[0].column == "soundstage@event/accuracy"
    assert len(many.examples_of(many.Asked("avsbench@s4", "test", data / "avsbench"), limit=2)) == 2


def test_what_cannot_be_meant(data, tmp_path):
    with pytest.raises(RecipeError, match="No list of datasets"):
        many.test_sets("nowhere.yaml", data)
    for text, said in (("a: 1", "not a list"), ("- {root: x}", "is not a dataset's name"), ("- [", "not readable")):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(RecipeError, match=said):
            many.test_sets(str(tmp_path / "bad.yaml"), data)
    with pytest.raises(RecipeError, match="Did you mean 'ave'"):
        many.test_sets("avee", data)
    with pytest.raises(RecipeError, match="No dataset in"):
        many.test_sets(" , ", data)
    with pytest.raises(DatasetError, match="None of the 1 test sets is there"):
        many.ask_all(many.test_sets("llp", data), asked)


def test_masks_come_at_one_size_and_words_with_questions(data):
    (first, *_) = many.examples_of(many.Asked("avsbench@s4", "test", data / "avsbench"))
    assert first.reference.regions[0].mask.shape == many.PIXELS
    (data / "music_avqa").mkdir()
    record = {"video_id": "v", "question_id": 1, "type": '["Audio", "Counting"]', "question_content": "How many?",
              "templ_values": "[]", "question_deleted": 0, "anser": "two"}  # fmt: skip
    (data / "music_avqa/avqa-test.json").write_text(json.dumps([record]))
    (one,) = many.examples_of(many.Asked("music_avqa", "test", data / "music_avqa"))
    assert "two" in one.meta["labels"]
