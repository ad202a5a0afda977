"""Metrics at their edges, worked out by hand: lists of different length, nothing at all, one of each."""

import math

import numpy as np
import pytest

from lookhear.metrics import answers, av_parsing, captions, emotion, evidence, localisation, segmentation
from lookhear.types import Answer, Region, Segment


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


def drawn(mask):
    return Answer("x", regions=(Region("x", mask=mask),))


def test_masks_as_sums_are_means_over_pictures():
    """Right, half right, none drawn, and one drawn where nothing is: a quarter of it."""
    full, half = np.ones((2, 2), bool), np.array([[True, True], [False, False]])
    quarter, none = np.array([[True, False], [False, False]]), np.zeros((2, 2), bool)
    given, true = [drawn(full), drawn(half), Answer("x"), drawn(quarter)], [drawn(full)] * 3 + [drawn(none)]
    found = {name: metric.total for name, metric in segmentation.pooled(given, true).items()}
    f = segmentation.f_score(half, full)
    assert found == pytest.approx(
        {
            "J": 100 * (1 + 0.5 + 0) / 3,
            "J_read": 75,
            "F": 100 * (1 + f) / 3,
            "F_read": 50 * (1 + f),
            "no_mask": 100 / 3,
            "S": math.sqrt(1 / 3),
        }
    )


def test_semantic_sums_add_up():
    rng = np.random.default_rng(0)
    said, real = rng.integers(0, 4, (2, 3, 5, 5))
    real[2] = said[2] = 0  # background alone
    scores = segmentation.semantic_scores(segmentation.semantic_sums(said, real, 6))
    pooled = {name: m.total for name, m in segmentation.pooled_semantic(said, real, 6).items()}
    assert pooled == pytest.approx(scores) and len(scores) == 6
    pictures = list(zip(said, real, strict=True))[:2]
    ious = [[(s == k)[r == k].sum() / ((s == k) | (r == k)).sum() for k in range(4)] for s, r in pictures]
    mean = np.mean(ious, axis=0)
    background = (ious[0][0] + ious[1][0] + 1) / 3
    assert scores["mIoU"] == pytest.approx(100 * (background + mean[1:].sum()) / 6)
    assert scores["mIoU_without_background"] == pytest.approx(100 * mean[1:].sum() / 5)
    assert scores["mIoU_present"] == pytest.approx(100 * (background + mean[1:].sum()) / 4)
    assert np.isnan(segmentation.pooled_semantic(said[:0], real[:0], 6)["mIoU"].total)


def test_crab_s_own_scores():
    true, logits = np.array([[1, 1], [0, 0]]), np.array([[2.0, -1.0], [1.0, -3.0]])
    assert segmentation.crab_jaccard(logits, true) == pytest.approx(1 / 3)
    assert segmentation.crab_null_score(logits) == pytest.approx(math.sqrt(0.5))
    nothing = np.zeros((2, 2))
    assert segmentation.crab_jaccard(logits, nothing) == pytest.approx(0.5), "what is rightly left out"
    found = segmentation.crab_scores([logits, logits], [true, nothing])
    curve = segmentation.crab_f_curve(logits, true)
    assert found["F_dataset"] == pytest.approx(100 * curve.max()) and found["F"] == pytest.approx(50 * curve.max())
    assert segmentation.crab_scores([logits], [nothing])["F_dataset"] == 0
    assert np.isnan(segmentation.crab_scores([], [])["F_dataset"])
