"""Filling a template is the official code's, letter for letter; a written folder reads back as Examples."""

import json

import pytest

from lookhear import datasets
from lookhear.datasets import soundstage
from lookhear.datasets.reading import templates
from lookhear.errors import DatasetError
from lookhear.types import Segment
from tests.conftest import shared


@pytest.mark.parametrize(
    ("content", "values", "filled"),
    [
        ("Where is the performance?", "[]", "Where is the performance"),
        ("How many sounding <Object> in the video？", '["violin"]', "How many sounding violin in the video"),
        ("Are there <Object> and <Object> sound? ", ["flute", "tuba"], "Are there flute and tuba sound"),
        ("Is the <Object> louder than the <Object>?", ["erhu", "pipa"], "Is the erhu louder than the pipa"),
        ("Which instrument makes sounds <BA> the <Object>?", ["before", "suona"], None),
        ("Is there a <Object> sound?", ["acoustic_guitar", "left over"], "Is there a acoustic_guitar sound"),
        ("no mark at the end", "[]", "no mark at the en"),  # the official code's own quirk, kept
    ],
)
def test_fill(content, values, filled):
    assert templates.fill(content, values) == (filled or "Which instrument makes sounds before the suona")


def test_fill_refuses_too_few_values():
    with pytest.raises(DatasetError, match="2 slots but 1"):
        templates.fill("Are there <Object> and <Object> sound? ", ["flute"])
    with pytest.raises(DatasetError, match="templ_values"):
        templates.fill("Is there a <Object> sound?", "flute")


def test_answers_are_the_official_42_in_order():
    assert len(set(templates.ANSWERS)) == 42
    official = shared("data", "music_avqa", "ans_vocab.txt").read_text("utf-8").split("\n")
    assert [a.strip() for a in official if a.strip()] == list(templates.ANSWERS)


def folder(root, media=True):
    record = {
        "video_id": "00000007",
        "question_id": 3,
        "type": '["Audio", "Counting"]',
        "question_content": "Is there a <Object> sound?",
        "templ_values": '["flute"]',
        "question_deleted": 0,
        "anser": "yes",
    }
    (root / "json").mkdir()
    (root / "json" / "avqa-test.json").write_text(json.dumps([record]))
    (root / "json" / "evidence-test.json").write_text(json.dumps({"3": [[1.0, 2.5, "flute", "audio"]]}))
    if media:
        (root / "videos").mkdir()
    return root


def test_load(tmp_path):
    (one,) = soundstage.load(folder(tmp_path))
    assert (one.id, one.question, one.kind) == ("3", "Is there a flute sound", ("Audio", "Counting"))
    assert one.reference.text == "yes" and one.reference.segments == (Segment("flute", 1.0, 2.5, "audio"),)
    assert one.clip.id == "00000007" and one.clip.video.path == tmp_path / "videos" / "00000007.mp4"
    assert one.meta["template"] == "Is there a <Object> sound?" and one.meta["templ_values"] == ("flute",)


def test_load_without_media(tmp_path):
    assert soundstage.load(folder(tmp_path, media=False))[0].clip.video.path is None


def test_load_explains_what_is_wrong(tmp_path):
    with pytest.raises(DatasetError, match="lookhear soundstage"):
        soundstage.load(tmp_path)
    folder(tmp_path)
    with pytest.raises(DatasetError, match="There are: test"):
        soundstage.load(tmp_path, "tset")
    (tmp_path / "json" / "avqa-test.json").write_text("[{")
    with pytest.raises(DatasetError, match="not readable as JSON"):
        soundstage.load(tmp_path)
    (tmp_path / "json" / "avqa-test.json").write_text('[{"video_id": "1"}]')
    with pytest.raises(DatasetError, match="not in MUSIC-AVQA's format"):
        soundstage.load(tmp_path)


@pytest.mark.parametrize("content", ["null", "3", "[null]", '[{"id": 1}]', '{"a": 1}'])
def test_annotations_of_another_shape_are_one_line(tmp_path, content):
    (folder(tmp_path) / "scenes.jsonl").write_text("")
    (tmp_path / "json" / "twins-train.json").write_text(content)
    with pytest.raises(DatasetError, match="damaged, or of another shape") as caught:
        datasets.load("soundstage@twins", tmp_path, "train")
    assert "\n" not in str(caught.value)
