"""Benchmarks' own scoring rules give the verdicts of their published code, on 200 replies and on DAVE's results."""

import gzip
import json

import pytest

from lookhear.metrics import official
from tests.conftest import shared

OPTIONS = ["A dog starts barking", "A door slams shut", "The crowd applauds", "A baby cries"]


def test_where_rules_go_wrong():
    right = official.verdict("daily_omni/api", "The answer is B.", OPTIONS, "B")
    assert (
        not right.correct and right.counted and not official.verdict("daily_omni/api", "error_x", OPTIONS, "B").counted
    )
    assert official.verdict("av_odyssey/official", "nothing", OPTIONS, "A").correct  # none gives A
    assert official.verdict("dave/official", "I am sorry", OPTIONS, "B").read == "I"
    assert official.verdict("pave/substring", "I know", [], "no").correct  # "know" holds "no"
    with pytest.raises(KeyError):
        official.verdict("nobody", "A", OPTIONS, "A")


@pytest.mark.parametrize("rule", [rule for rule in official.RULES if rule != "dave/official"])
def test_multiple_choice_rules(rule):
    truth = json.loads(shared("data/replies/official_scorers.json").read_text("utf-8"))
    for row in truth["mc"]:
        found = official.verdict(rule, row["reply"], list(row["options"].values()), row["truth"])
        assert found.correct == bool(row["official"][rule].get("correct")), (row["reply"], found)
    columns = [[row["reply"], list(row["options"].values()), row["truth"]] for row in truth["mc"]]
    total = official.score(rule, *zip(*columns, strict=True))
    assert total["right"] == truth["aggregate"][rule]["right"]
    if rule == "daily_omni/api":
        assert total["counted"] == 148 and total["left_out"] == 2


@pytest.mark.parametrize("rule", official.YES_NO)
def test_yes_no_rules(rule):
    for row in json.loads(shared("data/replies/official_scorers.json").read_text("utf-8"))["yn"]:
        assert official.verdict(rule, row["reply"], [], row["truth"]).correct == row["official"][rule], row["reply"]


def test_daves_own_verdicts():
    text = gzip.decompress(shared("data/dave/final_inference_epic_2.0_flash.json.gz").read_bytes())
    for part, rows in next(iter(json.loads(text)["predictions"].values())).items():
        if part == "temporal_video":  # an order of four letters
            continue
        for row in rows:
            read = official.verdict("dave/official", row["response_dict"]["llm_output"], [""] * 5, "A").read
            assert (f"({read})" in row["ground_truth"]) == row["is_correct"]
