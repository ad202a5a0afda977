"""MUSIC-AVQA and its kin: rows as they really are, on files drawn here and on the real ones."""

import json
import logging

import pytest

from lookhear import datasets
from lookhear.datasets import fortis_avqa, music_avqa, music_avqa_v2
from lookhear.datasets.reading.declarative import SENTENCES, declarative
from lookhear.errors import LookhearError
from tests.conftest import shared


def row(id: int | None = 1, **changes) -> dict:
    return {
        "video_id": "00000001",
        "question_id": id,
        "type": '["Audio-Visual", "Temporal"]',
        "question_content": "Which <Object> makes the sound <FL>?",
        "templ_values": '["violin", "last"]',
        "question_deleted": 0,
        "anser": "left",
    } | changes


def write(path, rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=2))


def test_a_row_becomes_an_example(tmp_path):
    write(tmp_path / "json_update/avqa-val.json", [row()])
    (tmp_path / "MUSIC-AVQA-videos-Real").mkdir()
    (tmp_path / "MUSIC-AVQA-videos-Real/00000001.mp4").touch()
    (example,) = datasets.load("music_avqa", tmp_path, "val")
    assert (example.id, example.question) == ("1", "Which violin makes the sound last")
    assert example.kind == ("Audio-Visual", "Temporal") and example.reference.text == "left"
    assert example.meta["template"].startswith("Which <Object>") and example.meta["line"] == 2
    assert example.clip.video.path.name == "00000001.mp4" and example.clip.audio.path == example.clip.video.path


def test_a_sound_file_serves_where_there_is_no_video(tmp_path):
    write(tmp_path / "avqa-test.json", [row(), row(2, video_id="00000002")])
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/00000001.mp3").touch()
    first, second = datasets.load("music_avqa", tmp_path, "test")
    assert first.clip.video.path is None and first.clip.audio.path.name == "00000001.mp3"
    assert second.clip.audio.path is None


def test_versions_lie_in_their_own_folders(tmp_path):
    write(tmp_path / "json/avqa-test.json", [row(anser="right"), row(anser="left")])
    write(tmp_path / "json_update/avqa-test.json", [row()])
    assert len(datasets.load("music_avqa@update", tmp_path, "test")) == 1
    original = datasets.load("music_avqa@original", tmp_path, "test")
    assert [e.id for e in original] == ["1", "1#2"] and [e.meta["question_id"] for e in original] == [1, 1]
    assert len(datasets.load("music_avqa@original", tmp_path / "json", "test")) == 2
    with pytest.raises(LookhearError, match=r"No version of music_avqa is called 'updated'. Did you mean 'update'\?"):
        datasets.load("music_avqa@updated", tmp_path, "test")
    with pytest.raises(LookhearError, match=r"No split 'tests' .* There are: test\."):
        datasets.load("music_avqa", tmp_path, "tests")


def test_malformed_rows_are_quoted_and_the_rest_is_read(tmp_path, caplog):
    good, no_type, few = row(1), row(2), row(3, templ_values="[]")
    del no_type["type"]
    write(tmp_path / "avqa-test.json", [good, no_type, few, row(4, anser=None), row(5)])
    found = music_avqa.read(tmp_path, "test")
    assert [e.id for e in found.examples] == ["1", "5"] and found.rows == 5
    assert [(f.line, f.kind) for f in found.faults] == [(11, "malformed"), (19, "malformed"), (28, "malformed")]
    assert "no key 'type'" in found.faults[0].why and "2 slots but 0 values" in found.faults[1].why
    assert '"question_id": 2' in found.faults[0].text
    with caplog.at_level(logging.WARNING, "lookhear"):
        assert len(datasets.load("music_avqa", tmp_path, "test")) == 2
    assert "3 of 5 rows left out" in caplog.text


def test_broken_json_costs_one_row(tmp_path):
    lines = [json.dumps(row(n)) for n in range(4)]
    lines[1] = lines[1].replace('"anser": ', '"anser": left', 1)
    (tmp_path / "avqa-test.json").write_text("[\n" + ",\n".join(lines) + "\n]")
    found = music_avqa.read(tmp_path, "test")
    assert [e.id for e in found.examples] == ["0", "2", "3"]
    assert found.faults[0].line == 3 and "not JSON" in found.faults[0].why


