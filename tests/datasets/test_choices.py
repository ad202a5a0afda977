"""Multiple choice: AVQA with and without options, Valor32k-AVQA with its ragged rows."""

import json

import pytest

from lookhear import datasets
from lookhear.datasets import avqa, valor32k_avqa
from tests.conftest import shared

HEAD = "video_id,start_time,end_time,caption,type,mode,question,answer_1,answer_2,answer_3,mcq_1,mcq_2,mcq_3,mcq_4"
START = "abc,70.000,80.000,A bird sings.,desc,audio,What sings?"


def asked(**changes) -> dict:
    return {
        "id": 5,
        "video_name": "abc_000070.mp4",
        "video_id": 9,
        "question_text": "What is it?",
        "answer": 1,
        "question_relation": "Both",
        "question_type": "Which",
        "multi_choice": ["a dog", "a cat", "a bird", "a car"],
    } | changes


def test_avqa_answers_by_number_and_by_text(tmp_path):
    rows = [asked(), asked(id=6, answer="a car"), asked(id=7, answer="a bus"), asked(id=8, answer=4)]
    (tmp_path / "val_qa.json").write_text(json.dumps(rows))
    found = avqa.read(tmp_path, "val")
    assert [e.reference.text for e in found.examples] == ["a cat", "a car", "a bus"]
    assert found.examples[0].meta["options"][2] == "a bird" and found.examples[0].kind == ("Both", "Which")
    assert sorted(f.kind for f in found.faults) == ["answer not a choice", "malformed"]
    assert all("options" not in e.meta for e in datasets.load("avqa@open", tmp_path, "val"))


def test_avqa_media_is_found_by_either_name(tmp_path):
    (tmp_path / "test_qa_all.json").write_text(json.dumps([asked(video_name="abc_000070_trimmed.mp4", answer="a dog")]))
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/abc_000070.mp4").touch()
    assert datasets.load("avqa", tmp_path, "test")[0].clip.video.path.name == "abc_000070.mp4"


@pytest.mark.parametrize(
    ("cells", "options", "kinds"),
    [
        ("a bird,It is a bird,A bird sings,a dog,a bird,a cat,a car,1", 4, []),
        ("a bird,a dog,a bird,a cat,a car,1", 4, ["ragged"]),
        ("a bird,It is a bird,A bird sings,a dog,a bird,a cat,a car,a bus,1", 5, ["ragged"]),
        ("a bird,It is a bird,A bird sings,a dog,a bird,a cat,a car,4", None, ["malformed"]),
        ("a bird,It is a bird,A bird sings,a dog,a bird,a cat,a car,one", None, ["malformed"]),
        ("a bird,1", None, ["malformed"]),
    ],
)
def test_valor_rows(tmp_path, cells, options, kinds):
    (tmp_path / "processed_test_data.csv").write_text(f"{HEAD},correct_mcq\n{START},{cells}\n")
    found = valor32k_avqa.read(tmp_path, "test")
    assert [f.kind for f in found.faults] == kinds
    assert [len(e.meta["options"]) for e in found.examples] == [options] * (options is not None)
    assert all(e.reference.text == "a bird" and e.kind == ("audio", "desc") for e in found.examples)


def test_a_quoted_line_break_does_not_shift_line_numbers(tmp_path):
    answers = "a bird,It is a bird,A bird sings,a dog,a bird,a cat,a car,1"
    broken = START.replace("A bird sings.", '"A bird\nsings."')
    (tmp_path / "processed_test_data.csv").write_text(
        f"{HEAD},correct_mcq\n{broken},{answers}\n{START},{answers}\n{START},1\n"
    )
    found = valor32k_avqa.read(tmp_path, "test")
    assert [e.meta["line"] for e in found.examples] == [2, 4] and found.faults[0].line == 5


def test_the_real_files():
    found = valor32k_avqa.read(shared("data", "valor32k_avqa"), "test")
    counts = [f.kind for f in found.faults]
    assert (found.rows, len(found.examples)) == (9063, 9063)
    assert counts.count("ragged") == 35 and counts.count("unknown type") == 15
    assert sum(e.clip.video.path is not None for e in found.examples) == 4
    train = avqa.read(shared("data", "avqa_thu"), "train_Where")
    assert len(train.examples) == 3620 and [f.kind for f in train.faults] == ["answer not a choice"] * 2
    assert len(datasets.load("avqa", shared("data", "avqa_thu"), "test")) == 5918
