"""Masks: both papers' J, F and S equal the official functions; oracles, and the two conventions kept apart."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lookhear.metrics import segmentation as metric
from lookhear.types import Answer, Region
from tests.conftest import shared

masks = arrays(np.uint8, (6, 7), elements=st.integers(0, 1))


def golden(name: str):
    from safetensors import safe_open

    return safe_open(shared("goldens", "av_llm", name), "np")


def test_the_official_numbers_of_crab_plus():
    with golden("metric_seg_crab_plus.safetensors") as tensors:
        for i, row in enumerate(json.loads(tensors.metadata()["results"])):
            said, true = (tensors.get_tensor(f"m{i}.{who}") for who in ("pred", "gt"))
            assert metric.jaccard(said, true) == pytest.approx(row["J"], abs=1e-12)
            assert metric.f_score(said, true) == pytest.approx(row["F"], abs=1e-12)
            assert metric.null_score(said) == pytest.approx(float(row["S"]), abs=1e-12)


def test_the_official_numbers_of_crab():
    with golden("metric_seg_crab.safetensors") as tensors:
        rows = json.loads(tensors.metadata()["results"])
        logits, true = tensors.get_tensor("bin.pred_logits"), tensors.get_tensor("bin.gt")
        for i, one in enumerate(logits):
            assert metric.crab_jaccard(one, true[i]) == pytest.approx(rows["mask_iou"][i], abs=1e-6)
            assert metric.crab_f_curve(one, true[i]).max() == pytest.approx(rows["eval_fmeasure"][i], abs=1e-6)
            assert metric.crab_null_score(one) == pytest.approx(rows["metric_s"][i], abs=1e-6)
        scores = metric.crab_scores(logits, true)
        assert scores["J"] == pytest.approx(100 * rows["mask_iou_batch"], abs=1e-4)
        assert scores["F_dataset"] == pytest.approx(100 * rows["eval_fmeasure_batch"], abs=1e-4)
        sums = metric.semantic_sums(tensors.get_tensor("sem.logits").argmax(1), tensors.get_tensor("sem.target"))
        for mine, name in zip(sums, ("iou_sum", "fscore_sum", "cls_count"), strict=True):
            np.testing.assert_allclose(mine, tensors.get_tensor(f"sem.{name}"), atol=1e-6)
    scores = metric.semantic_scores(sums)
    assert scores["mIoU"] == pytest.approx(100 * rows["sem_miou"], abs=1e-4)
    assert scores["F"] == pytest.approx(100 * rows["sem_fscore"], abs=1e-4)
    iou, f = metric.semantic_by_class(sums)
    assert iou[:-1].mean() == pytest.approx(rows["sem_miou_noBg"], abs=1e-6), "published: lacks the last class"
    assert f[:-1].mean() == pytest.approx(rows["sem_fscore_noBg"], abs=1e-6)
    assert scores["mIoU_without_background"] == pytest.approx(100 * iou[1:].mean())


def test_the_conventions_differ_where_nothing_is_there():
    empty, half, full = np.zeros((4, 4)), np.repeat([[1.0, 1.0, 0.0, 0.0]], 4, axis=0), np.ones((4, 4))
    assert metric.jaccard(empty, empty) == metric.f_score(empty, empty) == 1
    assert metric.jaccard(half, empty) == metric.f_score(half, empty) == metric.f_score(empty, half) == 0
    assert metric.crab_jaccard(half - 0.5, empty) == pytest.approx(0.5)
    assert not metric.crab_f_curve(half - 0.5, empty).any()
    assert metric.null_score(half) == 1 and metric.crab_null_score(half - 0.5) == pytest.approx(math.sqrt(0.5))
    assert math.isinf(metric.null_score(full)) and metric.crab_null_score(full) == 1


def test_the_mean_of_maxima_is_not_the_maximum_of_the_mean():
    true = [np.array([[1, 1, 0, 0]]), np.array([[1, 1, 0, 0]])]
    logits = [np.array([[3.0, 3.0, 1.0, 1.0]]), np.array([[-1.0, -1.0, -3.0, -3.0]])]
    scores = metric.crab_scores(logits, true)
    assert scores["F"] == pytest.approx(100) and scores["F_dataset"] < 90


@given(masks, masks)
def test_j_and_f_are_fractions_and_a_mask_equals_itself(a, b):
    assert 0 <= metric.jaccard(a, b) <= 1 and 0 <= metric.f_score(a, b) <= 1
    assert metric.jaccard(a, b) == metric.jaccard(b, a)
    assert metric.jaccard(a, a) == metric.f_score(a, a) == pytest.approx(1)
    assert metric.jaccard(a[::-1], b[::-1]) == metric.jaccard(a, b)


@settings(max_examples=25, deadline=None)
@given(
    arrays(np.float32, (5, 6), elements=st.floats(-6, 6, width=32)), arrays(np.uint8, (5, 6), elements=st.booleans())
)
def test_the_curve_equals_a_threshold_at_a_time(logits, true):
    if not true.any():
        return
    chance = metric._sigmoid(logits)
    for i in (0, 60, 127, 200, 254):
        said = chance >= metric.THRESHOLDS[i]
        assert metric.crab_f_curve(logits, true)[i] == pytest.approx(metric.f_score(said, true), abs=1e-9)


def test_answers_hold_masks():
    square = np.zeros((4, 4), bool)
    square[:2, :2] = True
    row = np.zeros((4, 4), bool)
    row[0] = True
    one, other = Answer(regions=(Region("dog", mask=square),)), Answer(regions=(Region("dog", mask=row),))
    scores = metric.masks([one, other, Answer(), one], [one, one, one, Answer("absent")])
    assert scores["J"] == pytest.approx(100 * (1 + 2 / 6 + 0) / 3)
    assert scores["J_read"] == pytest.approx(100 * (1 + 2 / 6) / 2), "Crab+ leaves out what it cannot read"
    assert scores["S"] == pytest.approx(math.sqrt(4 / 12)) and scores["null"] == 1
    assert metric.mask_of(Answer(regions=(*one.regions, *other.regions))).sum() == 6


def test_semantic_oracles():
    draw = np.random.default_rng(0)
    true = draw.integers(0, 5, (3, 8, 8))
    perfect = metric.semantic_scores(metric.semantic_sums(true, true, 5))
    assert list(perfect.values()) == pytest.approx([100] * 6)
    absent = metric.semantic_scores(metric.semantic_sums(true % 2, true % 2, 71))
    assert absent["mIoU_present"] == pytest.approx(100) and absent["mIoU"] == pytest.approx(100 * 2 / 71)
    halves = metric.semantic_sums(true[:1], true[:1], 5) + metric.semantic_sums(true[1:], true[1:], 5)
    assert np.array_equal(halves, metric.semantic_sums(true, true, 5))
    with pytest.raises(ValueError, match="class numbers up to 5"):
        metric.semantic_sums(np.full((1, 2, 2), 5), np.zeros((1, 2, 2), int), 5)