@pytest.mark.parametrize("text", ["", "{}", "video_id,question", "\x00\xff"])
def test_what_is_no_annotation_file_is_one_line(tmp_path, text):
    (tmp_path / "avqa-test.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(LookhearError, match=r"avqa-test.json: not .*Is this the annotation file\?"):
        datasets.load("music_avqa", tmp_path, "test")


def test_v2_reads_what_pandas_left(tmp_path):
    rows = [row(47859.0), row(None, templ_values=["violin", "last"], unmatch_audio="00000009"), row(None)]
    del rows[2]["question_id"]
    write(tmp_path / "balance_valid.json", rows)
    found = music_avqa_v2.read(tmp_path, "val")
    assert [e.id for e in found.examples] == ["47859", "row2", "row3"]
    assert [f.kind for f in found.faults] == ["no question id"] * 2
    assert found.examples[1].meta["unmatch_audio"] == "00000009" and found.examples[1].meta["question_id"] is None
    assert sorted(music_avqa_v2.VOCABULARY) == sorted(music_avqa.VOCABULARY) != list(music_avqa_v2.VOCABULARY)


def test_rephrasings_keep_their_last_letter_and_their_id(tmp_path):
    rows = [row(7, question_content=q) for q in ("Which violin plays last?", "Which violin ends last", "Last violin？")]
    for one in rows:
        del one["templ_values"]
    write(tmp_path / "avqa-test-tail.json", rows)
    found = datasets.load("music_avqa_r", tmp_path, "tail")
    assert [e.question for e in found] == ["Which violin plays last", "Which violin ends last", "Last violin"]
    assert [e.id for e in found] == ["7", "7#2", "7#3"] and {e.meta["question_id"] for e in found} == {7}
    assert {e.meta["part"] for e in found} == {"tail"}


def test_fortis_rows_say_their_part(tmp_path):
    rows = [row(n, question_content="Is it last?", split=part, x=0.8) for n, part in enumerate(["head", "tail", "hed"])]
    write(tmp_path / "fortisavqa.json", rows)
    assert [e.id for e in datasets.load("fortis_avqa", tmp_path, "tail")] == ["1"]
    found = fortis_avqa.read(tmp_path, "test")
    assert len(found.examples) == 2 and "split 'hed' is neither head nor tail" in found.faults[0].why
    assert found.examples[0].meta["share"] == 0.8


def test_declarative_sentences():
    assert declarative("What is the <LR> instrument of the <FL> sounding instrument?", ["left", "first"]) == (
        "There are musical instruments on the left that are not being played."
    )
    assert "on the first" in declarative(
        "What is the <LR> instrument of the <FL> sounding instrument?", ["left", "first"], released=True
    )
    assert declarative("How many sounding <Object> in the video？", ["cello"], released=True) == "e"
    with pytest.raises(LookhearError, match="none of MUSIC-AVQA's 33 templates"):
        declarative("Who is it?", [])
    assert len(SENTENCES) == 33


def test_the_real_files():
    root = shared("data", "music_avqa")
    assert len(datasets.load("music_avqa", root, "test")) == 9129
    assert len(datasets.load("music_avqa", root, "val")) == 4568
    assert len(datasets.load("music_avqa", root, "train_partial")) == 26589
    original = datasets.load("music_avqa@original", root, "val")
    assert len(original) == 4595 and sum("#" in e.id for e in original) == 27
    test = datasets.load("music_avqa", root, "test")
    assert len({e.question for e in test}) == 1298
    assert {e.reference.text for e in test} == set(music_avqa.VOCABULARY) - {"ten"}
    said = [declarative(e.meta["template"], e.meta["templ_values"], released=True) for e in test]
    assert said.count("e") == 1016


def test_the_real_v2_files():
    root = shared("data", "music_avqa_v2")
    test, val = (music_avqa_v2.read(root, split) for split in ("test", "val"))
    assert (len(test.examples), len(test.faults)) == (10819, 1724)
    assert (len(val.examples), len(val.faults)) == (5346, 826)
    index = json.loads((root / "answer2idx.json").read_text())["ans2ix"]
    assert tuple(sorted(index, key=index.get)) == music_avqa_v2.VOCABULARY
