"""Benchmarks' own scoring rules give the verdicts of their published code, on 200 replies and on DAVE's results."""

import gzip
import json

import pytest

from lookhear.metrics import official
from tests.conftest import shared

OPTIONS = ["A dog starts barking", "A door slams shut", "The crowd applauds", "A baby cries"]


TOOLKITS = (
    *("mmar/lmms_eval", "jointavbench/official", "videomme_worldsense/lmms_eval", "unify_omnibench/parser"),
    "omnivideobench/ming_internvl",
)


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


@pytest.mark.parametrize(
    "rule", [rule for rule in official.RULES if rule not in ("dave/official", "videomme_worldsense/vlmevalkit")]
)
def test_multiple_choice_rules(rule):
    truth = json.loads(shared("data/replies/official_scorers.json").read_text("utf-8"))
    for row in truth["mc"]:
        found = official.verdict(rule, row["reply"], list(row["options"].values()), row["truth"])
        theirs = row["official"][rule]
        assert found.correct == bool(theirs.get("correct")), (row["reply"], found)
        assert rule not in TOOLKITS or found.read == theirs.get("read"), (row["reply"], found)
    columns = [[row["reply"], list(row["options"].values()), row["truth"]] for row in truth["mc"]]
    total = official.score(rule, *zip(*columns, strict=True))
    assert total["right"] == truth["aggregate"][rule]["right"]
    left = {"daily_omni/api": 2, "lvomnibench/official": 4, "jointavbench/official": 77, "mmau_mmar/string_match": 2}
    assert (total["counted"], total["left_out"]) == (150 - left.get(rule, 0), left.get(rule, 0))


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


RIGHT, WRONG, OUT = (True, True), (False, True), (False, False)  # correct, counted


