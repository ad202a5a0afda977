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


def test_people_vote_on_sheets(root, lookhear):
    ask = ["robust", root / "r", "--dataset", "music_avqa", "--root", root, "--count", 3]
    made = lookhear(*ask, "--sheets")
    assert made.code == 0 and "3 rephrasings of 1 questions to vote on" in made.out
    assert not (root / "r/card.json").exists() and "Save my votes" in (root / "r/votes.html").read_text()
    lines = (root / "r/votes.csv").read_text("utf-8-sig").splitlines()
    for name, votes in {"a": "yes yes no", "b": "yes no no", "c": "yes yes yes"}.items():
        rows = [line + vote for line, vote in zip(lines[1:], votes.split(), strict=True)]
        (root / f"{name}.csv").write_text("\n".join([lines[0], *rows]) + "\n")
    votes = [option for name in "abc" for option in ("--votes", root / f"{name}.csv")]
    done = lookhear(*ask, *votes)
    assert done.code == 0 and "10 questions asked in 20 ways" in done.out, done.err
    assert "9 votes on 3 rephrasings: 66.67 % kept, 33.33 % unanimous" in done.out
    card = json.loads((root / "r/card.json").read_text())
    assert card["agreement"]["kept"] == 66.67 and card["needed"] == 2 and card["left_out"] == 0
    assert lookhear("check", "music_avqa_r", "--root", root / "r", "--no-media").code == 0
    none = lookhear(*ask, "--votes", root / "a.csv", "--sheets")
    assert none.code == 2 and "goes without --sheets" in none.err


def test_an_existing_test_set_is_split_again(root, lookhear):
    lookhear("robust", root / "r", "--dataset", "music_avqa", "--root", root, "--count", 2)
    again = lookhear(
        *("robust", root / "again", "--dataset", "music_avqa_r", "--root", root / "r", "--split", "headtail"),
        *("--count", 0, "--form", "unfiltered", "--figures", "--json"),
    )
    card = json.loads(again.out)
    assert again.code == 0 and (card["questions"], card["head"], card["tail"]) == (20, 16, 4)
    assert card["origin"] == "music_avqa" and card["vocabulary"] > 5
    drawn = {path.name for path in (root / "again/figures").iterdir()}
    assert drawn == {"openings.png", "answers.png", "head_tail.png"}
