"""`lookhear score` and `lookhear compare`, as a stranger runs them."""

import json

import pytest

from tests.conftest import shared


@pytest.fixture
def root(tmp_path):
    rows = [
        {
            "video_id": f"{n:08d}",
            "question_id": n,
            "type": json.dumps(["Audio", "Counting"] if n % 2 else ["Visual", "Location"]),
            "question_content": "Where is the performance?",
            "templ_values": "[]",
            "anser": "indoor",
        }
        for n in range(10)
    ]
    (tmp_path / "avqa-test.json").write_text(json.dumps(rows))
    (tmp_path / "all.json").write_text(json.dumps({str(n): "indoor" for n in range(10)}))
    (tmp_path / "some.json").write_text(json.dumps({"0": "indoor", "1": "nowhere", "99": "outdoor"}))
    return tmp_path


def test_score_then_compare(root, lookhear):
    score = ["score", "--dataset", "music_avqa", "--root", root]
    done = lookhear(*score, root / "all.json", "--json", "--out", root / "a")
    found = json.loads(done.out)
    assert done.code == 0 and found["overall"] | {"interval": 0} == {
        "correct": 10, "total": 10, "accuracy": 100.0, "interval": 0,
    }  # fmt: skip
    done = lookhear(*score, root / "some.json", "--out", root / "b")
    assert done.code == 1, "ids that do not match are a fault"
    assert "8 questions have no prediction" in done.out and "1 predictions are for no question" in done.out
    assert "outside the dataset's answers, such as '1': 'nowhere'" in done.out
    done = lookhear("compare", root / "a", root / "b")
    assert done.code == 0 and "+90.00*" in done.out
    assert json.loads(lookhear("compare", root / "a", root / "b", "--json").out)["differences"]["Overall"]
    done = lookhear("compare", root / "a", root / "c")
    assert done.code == 2 and done.err.count("\n") == 1 and "No report in" in done.err


def test_tspm(lookhear):
    root = shared("data", "music_avqa")
    predictions = root / "tspm_predictions.json"
    done = lookhear("score", "--dataset", "music_avqa", "--root", root, predictions, "--format", "csv")
    assert done.code == 0
    numbers = [line.split(",")[1] for line in done.out.splitlines()[1:]]
    published = "84.07 64.65 76.91 82.29 84.90 83.61 82.19 76.21 71.85 65.76 71.17 73.51 76.79"
    assert numbers == published.split() and done.out.rstrip().endswith(",7010,9129")


def test_test_sets_of_one_dataset_make_one_grid(tmp_path, lookhear):
    for number, name in enumerate(("bias", "balance")):
        rows = [
            {
                "video_id": f"{n:08d}",
                "question_id": 10 * number + n,
                "type": json.dumps(["Audio", "Counting"]),
                "question_content": "How many?",
                "templ_values": "[]",
                "anser": "two" if n else "one",
            }
            for n in range(4)
        ]
        (tmp_path / f"test_{name}.json").write_text(json.dumps(rows))
    (tmp_path / "p.json").write_text(
        json.dumps({**{str(n): "two" for n in range(4)}, **dict.fromkeys(["10", "11", "12", "13"], "one")})
    )
    score = ["score", "--dataset", "music_avqa_v2@bias,music_avqa_v2@balance", "--root", tmp_path, tmp_path / "p.json"]
    done = lookhear(*score)
    assert done.code == 0, "a prediction that one set asks for is not left over in the other"
    lines = done.out.splitlines()
    assert lines[1].startswith("p on music_avqa_v2@bias") and lines[1].endswith("75.00")
    assert lines[2].startswith("p on music_avqa_v2@balance") and lines[2].endswith("25.00")
    said = json.loads(lookhear(*score, "--json", "--out", tmp_path / "out").out)
    assert said["music_avqa_v2@balance"]["overall"]["correct"] == 1
    assert (tmp_path / "out" / "music_avqa_v2@bias" / "report.json").is_file()
    assert "AV-Master, trained on the bias set" in lookhear(*score, "--beside", "AV-Master", "--format", "markdown").out
