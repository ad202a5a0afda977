"""AV-UIE's two layouts, cross-modal pairs, captions, and reading what stands between tags."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear import datasets
from lookhear.datasets import av_uie, valor, vgg_cm
from lookhear.datasets.reading import replies
from lookhear.errors import LookhearError
from lookhear.evaluate.check.annotations import check
from lookhear.types import Segment
from tests.conftest import shared

RECORDS = {
    "ks": {
        "video_path": "video/a.mp4",
        "audio_path": "audio/a.wav",
        "action": "bowling",
        "label": "<answer>bowling</answer>",
    },
    "ucf": {
        "video_path": "video/u.avi",
        "audio_path": "audio/u.wav",
        "label": "Archery",
        "new_label": "x <answer>Archery</answer>",
    },
    "meld": {"video_path": "v/m.mp4", "Emotion": "joy", "label": "<answer>joy</answer>"},
    "mer24": {"video_path": "v/m.mp4", "discrete": "worried", "label": ""},
    "avqa": {
        "video_id": "00000001",
        "question_id": 7,
        "type": '["Audio", "Counting"]',
        "question": "How many?",
        "answer": "two",
    },
    "avqa_thu": {
        "id": 3,
        "video_name": "ab_000210",
        "question_relation": "View",
        "question_type": "Which",
        "multi_choice": ["cat", "dog"],
        "question_text": "Which?",
        "answer": 1,
        "label": "<answer>dog</answer>",
    },
    "ave": {"event": "Bark", "vid": "ab", "start_time": 0, "end_time": 4, "label_content": "…"},
    "unav": {"vid": "ab", "label_content": "So <event>dog barking, (0 4)(6 9)</event>"},
    "avvp": {
        "filename": "ab_0_10",
        "vid": "ab",
        "event": "Dog",
        "label_content": "<visual>Dog,(0 4)</visual><audio>Dog,(1 2)</audio>",
    },
    "avcap": {"video_id": "ab", "label_content": "A dog barks."},
    "arig": {
        "image_path": "v1s/ab/frames/0.jpg",
        "audio_path": "v1s/ab/audio.wav",
        "a_obj": "dog",
        "label_content": "[0,56,112,224]",
    },
    "s4": {
        "vid": "ab",
        "uid": "ab_1",
        "a_obj": "dog",
        "frame_idx": 0,
        "label_content": "[0,0,112,112], [7,7],[14,14],[28,28]",
    },
    "ref_avs": {
        "vid": "ab",
        "fid": 1,
        "uid": "ab_null_1",
        "description": "The tuba",
        "output": "<answer>false</answer> absent",
    },
    "a2v": {
        "audio_path": "audio/q.wav",
        "video1_path": "video/a.mp4",
        "video2_path": "video/b.mp4",
        "correct_video": "2",
    },
}


@pytest.fixture
def folder(tmp_path):
    for part, record in RECORDS.items():
        (tmp_path / "AVUIE_2" / part).mkdir(parents=True)
        (tmp_path / "AVUIE_2" / part / "train.json").write_text(json.dumps([record]))
    (tmp_path / "video").mkdir()
    (tmp_path / "video/a.mp4").touch()
    return tmp_path


def test_every_part_of_v2(folder):
    found = av_uie.read(folder, "train")
    assert not found.faults and found.rows == len(found.examples) == len(RECORDS)
    by_part = {e.meta["part"]: e for e in found.examples}
    said = {part: e.reference.text for part, e in by_part.items()}
    assert said == {
        "ks": "bowling", "ucf": "Archery", "meld": "joy", "mer24": "worried", "avqa": "two", "avqa_thu": "dog",
        "ave": "Bark", "unav": "dog barking", "avvp": "Dog", "avcap": "A dog barks.", "arig": "dog", "s4": "dog",
        "ref_avs": "", "a2v": "two",
    }  # fmt: skip
    assert by_part["ks"].clip.video.path.name == "a.mp4" and by_part["ks"].clip.audio.path is None
    assert by_part["avqa"].kind == ("Audio", "Counting") and by_part["avqa_thu"].meta["options"] == ("cat", "dog")
    assert by_part["unav"].reference.segments[1] == Segment("dog barking", 6, 9)
    assert [s.stream for s in by_part["avvp"].reference.segments] == ["visual", "audio"]
    assert by_part["avvp"].meta["form"] == "llp" and by_part["avvp"].meta["reasoning"].startswith("<visual>")
    assert by_part["arig"].reference.regions[0].box == (0, 0.25, 0.5, 1)
    assert [r.box for r in by_part["s4"].reference.regions][1] == (7 / 224, 7 / 224, 7 / 224, 7 / 224)
    assert by_part["a2v"].meta["second"].id == "b" and by_part["arig"].clip.video.id == "ab_0"
    assert len(datasets.load("av_uie", folder, "ks/train")) == 1
    assert av_uie.splits(folder)[:2] == ["ks/train", "ucf/train"]
    with pytest.raises(LookhearError, match="No split 'ks/test' of av_uie@v2"):
        av_uie.read(folder, "ks/test")
    assert check("av_uie", folder, ["ks/train", "avqa/train"], media=False).splits["ks/train"]["read"] == 1


def test_records_that_are_wrong_are_quoted(tmp_path):
    (tmp_path / "ave").mkdir()
    rows = [
        {"vid": "a", "label_content": "<event> Bark </event>, the range is <range> 2.6 </range>"},
        {"event": "Bark"},
    ]
    (tmp_path / "ave/train.json").write_text(json.dumps(rows, indent=1))
    found = av_uie.read(tmp_path, "train")
    assert not found.examples and "not a range: '2.6'" in found.faults[0].why
    assert "no path and no id" in found.faults[1].why and found.faults[1].line > 2


def test_the_real_quick_start_list():
    found = av_uie.read(shared("data", "crab_examples"), "example", "v1")
    assert found.rows == len(found.examples) == 8 and not found.faults
    assert [e.meta["part"] for e in found.examples] == ["avqa", "ave", "avvp", "arig", "s4", "ms3", "ref_avs", "avss"]
    assert found.examples[6].question == "making the loudest sound" and found.examples[6].reference is None


def test_pairs_both_ways(tmp_path):
    for way, row in (
        ("a2v", {"audio_path": "q.wav", "video1_path": "a.mp4", "video2_path": "b.mp4", "correct_video": "video1"}),
        ("v2a", {"video_path": "q.mp4", "audio1_path": "a.wav", "audio2_path": "b.wav", "correct_audio": "neither"}),
    ):
        (tmp_path / way).mkdir()
        (tmp_path / way / "test.json").write_text(json.dumps([row]))
    found = vgg_cm.read(tmp_path, "test")
    assert found.rows == 2 and [e.reference.text for e in found.examples] == ["one"]
    assert found.examples[0].clip.id == "a+q" and found.examples[0].meta["second"].id == "b"
    assert "'neither' is neither one nor two" in found.faults[0].why
    assert vgg_cm.splits(tmp_path, "v2a") == ["test"]
    assert [vgg_cm.one_or_two(said) for said in (1, "2", "First", " two.", "audio2")] == [
        "one",
        "two",
        "one",
        "two",
        "two",
    ]


def test_captions_from_either_file(tmp_path):
    found = valor.read(shared("data", "valor32k_avqa"), "test")
    assert found.rows == len(found.examples) == len({e.id for e in found.examples}) == 3480
    clip = next(e for e in found.examples if e.id == "XzWs0UMTYB0_150.000_160.000")
    assert clip.reference.text.startswith("As the water rang") and clip.clip.video.path
    (tmp_path / "desc_val.json").write_text(
        json.dumps([{"video_id": "a_1_2", "desc": "Rain."}, {"video_id": "b", "desc": " "}])
    )
    found = valor.read(tmp_path, "val")
    assert found.examples[0].reference.text == "Rain." and "is not a caption" in found.faults[0].why


def test_untidy_tags():
    assert replies.answer("So the answer is <answer> yes <answer>.") == "yes"
    assert replies.answer("<Answer>no</ANSWER> then <answer>left </answer>") == "left"
    assert replies.answer("<answer>cello") == "cello" and replies.answer("cello <answer></answer>") is None
    assert replies.tagged("<visual>A<visual>B</visual>", "visual") == [("visual", "A"), ("visual", "B")]
    found = replies.events("<event> Male speech, man speaking </event>, <range>2 - 6 s</range> <event>Bark</event>")
    assert found.segments == (Segment("Male speech, man speaking", 2, 6),)
    assert found.problems == ("an event without a range: 'Bark'",)
    assert replies.events("event: Bark start_time: 0 end_time: 4").segments == (Segment("Bark", 0, 4),)
    found = replies.streams("<audio_event>Frying_(food), (0 3),(3 10)</audio_event><visual>Dog,(9 2)</visual>")
    assert [s.end for s in found.segments] == [3, 10] and "'Dog' ends before it starts: 9 to 2" in found.problems
    assert replies.coordinates("[1, 2,3 ,4] at (5,6) [7.5,8]") == ([(1, 2, 3, 4)], [(5, 6), (7.5, 8)])


@given(st.text(alphabet="<>/answerventgcdio()[]0123456789,.- ", max_size=80))
def test_no_text_is_too_strange(text):
    replies.answer(text)
    replies.coordinates(text)
    assert all(s.label and s.start <= s.end for s in (*replies.events(text).segments, *replies.streams(text).segments))
