"""Accuracy, consistency and calibration of short answers, against numbers worked out by hand."""

import math

import pytest

from lookhear.metrics import answers as metric
from lookhear.types import Answer


def said(*texts: str) -> list[Answer]:
    return [Answer(text) for text in texts]


def test_letter_case_and_blanks_do_not_count_but_words_do():
    assert metric.correct(Answer(" Yes\n"), Answer("yes"))
    assert not metric.correct(Answer("yes."), Answer("yes"))
    assert metric.accuracy(said("yes", "no"), said("yes", "yes")) == 50
    assert math.isnan(metric.accuracy([], []))


def test_consistency_by_hand():
    answers, references = said("a", "a", "b", "c", "x"), said("a", "a", "a", "c", "y")
    found = metric.consistency(answers, references, [1, 1, 1, 2, 3])
    assert found["agreement"] == pytest.approx(100 / 3), "one of the three pairs agrees; single questions do not count"
    assert found["all_same"] == 0
    assert found["all_right"] == pytest.approx(100 / 3), "question 2 of questions 1, 2 and 3"


def test_calibration_by_hand():
    sure = Answer("yes", {"yes": 0.9, "no": 0.1})
    found = metric.calibration([sure] * 10, said(*["yes"] * 6 + ["no"] * 4))
    assert found["error"] == pytest.approx(30) and found["confidence"] == pytest.approx(90)
    assert math.isnan(metric.calibration(said("yes"), said("yes"))["error"])
