"""`lookhear score` and `lookhear compare`, as a stranger runs them."""

import json
import sys
from types import SimpleNamespace

import pytest

from lookhear.cli import main
from tests.conftest import shared


@pytest.fixture
def lookhear(monkeypatch, capsys):
    """The command line in this process: far quicker than a new one for each command."""

    def run(*arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["lookhear", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code or 0, stdout=said.out, stderr=said.err)

    return run


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
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["overall"] | {"interval": 0} == {
        "correct": 10, "total": 10, "accuracy": 100.0, "interval": 0,
    }  # fmt: skip
    done = lookhear(*score, root / "some.json", "--out", root / "b")
    assert done.returncode == 1, "ids that do not match are a fault"
    assert "8 questions have no prediction" in done.stdout and "1 predictions are for no question" in done.stdout
    assert "outside the dataset's answers, such as '1': 'nowhere'" in done.stdout
    done = lookhear("compare", root / "a", root / "b")
    assert done.returncode == 0 and "+90.00*" in done.stdout
    assert json.loads(lookhear("compare", root / "a", root / "b", "--json").stdout)["differences"]["Overall"]
    done = lookhear("compare", root / "a", root / "c")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "No report in" in done.stderr


def test_tspm(lookhear):
    root = shared("data", "music_avqa")
    predictions = root / "tspm_predictions.json"
    done = lookhear("score", "--dataset", "music_avqa", "--root", root, predictions, "--format", "csv")
    assert done.returncode == 0
    numbers = [line.split(",")[1] for line in done.stdout.splitlines()[1:]]
    published = "84.07 64.65 76.91 82.29 84.90 83.61 82.19 76.21 71.85 65.76 71.17 73.51 76.79"
    assert numbers == published.split() and done.stdout.rstrip().endswith(",7010,9129")
