"""Metrics at their edges, worked out by hand: lists of different length, nothing at all, one of each."""

import math

import numpy as np
import pytest

from lookhear.metrics import answers, av_parsing, captions, emotion, evidence, localisation, segmentation
from lookhear.types import Answer, Segment


def said(*texts):
    return [Answer(text) for text in texts]


@pytest.mark.parametrize(
    "metric",
    [
        *(answers.pooled, answers.calibration, lambda a, r: answers.consistency(a, r, "ab"), captions.pooled),
        *(
            av_parsing.pooled,
            av_parsing.parsing_by_label,
            av_parsing.pooled_accuracy,
            av_parsing.event_accuracy_by_label,
        ),
        *(emotion.pooled, emotion.by_class, segmentation.pooled),
        lambda a, r: captions.bleu([["a"]] * len(a), [[["a"]]] * len(r)),
        lambda a, r: evidence.pooled(a, [Answer("x", segments=(Segment("a", 0, 1),)) for _ in r]),
    ],
)
def test_answers_and_references_are_pairs(metric):
    with pytest.raises(ValueError):
        metric(said("a", "b"), said("a"))


def test_accuracy_and_yes():
    assert answers.accuracy(said("a", "b", "c", "d"), said("a", "b", "c", "x")) == 75
    assert {n: m.total for n, m in answers.pooled(said("a", "b"), said("a", "c")).items()} == {"accuracy": 50}
    given, true = said("yes", "yes", "no", "no", "maybe"), said("yes", "no", "yes", "no", "yes")
    found = {n: m.total for n, m in answers.pooled_yes(given, true).items()}
    assert found == pytest.approx({"precision": 50, "recall": 100 / 3, "f1": 40, "yes_rate": 40})
    assert answers.pooled_yes(said("no"), said("no"))["f1"].total == 0


def test_consistency_of_two_rephrasings():
    found = answers.consistency(said("a", "a"), said("a", "b"), [1, 1])
    assert found == {"agreement": 100, "all_same": 100, "all_right": 0}
    assert math.isnan(answers.consistency(said("a"), said("a"), [1])["agreement"])


def test_calibration_of_two_slices():
    given = [
        Answer("a", scores={"a": 1.0}),
        Answer("a", scores={"a": 0.1}),
        Answer("b", scores={"b": 0.12}),
        Answer("c"),
    ]
    found = answers.calibration(given, said("a", "x", "b", "c"), bins=4)
    assert found == pytest.approx({"error": 100 * (0 + abs(0.22 - 1)) / 3, "confidence": 100 * 1.22 / 3, "answers": 3})
    none = answers.calibration(said("a"), said("a"))
    assert none["answers"] == 0 and math.isnan(none["error"]) and math.isnan(none["confidence"])


def test_stretches_that_touch_are_one():
    def seconds(*spans):
        return [Segment("x", start, end, "audio") for start, end in spans]

    assert evidence.iou(seconds((0, 2), (2, 4)), seconds((0, 4))) == 1
    assert evidence.iou(seconds((0, 3), (1, 2)), seconds((0, 3))) == 1
    assert evidence.iou(seconds((0, 1), (5, 8), (6, 9)), seconds((5, 9))) == pytest.approx(4 / 5)
    assert evidence.iou(seconds((3, 3)), seconds((3, 4))) == 1, "a moment lasts a second"
    assert evidence.iou(seconds((3.0, 3.2)), seconds((3, 5))) == 0.5
    assert evidence.iou([], []) == 0
    assert evidence.iou(seconds((0, 4)), [Segment("x", 0, 4, "visual")]) == 0
    assert evidence.iou([Segment("x", 0, 4)], seconds((0, 4))) == 0.5, "both senses named, one meant"
    assert evidence.senses([Segment("x", 0, 4)]) == {"audio", "visual"} and evidence.senses(seconds((0, 1))) == {
        "audio"
    }


def test_emotion_counts_classes_that_occur():
    given, true = said("happy", "happy", "sad", "sad", "angry"), said("happy", "sad", "sad", "sad", "happy")
    found = {n: m.total for n, m in emotion.pooled(given, true).items()}
    by = emotion.by_class(given, true)
    recalls = [by[label]["recall"] for label in ("happy", "sad")]
    assert recalls == pytest.approx([50, 200 / 3]) and by["happy"]["precision"] == 50 and by["sad"]["precision"] == 100
    assert by["sad"]["f1"] == pytest.approx(80) and by["happy"]["f1"] == pytest.approx(50)
    assert found["uar"] == pytest.approx(np.mean(recalls)) and found["war"] == 60
    assert found["weighted_f1"] == pytest.approx((2 * 50 + 3 * 80) / 5)
    assert emotion.by_class(said("sad"), said("happy"))["happy"]["precision"] == 0


def test_complete_iou_by_hand():
    """Centres are (.2, .2) and (.5, .45): the box round both is .7 by .65; shapes are 1:1 and 2:3."""
    a, b = (0.1, 0.1, 0.3, 0.3), (0.4, 0.3, 0.6, 0.6)
    apart, across = 0.3**2 + 0.25**2, 0.5**2 + 0.5**2
    shape = 4 / math.pi**2 * (math.atan(2 / 3) - math.atan(1)) ** 2
    assert localisation.complete_iou(a, b) == pytest.approx(-apart / across - shape / (1 + shape) * shape)
    assert localisation.complete_iou(a, a) == 1
    assert localisation.complete_iou((0, 0, 0, 0), (0, 0, 0, 0)) <= 0


def test_masks_of_another_size_are_fitted():
    small = np.array([[True, False], [False, True]])
    assert segmentation.fitted(small, (2, 2)) is small
    large = segmentation.fitted(small, (4, 6))
    assert large.shape == (4, 6) and large[:2, :3].all() and large[2:, 3:].all() and not large[:2, 3:].any()
