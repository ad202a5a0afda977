"""Blind floors and faults of question files: on files drawn here, and as the shared goldens have them."""

import json
import random
import re

import pytest

from lookhear.datasets.reading import choices
from lookhear.evaluate.lint import faults, floors, page, source
from tests.conftest import shared

WORDS = ["red", "blue", "green", "slow", "fast", "loud", "soft", "early", "late", "near", "far", "round"]


@pytest.fixture
def questions(tmp_path):
    """200 questions on 50 videos: the right option is the longest in 4 of 5, and always of a stock of its own."""
    chance = random.Random(0)
    rows = []
    for n in range(200):
        options = [" ".join(chance.sample(some, 2)) for some in (WORDS[:3], WORDS[3:6], WORDS[6:9], WORDS[9:])]
        place = chance.randrange(4)
        options[place] = f"stock{chance.randrange(5)} " + ("and much more of it" if n % 5 else "x")
        rows.append(
            {
                "id": n,
                "video": f"v{n % 50}",
                "question": f"What is number {n}?",
                "options": options,
                "answer": "ABCD"[place],
            }
        )
    rows.append({**rows[0], "id": 0})  # asked twice, under one id
    rows.append({"id": 300, "video": "v1", "question": "Where?", "options": ["a", "A ", "b"], "answer": "zebra"})
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(rows))
    return path


def test_what_length_and_words_are_worth(questions):
    _, found = source.read(str(questions))
    blind = floors.choices(found.examples)
    assert (
        blind["longest_option_first_of_ties"].value > 75
        and blind["words"].value > 95
        and 25 <= blind["chance"].value < 25.1
    )
    assert blind["prior_folds"].value < 40 < blind["shape"].value
    low, high = blind["words"].interval
    assert low <= blind["words"].value <= high


def test_faults_are_named_with_their_records(questions):
    _, found = source.read(str(questions))
    kinds = {finding.kind: finding.records for finding in faults.find(found)}
    assert kinds["same question of one video"] == ((0, 200),) and kinds["doubled id"] == ((0, 200),)
    assert (
        kinds["options alike"] == (201,) and kinds["answer not a choice"] == (201,) and kinds["stray blanks"] == (201,)
    )
    _, clean = source.read(str(questions))
    assert [f.kind for f in faults.leak(found.examples, clean.examples[:10], "train")] == ["leak", "shared videos"]


def test_the_command(lookhear, questions, tmp_path):
    done = lookhear("lint", questions, "--out", tmp_path / "out", "--against", questions, "--json")
    assert done.code == 1
    said = json.loads((tmp_path / "out/lint.json").read_text())
    assert (
        said == json.loads(done.out) and said["questions"] == 202 and said["balance"]["options"] == {"3": 1, "4": 201}
    )
    html = (tmp_path / "out/lint.html").read_text()
    assert "longest_option_first_of_ties" in html and "<script" not in html
    assert lookhear("lint", "nothing.json").code == 2


def lint(name: str):
    found = source.read(str(shared(name)))
    return found[1], page.lint(*found, resamples=10)


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("data/daily_omni/qa.json", "daily_omni"),
        ("data/omnivideobench/data.json", "omnivideobench"),
        ("data/mmau/mmau-test-mini.json", "mmau_test_mini"),
        ("data/dave/final_inference_epic_2.0_flash.json.gz", "dave_epic_multimodal"),
    ],
)
def test_floors_of_published_files(name, truth, monkeypatch):
    """Counts exactly, learned floors within half a point: a few questions turn on the last bits of a solver.

    The numbers are of options as the files have them: those of 48 questions of OmniVideoBench begin with "A " to "D ".
    """
    monkeypatch.setattr(choices, "SPACED", re.compile("(?!)"))
    wanted = json.loads(shared("data/benchmark_truth/floors.json").read_text())["multiple_choice"][truth]
    _, found = lint(name)
    blind = found.floors["options"]
    for floor in ("position_prior", "longest_option_first_of_ties", "shortest_option_first_of_ties", "prior_folds"):
        assert blind[floor].value == pytest.approx(wanted[floor], abs=0.006), floor
    for floor in ("shape", "words", "both"):
        assert blind[floor].value == pytest.approx(wanted[floor], abs=0.51), floor
    assert found.balance["answer_positions"] == wanted["answer_positions"]


