"""Predictions of every shape give one table; answers that differ only in writing, NaN and repeats are told apart."""

import json

import pytest

from lookhear.errors import DatasetError
from lookhear.evaluate import prediction_files as files
from tests.conftest import shared

SAID = {"1": "yes", "2": "acoustic_guitar", "3": "two"}
ROWS = [{"question_id": int(i), "video": "v", "prediction": a} for i, a in SAID.items()]
SHAPES = {
    "object.json": json.dumps(SAID),
    "rows.json": json.dumps(ROWS),
    "wrapped.json": json.dumps({"model": "m", "predictions": ROWS}),
    "rows.jsonl": "\n".join(map(json.dumps, ROWS)),
    "odd.json": "\n".join(map(json.dumps, ROWS)),
    "answers.jsonl": "\n".join(json.dumps({"id": i, "answer": a, "right": True}) for i, a in SAID.items()),
    "a.csv": "question_id,answer\n" + "\n".join(f"{i}.0,{a}" for i, a in SAID.items()),
    "a.tsv": "qid\tpred\n" + "\n".join(f"{i}\t{a}" for i, a in SAID.items()),
    "bare.csv": "\n".join(f"{i},{a}" for i, a in SAID.items()),
    "NET.result": "1 \t True \t 0 \t 0\n2 \t False \t 0 \t 1\n3 \t True \t 2 \t 2\n",
}
WORDS = ("yes", "acoustic_guitar", "two")


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_read(name, tmp_path):
    (tmp_path / name).write_text(SHAPES[name])
    assert files.read(tmp_path / name, WORDS) == files.Predictions(SAID)


def test_nan_and_repeats_are_told_apart(tmp_path):
    rows = [{"id": 1, "answer": "yes"}, {"id": 1, "answer": "yes"}, {"id": 2, "answer": float("nan")}]
    (tmp_path / "a.json").write_text(json.dumps([*rows, {"id": 3, "answer": None}, {"id": 4, "answer": " "}]))
    assert files.read(tmp_path / "a.json") == files.Predictions({"1": "yes"}, ("2", "3", "4"), 1)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", '[{"id": 1, "answer": "yes"}, {"id": 1, "answer": "no"}]', "'1' is answered twice"),
        ("a.json", '{"1": "yes", "1": "no"}', "'1' is answered twice"),
        ("a.json", '[{"id": NaN, "answer": "yes"}]', "row 1: the question id is nan"),
        ("a.json", '{"1": ["yes"]}', "must be a text"),
        ("a.json", '[{"anser": "yes"}]', "no id among anser"),
        ("a.json", '[{"id": 1, "anser": "yes"}]', "no answer among id, anser"),
        ("a.json", "[1, 2]", "row 1: expected an object"),
        ("a.json", "3", "got a int"),
        ("a.json", "", "empty"),
        ("a.json", "{", "not JSON"),
        ("a.jsonl", '{"id": 1, "answer": "a"}\n{"id": 2', "line 2: not JSON"),
        ("a.csv", "a,b,c\n1,2,3", "no column of ids"),
        ("a.result", "1 \t True \t 0 \t 9", "line 1"),
    ],
)
def test_what_is_no_prediction_names_its_place(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=said) as raised:
        files.read(tmp_path / name, WORDS)
    assert "\n" not in str(raised.value)


@pytest.fixture
def root(tmp_path):
    rows = [
        {"video_id": f"v{n}", "question_id": n, "type": '["Visual", "Location"]', "question_deleted": 0}
        | {"question_content": "Where is the performance?", "templ_values": "[]", "anser": answer}
        for n, answer in enumerate(["yes", "acoustic_guitar", "two", "more than ten", "indoor"])
    ]
    for split in ("train", "test"):
        (tmp_path / f"avqa-{split}.json").write_text(json.dumps(rows))
    said = {"0": "Yes.", "1": "acoustic guitar", "2": "2", "3": "12", "4": "in a barn"}
    (tmp_path / "said.json").write_text(json.dumps(said))
    return tmp_path


def test_answers_that_differ_in_writing_are_said_and_read_as_meant_where_asked(root, lookhear):
    score = ["score", "--dataset", "music_avqa", "--root", root, root / "said.json"]
    ran = lookhear(*score, "--json")
    assert json.loads(ran.out)["overall"]["correct"] == 0
    assert "4 predictions differ from an answer only in writing" in ran.err and "'Yes.' for 'yes'" in ran.err
    assert "1 predictions are outside the dataset's answers, such as '4': 'in a barn'" in ran.err
    ran = lookhear(*score, "--json", "--lenient")
    found = json.loads(ran.out)
    assert found["overall"]["correct"] == 4 and found["card"]["lenient"] == 4
    assert "read as meant (--lenient)" in ran.err


def test_audit_and_compare_take_predictions(root, lookhear):
    where = ["--dataset", "music_avqa", "--root", root]
    ran = lookhear("audit", root / "said.json", *where, "--lenient", "--json", "--out", root / "card")
    assert ran.code == 0, ran.err
    lines = {line["name"]: line for line in json.loads(ran.out)["lines"]}
    assert set(lines) == {"chance", "by_template", "by_question", "leaks", "head_tail"}
    assert lines["by_template"]["after"] == 80.0 and (root / "card" / "audit.html").is_file()
    assert lookhear("audit", root / "said.json", *where).code == 0
    (root / "other.json").write_text(json.dumps({str(n): "indoor" for n in range(5)}))
    ran = lookhear("compare", root / "said.json", root / "other.json", *where, "--lenient", "--json")
    assert ran.code == 0 and json.loads(ran.out)["differences"]["Overall"]
    ran = lookhear("compare", root / "said.json", root / "other.json")
    assert ran.code == 2 and "give --dataset and --root" in ran.err


def test_tspm_published_its_own_file(lookhear):
    root = shared("data", "music_avqa")
    found = lookhear("score", "--dataset", "music_avqa", "--root", root, root / "peer_results/TSPM.result", "--json")
    assert found.code == 0 and json.loads(found.out)["overall"]["correct"] == 7010
