"""UAR, WAR and weighted F1 equal scikit-learn's, whatever is said."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookhear.metrics import emotion as metric
from lookhear.types import Answer

EMOTIONS = ("anger", "joy", "neutral", "sadness")
pairs = st.lists(st.tuples(st.sampled_from((*EMOTIONS, "")), st.sampled_from(EMOTIONS)), min_size=1, max_size=30)


def answers(texts) -> list[Answer]:
    return [Answer(text) for text in texts]


@settings(max_examples=50, deadline=None)
@given(pairs)
def test_equal_to_scikit_learn(pairs):
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    said, true = zip(*pairs, strict=True)
    scores = metric.recognition(answers(said), answers(true))
    classes = sorted(set(true))
    assert scores["war"] == pytest.approx(100 * accuracy_score(true, said))
    assert scores["uar"] == pytest.approx(
        100 * recall_score(true, said, labels=classes, average="macro", zero_division=0)
    )
    assert scores["weighted_f1"] == pytest.approx(
        100 * f1_score(true, said, labels=classes, average="weighted", zero_division=0)
    )


def test_oracles_and_chance():
    true = answers(EMOTIONS * 5)
    assert set(metric.recognition(true, true).values()) == {100}
    constant = metric.recognition(answers(["Joy "] * 20), true)
    assert constant["uar"] == constant["war"] == 25
    uneven = metric.recognition(answers(["joy"] * 4), answers(["joy"] * 3 + ["anger"]))
    assert uneven["war"] == 75 and uneven["uar"] == 50
    assert all(math.isnan(value) for value in metric.recognition([], []).values())


def test_each_class_by_itself():
    said, true = answers(["joy", "joy", "", "anger"]), answers(["joy", "anger", "joy", "anger"])
    table = metric.by_class(said, true)
    assert table["joy"] == {"recall": 50, "precision": 50, "f1": 50, "support": 2}
    assert table["anger"]["precision"] == 100
    assert metric.confusion(said, true) == {
        ("joy", "joy"): 1, ("anger", "joy"): 1, ("joy", ""): 1, ("anger", "anger"): 1
    }  # fmt: skip


def test_a_label_inside_a_longer_reply_is_not_that_label():
    found = metric.recognition(answers(["unhappy", "happy"]), answers(["happy", "happy"]))
    assert found["uar"] == found["war"] == 50.0
