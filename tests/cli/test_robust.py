"""`lookhear robust`, then `lookhear score` on what it wrote: head, tail, consistency."""

import json

import pytest


@pytest.fixture
def root(tmp_path):
    rows = [
        {
            "video_id": f"{n:08d}",
            "question_id": n,
            "type": '["Audio", "Counting"]',
            "question_content": "Is there a <Object> sound?",
            "templ_values": '["cello"]',
            "anser": "yes" if n < 8 else "no",
        }
        for n in range(10)
    ]
    (tmp_path / "avqa-test.json").write_text(json.dumps(rows))
    return tmp_path


def test_rephrase_split_score(root, lookhear):
    made = lookhear("robust", root / "r", "--dataset", "music_avqa", "--root", root, "--count", 3)
    assert made.code == 0 and "10 questions asked in 30 ways: 24 head, 6 tail" in made.out
    rows = json.loads((root / "r/avqa-test-headtail.json").read_text())
    assert len({row["question_content"] for row in rows}) == 3 and all("cello" in r["question_content"] for r in rows)
    said = {}
    for n in range(10):
        said |= {str(n): "yes", f"{n}#2": "yes", f"{n}#3": "no"}
    (root / "said.json").write_text(json.dumps(said))
    done = lookhear(
        "score", "--dataset", "music_avqa_r", "--root", root / "r", "--split", "headtail", root / "said.json"
    )
    overall = next(line for line in done.out.splitlines() if line.startswith("Overall")).split()
    assert done.code == 0 and (overall[1], overall[5], overall[9]) == ("66.67", "33.33", "60.00")
    assert "33.33 % of pairs" in done.out and "right: 0.00 % of questions" in done.out
    found = lookhear(
        "score", "--dataset", "music_avqa_r", "--root", root / "r", "--split", "tail", root / "said.json", "--json"
    )
    assert json.loads(found.out)["card"]["consistency"]["all_same"] == 0 and found.code == 1


def test_published_files_without_a_split_of_their_own(root, lookhear):
    lookhear("robust", root / "r", "--dataset", "music_avqa", "--root", root, "--count", 2)
    for name in ("head", "tail", "headtail"):
        path = root / f"r/avqa-test-{name}.json"
        rows = json.loads(path.read_text())
        path.write_text(json.dumps([{key: value for key, value in row.items() if key != "split"} for row in rows]))
    (root / "said.json").write_text(json.dumps({str(n): "yes" for n in range(10)}))
    done = lookhear(
        "score", "--dataset", "music_avqa_r", "--root", root / "r", "--split", "headtail", root / "said.json"
    )
    overall = next(line for line in done.out.splitlines() if line.startswith("Overall")).split()
    assert (overall[1], overall[5]) == ("100.00", "0.00") and "10 questions share the prediction" in done.out


def test_mistakes(root, lookhear):
    ask = ["robust", root / "r", "--dataset", "music_avqa", "--root", root]
    for extra, says in [
        (["--endpoint", "http://localhost"], "belong together"),
        (["--form", "papers"], "No form of head and tail is called 'papers'"),
        (["--endpoint", "http://localhost", "--model", "m", "--price", "cheap"], "is not two numbers"),
    ]:
        done = lookhear(*ask, *extra)
        assert done.code == 2 and says in done.err and done.err.count("\n") == 1