def test_faults_of_published_files():
    truth = json.loads(shared("data/benchmark_truth/lint_goldens.json").read_text())
    for name, key in (("daily_omni/qa.json", "daily_omni"), ("omnivideobench/data.json", "omnivideobench")):
        read, _ = source.read(str(shared(f"data/{name}")))[1], None
        kinds = {finding.kind: list(finding.records) for finding in faults.find(read)}
        same = [[int(str(n).split(":")[0]) for n in pair] for pair in truth[key]["same_video_and_question"]]
        assert [list(some) for some in kinds["same question of one video"]] == same
    number = lambda cases: [int(case.split(":")[0]) for case in cases]  # noqa: E731
    omni = truth["omnivideobench"]
    assert kinds["answer unlike its option"] == number(omni["answer_text_not_inside_the_named_option"])
    assert kinds["answer is another option"] == number(omni["of_these_the_answer_equals_another_option"])
    assert kinds["letters out of order"] == number(omni["letters_not_A_to_D_in_order"])
    assert kinds["options alike"] == number(omni["repeated_options"])
    assert kinds["time past the end"] == [int(one["record"].split(":")[0]) for one in omni["times_past_the_end"]]
    assert len(kinds["odd step"]) == sum(omni["odd_step_keys"].values())
    assert len(kinds["misspelt sense"]) == sum(
        n for word, n in omni["modality_words"].items() if word not in ("vision", "audio")
    )
    read = source.read(str(shared("data/mmau/mmau-test-mini.json")))[1]
    kinds = {finding.kind: list(finding.records) for finding in faults.find(read)}
    mmau = truth["mmau_test_mini"]
    assert kinds["options alike"] == mmau["repeated_options"]
    assert kinds["answer stands twice"] == mmau["of_these_the_answer_is_repeated"]
    assert kinds["same set of words"] == mmau["answer_cannot_be_told_from_another_option_by_its_set_of_words"]
    assert len(kinds["stray blanks"]) == mmau["options_with_stray_spaces"]
    read = source.read(str(shared("data/avqa_thu/train_Happening.json")))[1]
    kinds = {finding.kind: list(finding.records) for finding in faults.find(read)}
    avqa = truth["avqa_thu_train_Happening"]
    assert (
        kinds["options alike"] == avqa["repeated_options"] and kinds["answer stands twice"] == avqa["answer_repeated"]
    )
    assert len(kinds["never a distractor"]) == avqa["records_whose_answer_is_never_a_distractor_of_any_record"]


def test_the_leak_of_avhbench():
    truth = json.loads(shared("data/benchmark_truth/lint_goldens.json").read_text())["avhbench"]
    mine = source.read(str(shared("data/avhbench/QA.json")))[1].examples
    theirs = source.read(str(shared("data/avhbench/qa_final_single_filtered.json.gz")))[1].examples
    leak, videos = faults.leak(mine, theirs, "align_ft")
    assert leak.says.startswith(f"{truth['leak']['of_these_in_align_ft']} of {truth['leak']['benchmark_keys']} ")
    assert len(videos.records) == truth["leak"]["videos_shared"]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("The violin", "violin", True),
        ("a dog barks", "dogs bark", True),
        ("guitar.", "Guitar", True),
        ("trumpets", "trumpet", True),
        ("clarinet", "clarinett", True),
        ("violin", "viola", False),
        ("3 dogs", "4 dogs", False),
        ("left", "lift", False),
        ("violin", "Violin ", False),
        ("a man sings", "a woman sings", False),
        ("", "", False),
        ("drum", "", False),
    ],
)
def test_options_that_are_nearly_the_same(one, other, said):
    from lookhear.evaluate.lint.faults import near

    assert near(one, other) is said
    assert near(other, one) is said