@pytest.mark.parametrize(
    ("rule", "reply", "truth", "read", "verdict"),
    [
        ("daily_omni/api", " b) slams", "b", "B", RIGHT),
        ("daily_omni/api", "", "B", None, WRONG),
        ("daily_omni/qwen2_5_vl", "c", "C", "C", RIGHT),
        ("daily_omni/qwen2_5_vl", "E", "C", None, WRONG),
        ("daily_omni/qwen2_5_vl", "", "C", None, WRONG),
        ("daily_omni/qwen2_5_omni", "user A assistant\nB", "B", "B", RIGHT),
        ("omnivideobench/strict", " b ", "B", "b", RIGHT),
        ("omnivideobench/strict", " ", "B", None, WRONG),
        ("omnivideobench/default", "\\boxed{B}", "B", "B", RIGHT),
        ("omnivideobench/default", "b. A door", "B", "B", RIGHT),
        ("omnivideobench/default", "(b)", "B", "B", RIGHT),
        ("omnivideobench/default", "so: B", "B", "SO B", WRONG),
        ("omnivideobench/default", "", "B", None, WRONG),
        ("omnivideobench/default", "Error: 500", "B", "ERROR 500", OUT),
        ("omnivideobench/thinking", "<think>A</think> </think>B", "B", "B", RIGHT),
        ("omnivideobench/thinking", "</think>B", "B", "B", RIGHT),
        ("omnivideobench/baichuan", "it is a door so b", "B", "B", RIGHT),
        ("omnivideobench/baichuan", "<answer> C: applause</answer> a", "C", "C", RIGHT),
        ("omnivideobench/baichuan", "", "C", None, WRONG),
        ("omnivideobench/gemini", 'so {"answer": "B"} is it', "B", "B", RIGHT),
        ("omnivideobench/gemini", '{"why": {"a": 1}, "answer": "C"}', "C", "C", RIGHT),
        ("omnivideobench/gemini", '{"reason": "A door"} D', "D", "A", WRONG),
        ("omnivideobench/gemini", "{broken \\boxed{D}", "D", "D", RIGHT),
        ("omnivideobench/gemini", "\\boxed{D} or A", "D", "D", RIGHT),
        ("omnivideobench/gemini", "nothing", "D", None, WRONG),
        ("av_speakerbench/lmms_eval", "it is b", "B", "B", RIGHT),
        ("av_speakerbench/lmms_eval", "nothing", "A", "A", RIGHT),
        ("av_speakerbench/official", "The answer is: C", "C", "C", RIGHT),
        ("av_speakerbench/official", "it is b", "B", "", WRONG),
        ("omnibench/official", "(A) or rather (C)", "C", "C", RIGHT),
        ("omnibench/official", "A or B it is", "B", "B", RIGHT),
        ("omnibench/official", "A. no, C.", "A", "A", RIGHT),
        ("omnibench/official", "well a dog starts barking, then the crowd applauds", "C", "C", RIGHT),
        ("omnibench/official", "nothing of all this is here", "C", None, WRONG),
        ("av_odyssey/official", "AC and (D)", "D", "D", RIGHT),
        ("av_odyssey/official", "C", "C", "C", RIGHT),
        ("av_odyssey/official", "C or B", "B", "B", RIGHT),
        ("mmau_mmar/string_match", "a door slams shut", "B", None, RIGHT),
        ("mmau_mmar/string_match", "a door slams shut, a dog", "B", None, WRONG),
        ("mmau_mmar/string_match", "", "B", None, OUT),
        ("echoink/eval", "<answer>\n b. door\n</answer>", "B", "B", RIGHT),
        ("echoink/eval", "it is c", "C", "C", RIGHT),
        ("echoink/reward", "<answer> B </answer>", "B", "B", RIGHT),
        ("echoink/reward", "B", "B", None, WRONG),
        ("dave/official", "maybe (c), not D", "C", "C", RIGHT),
        ("mmar/lmms_eval", "'B.'", "B", "B", RIGHT),
        ("mmar/lmms_eval", "b", "B", None, WRONG),
        ("mmar/lmms_eval", "well a dog starts barking, then the crowd applauds", "C", "C", RIGHT),
        ("jointavbench/official", "Option A: a dog starts barking", "A", "A", RIGHT),
        ("jointavbench/official", "I select c, because the crowd applauds", "C", "C", RIGHT),
        ("jointavbench/official", '"B" is correct', "B", "B", RIGHT),
        ("jointavbench/official", "Bravo", "B", None, OUT),
        ("jointavbench/official", "Not A. The answer is B", "B", None, OUT),
        ("jointavbench/official", "", "B", None, OUT),
        ("videomme_worldsense/lmms_eval", "B) slams. A) barks.", "A", "B", WRONG),
        ("videomme_worldsense/lmms_eval", "(A) is wrong, the answer is: C", "C", "C", RIGHT),
        ("videomme_worldsense/lmms_eval", "the answer is Bark", "B", "B", RIGHT),
        ("videomme_worldsense/lmms_eval", "see (B) and (C) here", "C", "C", RIGHT),
        ("videomme_worldsense/lmms_eval", "a door slams", "B", None, WRONG),
        ("videomme_worldsense/vlmevalkit", "The answer is C.", "C", "C", RIGHT),
        ("videomme_worldsense/vlmevalkit", "The best option is C", "C", "C", RIGHT),
        ("videomme_worldsense/vlmevalkit", "Best answer: C", "C", "B", WRONG),  # the phrase is glued to the next
        ("videomme_worldsense/vlmevalkit", "Answer: D", "D", "D", RIGHT),
        ("videomme_worldsense/vlmevalkit", "Definitely the second: B", "B", "D", WRONG),
        ("videomme_worldsense/vlmevalkit", "Based on the sound (A)", "A", "B", WRONG),
        ("videomme_worldsense/vlmevalkit", "c", "C", None, WRONG),
        ("videomme_worldsense/vlmevalkit", "the crowd applauds", "C", None, WRONG),
        ("videomme_worldsense/vlmevalkit", "E", "C", None, WRONG),
        ("unify_omnibench/parser", '{"Answer": "b"}', "B", "B", RIGHT),
        ("unify_omnibench/parser", "[c], not (A)", "C", "C", RIGHT),
        ("unify_omnibench/parser", "well, a door slams shut. A", "B", "B", RIGHT),
        ("unify_omnibench/parser", "a dog starts barking", "B", "A", WRONG),
        ("unify_omnibench/parser", "F it is", "B", "F", WRONG),
        ("omnivideobench/ming_internvl", "so I choose b today", "B", "B", RIGHT),
        ("omnivideobench/ming_internvl", "well, the answer is B because", "B", "IS", WRONG),
        ("omnivideobench/ming_internvl", "well, the answer B fits", "B", None, WRONG),
        ("omnivideobench/ming_internvl", "It is applauded", "D", "D", RIGHT),
        ("dave/official", "hm", "C", None, WRONG),
    ],
)
def test_what_each_rule_reads(rule, reply, truth, read, verdict):
    found = official.verdict(rule, reply, OPTIONS, truth)
    assert (found.read, (found.correct, found.counted)) == (read, verdict)


def test_scores_are_of_what_counts():
    found = official.score("omnivideobench/default", ["A", "B", "Error: x"], [OPTIONS] * 3, ["A", "A", "A"])
    assert found == {"accuracy": 50, "right": 1, "counted": 2, "left_out": 1}
    with pytest.raises(ValueError):
        official.score("omnivideobench/default", ["A"], [OPTIONS], ["A", "B"])
