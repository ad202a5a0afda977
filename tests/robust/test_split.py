"""Head and tail: the rule by hand, and the real test set with every count that is known."""

import json
import math

import pytest

from lookhear import datasets
from lookhear.curate.robust import split
from lookhear.errors import LookhearError
from lookhear.types import Answer, Clip, Example
from tests.conftest import shared

KINDS = {
    "A-CNT": ("Audio", "Counting"),
    "A-COMP": ("Audio", "Comparative"),
    "V-CNT": ("Visual", "Counting"),
    "V-LOC": ("Visual", "Location"),
    "AV-EXIST": ("Audio-Visual", "Existential"),
    "AV-LOC": ("Audio-Visual", "Location"),
    "AV-CNT": ("Audio-Visual", "Counting"),
    "AV-COMP": ("Audio-Visual", "Comparative"),
    "AV-TEMP": ("Audio-Visual", "Temporal"),
}


def asked(answers: dict[str, int], kind=("Audio", "Counting")) -> list[Example]:
    return [Example("q", "t", Clip(None, None), "?", Answer(a), kind) for a, n in answers.items() for _ in range(n)]


def test_the_rule_by_hand():
    counts = {"two": 70, "one": 24, "six": 6, "ten": 0}
    assert split.head_answers({"two": 70, "one": 24, "six": 6}) == {"two"}
    assert split.head_answers({"a": 36, "b": 30, "c": 24}) == frozenset(), "36 is exactly 1.2 times the mean: tail"
    assert split.head_answers({"yes": 51, "no": 49}) == {"yes"}
    assert split.entropy({"yes": 5, "no": 5}) == pytest.approx(1) and split.entropy({"yes": 5}) == 0
    assert split.entropy(counts) == pytest.approx(-sum(p * math.log(p) for p in (0.7, 0.24, 0.06)) / math.log(4)), (
        "an answer that never occurs counts as a class, if it is listed"
    )


def test_the_stated_form_leaves_balanced_groups_whole():
    examples = asked({"yes": 51, "no": 49}) + asked({"left": 80, "right": 15, "middle": 5}, ("Visual", "Location"))
    assert split.parts(examples, "stated").count("") == 100
    assert split.parts(examples, "unfiltered").count("head") == 51 + 80
    with pytest.raises(LookhearError, match="No form of head and tail is called 'rule'"):
        split.parts(examples, "rule")
    with pytest.raises(LookhearError, match="No published head and tail for questions of kind 'Both'"):
        split.parts(asked({"a": 1}, ("Both",)), "published")


def test_the_real_test_set_by_the_rule():
    golden = json.loads(shared("goldens", "nets_b", "music_avqa_headtail.json").read_text())["groups"]
    examples = datasets.load("music_avqa", shared("data", "music_avqa"), "test")
    where = split.parts(examples, "unfiltered")
    assert (where.count("head"), where.count("tail")) == (6141, 2988)
    found = split.groups(examples, "unfiltered")
    for name, kind in KINDS.items():
        known, group = golden[name]["original"], found[kind]
        assert dict(group.counts) == known["counts"]
        assert group.entropy == pytest.approx(known["normalised_entropy"], abs=1e-9)
        assert group.head == set(known["rule_head_answers"])
        assert sum(group.counts[a] for a in group.head) == known["rule_head"]


def test_the_published_counts_and_the_two_groups_that_break_the_rule():
    """Questions rephrased as often as the published totals need: every published head and tail comes out exactly."""
    golden = json.loads(shared("goldens", "nets_b", "music_avqa_headtail.json").read_text())["groups"]
    times = {t["template"]: t["inferred_rephrasings_k"] for group in golden.values() for t in group["templates"]}
    test = datasets.load("music_avqa", shared("data", "music_avqa"), "test")
    examples = [e for e in test for _ in range(times[e.meta["template"]])]
    assert len(examples) == 211_572
    published, unfiltered = split.groups(examples, "published"), split.groups(examples, "unfiltered")
    apart = set()
    for name, kind in KINDS.items():
        heads = {
            f[kind].part: sum(n for a, n in f[kind].counts.items() if f[kind].part(a) == "head") for f in [published]
        }
        assert next(iter(heads.values())) == golden[name]["published_R"]["head"], name
        if published[kind].head & set(published[kind].counts) != unfiltered[kind].head:
            apart.add(name)
    assert apart == {"AV-CNT", "AV-LOC"}
    totals = [split.parts(examples, "published").count(part) for part in ("head", "tail")]
    assert totals == [138_153, 73_419]
    stated = split.groups(examples, "stated")
    assert {name for name, kind in KINDS.items() if stated[kind].head is None} == {
        "A-COMP",
        "V-LOC",
        "AV-EXIST",
        "AV-COMP",
    }
