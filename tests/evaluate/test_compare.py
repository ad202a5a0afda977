"""Paired comparison and anybody's predictions."""

import json

import numpy as np
import pytest

from lookhear.errors import LookhearError
from lookhear.evaluate import compare as compares
from lookhear.evaluate import predictions, report
from lookhear.types import Answer, Clip, Example, Source

KINDS = [("Audio", "Counting"), ("Audio", "Comparative"), ("Visual", "Location")]


def examples(count: int = 120, said: str = "yes") -> list[Example]:
    made = []
    for n in range(count):
        source = Source(f"v{n // 2}")
        meta = {"question_id": n}
        made.append(Example(f"{n}", "question_answering", Clip(source, source), "?", Answer(said), KINDS[n % 3], meta))
    return made


def scored(wrong: set[int], count: int = 120, said: str = "yes") -> report.Report:
    return report.report(examples(count, said), [Answer("no" if n in wrong else said) for n in range(count)])


def test_a_real_difference_is_found_where_it_is():
    better, worse = scored(set()), scored(set(range(0, 120, 3)))
    found = compares.compare(better, worse)
    assert found.differences["Audio/Counting"].difference == 100 and found.differences["Audio/Counting"].significant
    assert found.differences["Audio/Comparative"].holm == 1 and not found.differences["Visual/Location"].significant
    assert found.differences["Overall"].significant and found.differences["Overall"].mcnemar < 0.001
    low, high = found.differences["Audio/Comparative"].interval
    assert low <= 0 <= high and high - low > 1, "no difference in forty videos is not known to be none"
    assert list(found.differences)[-1] == "Overall" and json.dumps(found.to_json())
    assert "+100.00*" in compares.table(found) and "**+100.00**" in compares.table(found, "markdown")


def test_luck_is_not_significance():
    found = compares.compare(scored({1, 5}), scored({2, 7, 9}))
    assert not any(d.significant for d in found.differences.values())


def test_several_runs_a_side():
    found = compares.compare([scored({1}), scored({2}), scored(set())], scored({4}))
    assert found.spreads["ours"]["runs"] == 3 and "theirs" not in found.spreads
    assert found.differences["Overall"].mcnemar is None
    assert found.differences["Overall"].ours == pytest.approx(100 * (1 - 2 / 360))


def test_only_common_questions_count_and_versions_must_agree():
    assert compares.compare(scored(set(), 120), scored(set(), 100)).left_out == 20
    with pytest.raises(LookhearError, match="same version"):
        compares.compare(scored(set()), scored(set(), said="maybe"))
    with pytest.raises(LookhearError, match="no question in common"):
        compares.compare(scored(set(), 10), report.report([], []))


def test_what_does_not_match_is_counted():
    found = predictions.match({"0": "yes", "2": "Maybe", "77": "no"}, examples(3), ("yes", "no"))
    assert [a.text for a in found.answers] == ["yes", "", "Maybe"]
    assert (found.missing, found.extra, found.outside) == (("1",), ("77",), (("2", "Maybe"),))
    assert len(found.lines()) == 3 and "'77'" in found.lines()[1]


def test_a_doubled_id_shares_its_prediction():
    first = examples(1)[0]
    second = Example("0#2", first.task, first.clip, "?", Answer("no"), first.kind, first.meta)
    found = predictions.match({"0": "yes"}, [first, second])
    assert [a.text for a in found.answers] == ["yes", "yes"] and found.shared == 1 and not found.missing
    apart = predictions.match({"0": "yes", "0#2": "no"}, [first, second])
    assert [a.text for a in apart.answers] == ["yes", "no"] and not apart.shared


def test_answers_of_multiple_choice_must_be_choices():
    meta = {"options": ("a dog", "a cat")}
    one = Example("0", "question_answering", Clip(None, None), "?", Answer("a cat"), ("Both",), meta)
    assert predictions.match({"0": "a car"}, [one]).outside == (("0", "a car"),)


def test_each_family_is_corrected_by_itself():
    """Overall alone, groups together, types together: a p of 0.02 among three types is 0.06, alone it stays 0.02."""
    names = ["Overall", "Audio", "Visual", "Audio/Counting", "Audio/Comparative", "Visual/Counting"]
    found = compares._holm(names, np.array([0.02, 0.02, 0.5, 0.02, 0.5, 0.5]))
    assert found["Overall"] == pytest.approx(0.02)
    assert found["Audio"] == pytest.approx(0.04)
    assert found["Audio/Counting"] == pytest.approx(0.06)
